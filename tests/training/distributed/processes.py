"""Starts the command line in several processes, as torchrun would, from one server that has loaded torch already."""

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # the server loads torch before a command could set it
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["lightning", "training.fit", "training.ordering", "training.__main__", __name__])
WITHIN_S = 120


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it has printed."""

    status: int | None
    out: str


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def start(folder: Path, arguments: Sequence[str], faults: dict[int, str] | None = None, world: int = 2) -> list[Any]:
    """Processes that do `python -m training ARGUMENTS`; a fault is the name of a function of `faults.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    children = []
    for rank in range(world):
        env = {
            "TORCHELASTIC_RUN_ID": "test", "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world),
            "LOCAL_WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            "FERSCOPE_HOME": os.environ["FERSCOPE_HOME"], "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        given = (env, str(folder / f"{rank}.txt"), list(arguments), (faults or {}).get(rank, ""))
        children.append(_SERVER.Process(target=_work, args=given))
        children[-1].start()
    return children


def run(folder: Path, arguments: Sequence[str], faults: dict[int, str] | None = None, world: int = 2) -> list[Ended]:
    """Runs them to their end; whoever has not ended in time is killed, and the test fails."""
    return wait(folder, start(folder, arguments, faults, world))


def wait(folder: Path, children: list[Any]) -> list[Ended]:
    deadline = time.monotonic() + WITHIN_S
    for child in children:
        child.join(max(0.1, deadline - time.monotonic()))
    late = [child for child in children if child.is_alive()]
    for child in late:
        os.kill(child.pid, signal.SIGKILL)
    found = [Ended(child.exitcode, (folder / f"{i}.txt").read_text()) for i, child in enumerate(children)]
    assert not late, found
    return found


def _work(env: dict[str, str], log: str, arguments: list[str], fault: str) -> None:
    os.environ.update(env)
    with Path(log).open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    import torch

    torch.set_num_threads(1)
    if fault:
        from tests.training.distributed import faults

        getattr(faults, fault)()
    from training.__main__ import app

    app(arguments, prog_name="python -m training")

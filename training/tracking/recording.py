"""A run's side of its recording."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fer_core.workspace import workspace
from training.run import Run

_PATIENCE_S = 60.0
_ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def recording(run: Run) -> Iterator[None]:
    """Records in MLflow what is done within, where the run asks for it; nothing that happens to the record harms the run.

    The block is entered when the run's folder is claimed, and left when the checkpoint is written.
    """
    if not run.record:
        yield
        return
    end: dict[str, Any] = {"status": "FINISHED", "message": "", "checkpoint": str(run.checkpoint_folder.resolve())}
    process = _start(run)
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        end = {"status": "KILLED", "message": "It was asked to end.", "checkpoint": None}
        raise
    except BaseException as error:
        end = {"status": "FAILED", "message": f"{error}", "checkpoint": None}
        raise
    finally:
        _tell(process, end)
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()
        if end["status"] != "KILLED":  # who is asked to end does not wait for others
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)


def _start(run: Run) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603  (our own command)
        [sys.executable, "-m", "training.tracking.recorder", str(run.folder.resolve())],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True, cwd=_ROOT,
        env={**os.environ, "FERSCOPE_HOME": str(workspace().resolve())},
    )  # fmt: skip
    facts = {"data": run.data_name, "device": os.environ.get("CUDA_VISIBLE_DEVICES") or "all"}
    _tell(process, {"pid": os.getpid(), "facts": facts})
    return process


def _tell(process: subprocess.Popen[str], note: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has said itself why it ended
        if process.stdin is not None:
            process.stdin.write(json.dumps(note) + "\n")
            process.stdin.flush()

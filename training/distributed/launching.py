"""`torchrun` for one machine, within our own command: several processes that do what this one was asked to do."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Sequence

ASKED_TO_END = 143  # exit status: 128 and the number of SIGTERM
_PARENT = "FERSCOPE_LAUNCHER"  # number of the process that has launched this one
_GRACE_S = 300  # for an evaluation to end before the state is kept; who is in a hurry kills


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Runs `python -m training ARGUMENTS` in several processes under torch's elastic agent.

    A process that fails ends the others. SIGTERM goes on to all of them.

    Returns:
        The exit status: that of the process that failed first; 143 where one was killed, or all were asked to end.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Its reports are about processes; what was wrong is said by one of them.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ[_PARENT] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    config = LaunchConfig(
        1, 1, processes, run_id=uuid.uuid4().hex, rdzv_backend="c10d", rdzv_endpoint="localhost:0", max_restarts=0,
        shutdown_timeout=_GRACE_S,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-u", "-m", "training", *arguments)
    except ChildFailedError as error:
        # Of one that is killed the others lose sight, and may be seen to end before it is. They themselves are ended by
        # SIGTERM where another one fails.
        killed = any(failure.exitcode == -signal.SIGKILL for failure in error.failures.values())
        return ASKED_TO_END if killed else error.get_first_failure()[1].exitcode
    except SignalException:
        return ASKED_TO_END
    return 0


def end_with_launcher() -> None:
    """Ends this process as soon as the one that has launched it is not there any more, as after a kill -9."""
    if _PARENT in os.environ:
        threading.Thread(target=_watch, args=(int(os.environ[_PARENT]),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(ASKED_TO_END)

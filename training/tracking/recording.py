"""A run's side of its recording."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fer_core.workspace import workspace

_PATIENCE_S = 60.0
_ROOT = Path(__file__).resolve().parents[2]


class EndedEarlyError(Exception):
    """Ends a run that need not be trained any further, such as a pruned trial; that is no failure of the run's."""


class Recording:
    """Records in MLflow what is done within, from `begin` on; nothing that happens to the record harms the run.

    Args:
        run_folder: the run's folder.
        checkpoint_folder: where its checkpoint goes.
        data_name: what its data are called.
    """

    def __init__(self, run_folder: Path, checkpoint_folder: Path, data_name: str) -> None:
        self.run_folder = run_folder.resolve()
        self.checkpoint_folder = checkpoint_folder.resolve()
        self.data_name = data_name
        self._process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        """The run's folder is its own now: whoever records it may look there."""
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", "training.tracking.recorder", str(self.run_folder)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True, cwd=_ROOT,
            env={**os.environ, "FERSCOPE_HOME": str(workspace().resolve())},
        )  # fmt: skip
        device = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
        facts = {"data": self.data_name, "device": device}
        self._tell({"pid": os.getpid(), "began": time.time(), "facts": facts})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        end: dict[str, Any] = {"status": "FAILED", "message": str(error), "checkpoint": None}
        if error is None:
            end = {"status": "FINISHED", "message": "", "checkpoint": str(self.checkpoint_folder)}
        elif isinstance(error, EndedEarlyError):
            end["status"] = "KILLED"
        elif isinstance(error, SystemExit | KeyboardInterrupt):
            end = {"status": "KILLED", "message": "It was asked to end.", "checkpoint": None}
        self._tell(end)
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        if isinstance(error, SystemExit | KeyboardInterrupt):  # who is asked to end does not wait for others
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)

    def _tell(self, note: dict[str, Any]) -> None:
        stream = None if self._process is None else self._process.stdin
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # it has said itself why it ended
                stream.write(json.dumps(note) + "\n")
                stream.flush()

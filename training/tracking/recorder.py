"""The process that records a run: `python -m training.tracking.recorder FOLDER`, started by the run's own process.

It reads lines of JSON on standard input: what the run is, and at the end how it ended. Where the input ends without
that, the run was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from filelock import FileLock

from fer_core.whole import add_line
from training.tracking.files import LOAD
from training.tracking.load import measure
from training.tracking.store import ask_briefly, tracking_uri

if TYPE_CHECKING:
    from training.tracking.mirror import Mirror

EVERY_S = 5.0
LOAD_EVERY_S = 10.0
TRIES_AT_END_S = 30.0


class Recorder:
    """Records one run from its folder.

    Args:
        folder: the run's.
        facts: what the first line on standard input said: `pid`, and `facts` and `began` for `Mirror`.
    """

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.pid = int(facts["pid"])
        self.facts: dict[str, str] = facts["facts"]
        self.began = float(facts["began"])
        self.mirror: Mirror | None = None
        self._loaded = 0.0
        self._told: set[str] = set()

    def look(self) -> None:
        """Measures the load, and records what is new."""
        if time.monotonic() - self._loaded >= LOAD_EVERY_S:
            self._loaded = time.monotonic()
            row = {"at": time.time(), **measure(self.pid)}
            try:
                add_line(self.folder / LOAD, json.dumps(row))
            except OSError as error:  # a full disk, which the run itself will tell of
                self._tell(f"The load of the machine cannot be noted for now: {error}")
        self._try(lambda mirror: mirror.sync())

    def end(self, status: str, message: str, checkpoint: Path | None) -> bool:
        """Records the end; whether the store took it within `TRIES_AT_END_S` seconds."""
        deadline = time.monotonic() + TRIES_AT_END_S
        while not self._try(lambda mirror: mirror.close(status, message, checkpoint)):
            if time.monotonic() > deadline:
                _say("It was given up; what is in the run's folder is not affected.")
                return False
            time.sleep(1.0)
        return True

    def _try(self, act: Any) -> bool:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        from training.tracking.mirror import Mirror

        try:
            self.mirror = self.mirror or Mirror(self.folder, self.facts, self.began)
            act(self.mirror)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            told = str(error).splitlines()[0][:300]
            self._tell(f"The run cannot be recorded in MLflow at {tracking_uri()} for now: {told}")
            return False
        return True

    def _tell(self, text: str) -> None:
        """Once, not every few seconds."""
        if text not in self._told:
            self._told.add(text)
            _say(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  (the log of the run)


def _read(stream: TextIO, lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def follow(folder: Path, stream: TextIO) -> int:
    """Records until the stream says how the run ended, or ends; the exit status."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(stream, lines), daemon=True).start()
    first = lines.get()
    if first is None:
        return 0
    with FileLock(folder / "recorder.lock"):  # the one of the last attempt may have work left
        recorder = Recorder(folder, json.loads(first))
        end: dict[str, Any] = {"status": "KILLED", "message": "Its process was killed.", "checkpoint": None}
        while True:
            recorder.look()
            with contextlib.suppress(queue.Empty):
                last = lines.get(timeout=EVERY_S)
                end = json.loads(last) if last is not None else end
                break
        checkpoint = Path(end["checkpoint"]) if end["checkpoint"] else None
        return 0 if recorder.end(end["status"], end["message"], checkpoint) else 1


def main(folder: Path) -> int:
    """Makes this a modest process, and records."""
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # it ends with the run, and not before
        signal.signal(kind, signal.SIG_IGN)
    os.nice(10)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    ask_briefly()
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    return follow(folder, sys.stdin)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

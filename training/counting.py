"""How far work on many faces is that a run does before its first step or after its last."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fer_core.durations import duration
from fer_core.whole import whole
from training.tracking.files import PROGRESS


class Count:
    """Tells of it in `progress.json`, under `doing` beside what stands there of steps, and on standard error.

    As a `progress` of fer_core's functions it does so after the first batch at once, then every few seconds.

    Args:
        folder: of the run.
        what: is done.
        total: faces.
        before: how many of them were done by somebody else.
        every_s: seconds between two lines.
    """

    def __init__(self, folder: Path, what: str, total: int, before: int = 0, every_s: float = 10.0) -> None:
        self.file = folder / PROGRESS
        self.what = what
        self.total = total
        self.before = self.done = before
        self.every_s = every_s
        self._began = time.monotonic()
        self._told = -every_s

    def __call__(self, done: int, _total: int) -> None:
        """Tells if it is time."""
        if self.is_due():
            self.tell(done)

    def is_due(self) -> bool:
        """Whether the last line is some seconds old."""
        return time.monotonic() - self._told >= self.every_s

    def tell(self, done: int) -> None:
        """So many faces are done, more than `before`."""
        self.done, self._told = done, time.monotonic()
        left_s = round((self._told - self._began) / (done - self.before) * (self.total - done))
        _write(self.file, {"what": self.what, "done": done, "total": self.total, "seconds_left": left_s})
        said = f"{self.what}: {done:,} of {self.total:,} faces, {duration(left_s)} left"
        print(said, file=sys.stderr, flush=True)  # noqa: T201  (progress belongs on standard error)


@contextlib.contextmanager
def counting(folder: Path, what: str, total: int = 0, before: int = 0) -> Iterator[Count]:
    """Within, a `Count`. Once it is over nothing stands under `doing`; if it was ended, how far it was.

    Args:
        folder: of the run.
        what: is done.
        total: faces; 0 where nobody can tell how far the work is, of which `what` is told then.
        before: as for `Count`.
    """
    if not total:
        _write(folder / PROGRESS, {"what": what, "done": 0, "total": 0, "seconds_left": None})
        print(what, file=sys.stderr, flush=True)  # noqa: T201
    yield Count(folder, what, total, before)
    _write(folder / PROGRESS, None)


def _write(file: Path, doing: dict[str, Any] | None) -> None:
    state: dict[str, Any] = {"step": 0, "steps": 0, "seconds_left": None}
    with contextlib.suppress(FileNotFoundError):
        state = json.loads(file.read_bytes())
    state.pop("doing", None)
    if doing is None and not state["steps"]:
        file.unlink(missing_ok=True)
        return
    with whole(file) as scratch:
        scratch.write_text(json.dumps(state | ({"doing": doing} if doing else {})), encoding="utf-8")

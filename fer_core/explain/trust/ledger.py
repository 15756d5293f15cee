"""How far an examination is, in passes through the network: a method may cost a hundred times another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fer_core.explain.methods import Method
from fer_core.explain.progress import reporting

Progress = Callable[[int, int], None]

AT_ONCE = 32  # faces that a method is given at once, each such part telling its own progress
MEASURING = 64  # passes of one face through deletion, insertion and ROAD
_BACKWARD = 2  # what a backward pass costs in forward ones
COSTLY = 10  # passes of one face above which a method is examined on fewer faces where many maps of each are needed


def cost(method: Method) -> int:
    """Passes for one map of one face, a backward one counting twice. Options are at their defaults."""
    forward, backward = method.passes(64)
    return forward + _BACKWARD * backward


class Ledger:
    """Adds up what is done.

    Args:
        total: passes in all, estimated.
        progress: called with (passes done, passes in all); done never falls, and is all at the end alone.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self._progress = total, progress
        self._done = 0.0

    @contextmanager
    def spending(self, passes: int, faces: int = AT_ONCE) -> Iterator[None]:
        """Within, so many passes are done for so many faces; methods that tell how far they are move it on."""
        parts = max(1, -(-faces // AT_ONCE))
        began, finished = self._done, 0

        def moved(done: int, total: int) -> None:
            nonlocal finished
            share = min(1.0, (finished + done / total) / parts)
            finished += done == total
            self._tell(began + share * passes)

        with reporting(moved):
            yield
        self._tell(began + passes)

    def finish(self) -> None:
        """All is done, whatever the estimate was."""
        if self._progress:
            self._progress(self.total, self.total)

    def _tell(self, done: float) -> None:
        self._done = max(self._done, done)
        if self._progress:
            self._progress(min(int(self._done), self.total - 1), self.total)

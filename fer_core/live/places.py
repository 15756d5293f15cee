"""How many cameras may be live at once on one machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Places:
    """A number of places, each held by a stream for as long as frames come. Safe to use from several threads.

    A place is free again when it is given back, and also when nothing was heard of its stream for `silent_s`: a closed
    laptop gives nothing back.

    Args:
        limit: how many there are; asked each time, so that it may change.
        silent_s: seconds.
        clock: seconds, never going back.
    """

    def __init__(
        self, limit: Callable[[], int], silent_s: float = 20.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self._silent_s = silent_s
        self._clock = clock
        self._lock = threading.Lock()
        self._heard_s: dict[str, float] = {}

    def take(self, who: str) -> bool:
        """Whether `who` holds a place now; one that is held already is kept."""
        limit = self.limit()
        with self._lock:
            self._forget_silent()
            if who not in self._heard_s and len(self._heard_s) >= limit:
                return False
            self._heard_s[who] = self._clock()
            return True

    def heard(self, who: str) -> None:
        """The stream of `who` is alive. One that was silent for too long counts again, were it one too many."""
        with self._lock:
            self._heard_s[who] = self._clock()

    def give_back(self, who: str) -> None:
        """Frees the place of `who`; does nothing where there is none."""
        with self._lock:
            self._heard_s.pop(who, None)

    def free_for(self, who: str) -> bool:
        """Whether `take` would succeed; takes nothing."""
        limit = self.limit()
        with self._lock:
            self._forget_silent()
            return who in self._heard_s or len(self._heard_s) < limit

    @property
    def taken(self) -> int:
        """Places that are held."""
        with self._lock:
            self._forget_silent()
            return len(self._heard_s)

    def _forget_silent(self) -> None:
        since = self._clock() - self._silent_s
        self._heard_s = {who: heard_s for who, heard_s in self._heard_s.items() if heard_s >= since}

"""How a live picture is doing: frames counted, times over the last seconds."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TIMED = ("detector", "classifier", "total", "callback", "map")
_PAUSE_S = 1.0  # without a frame, after which a rate sinks
_MOST = 4096  # times of one kind that are kept, whatever the window


@dataclass(frozen=True)
class Latency:
    """Times of one kind in the window, in milliseconds; NaN where n is 0.

    Attributes:
        n: how many times were measured.
        p50_ms: their median.
        p95_ms: what 95 % of them stay below (linear between neighbours, as `numpy.percentile`).
    """

    n: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Counts:
    """The counters at one moment.

    Attributes:
        frames_in: frames that the callback was given.
        shown: frames that it gave back, drawn.
        analysed: frames that the models answered for.
        dropped: frames that were replaced by a newer one before the models took them.
        shown_per_s: frames shown per second over the window; NaN for fewer than two. A pause of more than a second up
            to now counts, so that a picture that stands still does not keep its rate.
        silent_s: seconds since the last frame came in; NaN before the first.
        latencies: by name of `TIMED`: one look of the detector, the classification of all faces of a frame, a frame's
            coming in until its answer is drawn, the callback itself, and one saliency map.
    """

    frames_in: int
    shown: int
    analysed: int
    dropped: int
    shown_per_s: float
    silent_s: float
    latencies: dict[str, Latency]


class Counters:
    """Counts frames and keeps the times of the last seconds. Safe to use from several threads.

    Args:
        window_s: how far back the times reach, in seconds.
        clock: seconds, never going back.
    """

    def __init__(self, window_s: float = 10.0, clock: Callable[[], float] = time.perf_counter) -> None:
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._frames = {"frames_in": 0, "shown": 0, "analysed": 0, "dropped": 0}
        self._times: dict[str, deque[tuple[float, float]]] = {name: deque(maxlen=_MOST) for name in TIMED}
        self._shown_at: deque[float] = deque(maxlen=_MOST)
        self._last_in_s = math.nan

    def count(self, what: str) -> None:
        """One more of `frames_in`, `shown`, `analysed` or `dropped`."""
        with self._lock:
            self._frames[what] += 1
            if what == "frames_in":
                self._last_in_s = self._clock()
            if what == "shown":
                self._shown_at.append(self._clock())
                self._forget_old()

    def took(self, what: str, seconds: float) -> None:
        """One time of a kind of `TIMED`."""
        with self._lock:
            self._times[what].append((self._clock(), seconds * 1000))
            self._forget_old()

    def read(self) -> Counts:
        """The counters now."""
        with self._lock:
            self._forget_old()
            latencies = {name: _latency([ms for _, ms in times]) for name, times in self._times.items()}
            now = self._clock()
            return Counts(
                **self._frames,
                shown_per_s=_rate(self._shown_at, now),
                silent_s=now - self._last_in_s,
                latencies=latencies,
            )

    def _forget_old(self) -> None:
        """Drops what is older than the window."""
        since = self._clock() - self._window_s
        for times in self._times.values():
            while times and times[0][0] < since:
                times.popleft()
        while self._shown_at and self._shown_at[0] < since:
            self._shown_at.popleft()


def _latency(times_ms: list[float]) -> Latency:
    if not times_ms:
        return Latency(0, math.nan, math.nan)
    p50, p95 = np.percentile(times_ms, (50, 95))
    return Latency(len(times_ms), float(p50), float(p95))


def _rate(times_s: deque[float], now_s: float) -> float:
    """Intervals per second between the first and the last time, or now where that is more than a second ago."""
    if len(times_s) < 2:
        return math.nan
    until_s = now_s if now_s - times_s[-1] > _PAUSE_S else times_s[-1]
    return (len(times_s) - 1) / (until_s - times_s[0]) if until_s > times_s[0] else math.nan

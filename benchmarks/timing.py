"""Interleaved timing: on a noisy machine only what was measured in turns can be compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal, as the README shows it.

    Attributes:
        what: was measured.
        measured: value and unit, with what it is compared with.
        goal: value and unit.
        met: whether the goal is.
    """

    what: str
    measured: str
    goal: str
    met: bool

    def __str__(self) -> str:
        return f"{self.what}: {self.measured} (goal: {self.goal}, {'met' if self.met else 'missed'})"


def interleaved_ms(ways: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 3) -> dict[str, float]:
    """Median time of each way in milliseconds; the ways take turns, A B A B.

    Args:
        ways: by name, what is timed.
        rounds: how often each is timed.
        warm_up: how often each runs untimed first.
    """
    for _ in range(warm_up):
        for way in ways.values():
            way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: median(values) for name, values in times.items()}

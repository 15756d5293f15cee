"""Which of the ways to run a checkpoint is the fastest on this machine: PyTorch, or one of its exported files."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.card import Precision
from fer_core.checkpoint import open_checkpoint
from fer_core.errors import CheckpointError, UnavailableError
from fer_core.predict import Predictor, get_predictor

_ROUNDS, _UNTIMED = 9, 2


@dataclass(frozen=True)
class Choice:
    """The fastest way, and what it was chosen from.

    Attributes:
        predictor: the fastest one; of equals the first of `times_ms`.
        times_ms: by way (`int8 by ONNX Runtime`, `float32 by PyTorch`, ...) the median milliseconds for one face here;
            empty where there was one way alone.
        problems: a sentence for each exported file that the card names and that cannot be used.
    """

    predictor: Predictor
    times_ms: dict[str, float]
    problems: tuple[str, ...] = ()

    def as_text(self) -> str:
        """A sentence: what answers, and how much time it and the others take."""
        mine = way(self.predictor)
        if not self.times_ms:
            return f"{self.predictor.card.name} answers in {mine}."
        others = ", ".join(f"{name} {ms:.1f} ms" for name, ms in self.times_ms.items() if name != mine)
        took = f"{self.times_ms[mine]:.1f} ms a face when it was loaded"
        return f"{self.predictor.card.name} answers in {mine}, the fastest here: {took}; {others}."


def way(predictor: Predictor) -> str:
    """In words, in what and by what it computes."""
    return f"{predictor.precision} by {predictor.backend}"


def choose(name: str | Path, precisions: Sequence[Precision] = ("float32",)) -> Choice:
    """Times what can answer for a checkpoint in one of some precisions, and takes the fastest.

    PyTorch stands in for an exported file that is broken or cannot be run; `problems` says so.

    Args:
        name: of the checkpoint, or its folder.
        precisions: those that may be taken, at least one; in the others nothing is looked at.

    Raises:
        CheckpointError: as `get_predictor`; of an exported file alone where nothing else has the precision.
        UnavailableError: nothing but an exported file has the precision, and ONNX Runtime is not installed.
    """
    exports = open_checkpoint(name).card.exports
    ways: list[tuple[Precision, bool]] = [(precision, True) for precision in precisions if precision in exports]
    ways += [(precision, False) for precision in precisions if precision != "int8"]
    found: list[Predictor] = []
    problems: list[str] = []
    for precision, exported in ways:
        try:
            found.append(get_predictor(name, precision, exported=exported))
        except (CheckpointError, UnavailableError) as error:
            if not exported:
                raise
            problems.append(str(error))
    if not found:
        found = [get_predictor(name, precisions[0])]  # says what is wrong, or what is missing
    times = _once(*found) if len(found) > 1 else (0.0,)
    timed = {way(p): ms for p, ms in zip(found, times, strict=True)} if len(found) > 1 else {}
    return Choice(found[times.index(min(times))], timed, tuple(problems))


@functools.lru_cache(maxsize=8)
def _once(*predictors: Predictor) -> tuple[float, ...]:
    """As `times_ms`, once per process."""
    return times_ms(*predictors)


def times_ms(*predictors: Predictor, clock: Callable[[], float] = time.perf_counter) -> tuple[float, ...]:
    """The median milliseconds of each predictor for one face.

    They are timed in turns, so that what else the machine does falls on each of them.
    """
    face = [np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)]
    times: list[list[float]] = [[] for _ in predictors]
    for turn in range(_UNTIMED + _ROUNDS):
        for mine, predictor in zip(times, predictors, strict=True):
            started = clock()
            predictor.probabilities(face)
            if turn >= _UNTIMED:  # the first ones pay for what is loaded then
                mine.append(1000 * (clock() - started))
    return tuple(statistics.median(mine) for mine in times)

"""The predictor that a live picture uses."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from fer_core.card import ONNX_FILES
from fer_core.checkpoint import open_checkpoint
from fer_core.predict import Predictor, get_predictor

_ROUNDS = 9


def live_predictor(name: str | Path) -> Predictor:
    """The faster predictor of a checkpoint on this machine: as its card says, or in 8 bits where it has such a file.

    Raises:
        CheckpointError: as `get_predictor`; also where the 8-bit file is not the one that the card describes.
    """
    checkpoint = open_checkpoint(name)
    file = checkpoint.folder / ONNX_FILES["int8"]
    if "int8" not in checkpoint.card.exports or not file.is_file() or find_spec("onnxruntime") is None:
        return get_predictor(name)
    return _fastest(get_predictor(name, "int8"), get_predictor(name))


@functools.lru_cache(maxsize=8)
def _fastest(*predictors: Predictor) -> Predictor:
    """As `fastest`, once per process."""
    return fastest(*predictors)


def fastest(*predictors: Predictor, clock: Callable[[], float] = time.perf_counter) -> Predictor:
    """The predictor with the lowest median time for one face; of equals the first.

    They are timed in turns, so that what else the machine does falls on each of them.
    """
    face = [np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)]
    times: list[list[float]] = [[] for _ in predictors]
    for turn in range(_ROUNDS + 2):
        for mine, predictor in zip(times, predictors, strict=True):
            started = clock()
            predictor.probabilities(face)
            if turn >= 2:  # the first ones pay for what is loaded then
                mine.append(clock() - started)
    medians = [statistics.median(mine) for mine in times]
    return predictors[medians.index(min(medians))]

"""What a model costs: parameters, multiply-adds, size on disk, and time on this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fer_core.card import WEIGHTS

if TYPE_CHECKING:
    from fer_core.checkpoint import Checkpoint
    from fer_core.predict import Predictor


@dataclass(frozen=True)
class Cost:
    """What one face costs.

    Attributes:
        parameters: trainable ones.
        macs: multiply-adds of one answer, both views where the card asks for two.
        size_bytes: of the weights on disk.
    """

    parameters: int
    macs: int
    size_bytes: int


def multiply_adds(checkpoint: Checkpoint) -> int:
    """Multiply-adds of convolutions, matrix products and attention for one face as the card has it.

    Half of what PyTorch's own counter of floating-point operations finds; what is done element by element (activations,
    normalisation) is left out, as is usual. Neither weights nor pictures are needed.

    Raises:
        ModelError: the card's network cannot be built.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    card = checkpoint.card
    with torch.device("meta"):
        network = card.build().eval()
        side = card.preprocess.size_px
        face = torch.empty((2 if card.flip else 1, card.preprocess.channels, side, side))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(face)
    return int(counter.get_total_flops()) // 2


def cost(checkpoint: Checkpoint) -> Cost:
    """Parameters, multiply-adds and size of a checkpoint.

    Raises:
        ModelError: as `multiply_adds`.
    """
    file = checkpoint.folder / WEIGHTS
    size = file.stat().st_size if file.is_file() else 0
    return Cost(checkpoint.card.parameters, multiply_adds(checkpoint), size)


@dataclass(frozen=True)
class Latency:
    """Time of one face, measured several times.

    Attributes:
        median_ms: milliseconds.
        interval: 95 % bounds of the median whatever the times' distribution (order statistics: Conover 1999, Practical
            Nonparametric Statistics, 3.2); NaN below six times.
        n: times.
    """

    median_ms: float
    interval: tuple[float, float]
    n: int

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Latency:
        """What so many times tell, at least one."""
        times, n = sorted(times_ms), len(times_ms)
        outside, below = 0, 0.0  # so many times may lie outside on either side
        while below + math.comb(n, outside) / 2**n <= 0.025:
            below += math.comb(n, outside) / 2**n
            outside += 1
        bounds = (times[outside - 1], times[n - outside]) if outside else (math.nan, math.nan)
        return cls(float(np.median(times)), bounds, n)


def latency(predictor: Predictor, rounds: int = 40) -> Latency:
    """The time for one face on this machine, preprocessing included, of a few untimed and so many timed rounds."""
    import time

    side = predictor.card.preprocess.size_px
    face = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    times = []
    for _ in range(rounds + 3):
        started = time.perf_counter()
        predictor.probabilities([face])
        times.append((time.perf_counter() - started) * 1000)
    return Latency.of(times[3:])

"""One 48x48 face through the shipped compact model on one thread, against faces in batches of 64 on all cores.

Goals: a median of at most 3 ms for one face, preprocessing and mirror image included, and at least five times as many
faces per second in batches as one by one. Run: python -m benchmarks.compact_latency
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from benchmarks.timing import Figure, interleaved_ms
from fer_core.card import Precision
from fer_core.checkpoint import open_checkpoint
from fer_core.predict import Predictor

BATCH = 64
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")


def measure(faces: int, threads: int, rounds: int) -> dict[Precision, float]:
    """Median milliseconds per face, so many at a time, by precision; the precisions take turns."""
    noise = [np.random.default_rng(i).integers(0, 256, (48, 48), dtype=np.uint8) for i in range(faces)]
    torch.set_num_threads(threads)
    checkpoint = open_checkpoint("compact")

    def way(precision: Precision) -> Callable[[], object]:
        predictor = Predictor(checkpoint, precision)  # takes as many threads as torch has now
        return lambda: predictor.probabilities(noise)

    times = interleaved_ms({precision: way(precision) for precision in PRECISIONS}, rounds=rounds)
    return {precision: times[precision] / faces for precision in PRECISIONS}


def figures() -> list[Figure]:
    """One face at a time; faces in batches."""
    cores = torch.get_num_threads()
    one, many = measure(1, 1, rounds=200), measure(BATCH, cores, rounds=20)
    torch.set_num_threads(cores)
    return [
        Figure(
            "one face through `compact` with its mirror image, one thread, int8 on ONNX Runtime",
            f"{one['int8']:.1f} ms; in PyTorch float32 {one['float32']:.1f} ms, bfloat16 {one['bfloat16']:.1f} ms",
            "3 ms",
            one["int8"] <= 3,
        ),
        Figure(
            f"batches of {BATCH} on {cores} cores against one face at a time in float32, faces per second",
            f"int8 {one['float32'] / many['int8']:.1f} times, bfloat16 {one['float32'] / many['bfloat16']:.1f}, "
            f"float32 {one['float32'] / many['float32']:.1f}; int8 against itself {one['int8'] / many['int8']:.1f}",
            "5 times",
            one["float32"] / many["int8"] >= 5,
        ),
    ]


if __name__ == "__main__":
    print(*figures(), sep="\n")

"""One 48x48 face through the shipped compact model on one thread, against faces in batches of 64.

Goals: a median of at most 3 ms for one face, preprocessing and mirror image included, and at least five times as many
faces per second in batches. Run: python -m benchmarks.compact_latency
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.timing import interleaved_ms
from fer_core.predict import Precision, get_predictor

BATCH = 64


def measure(precision: Precision, threads: int) -> float:
    """Median milliseconds per face in batches of 64."""
    predictor = get_predictor("compact", precision)
    faces = [np.random.default_rng(i).integers(0, 256, (48, 48), dtype=np.uint8) for i in range(BATCH)]
    torch.set_num_threads(threads)
    return interleaved_ms({"batch": lambda: predictor.probabilities(faces)}, rounds=30)["batch"] / BATCH


def main() -> None:
    """Prints the table."""
    cores = torch.get_num_threads()
    predictor = get_predictor("compact")
    face = [np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)]
    torch.set_num_threads(1)
    single = interleaved_ms({"one": lambda: predictor.probabilities(face)}, rounds=200, warm_up=20)["one"]
    print(f"one face, one thread, float32: median {single:.2f} ms (goal: at most 3 ms)")
    for precision in ("float32", "bfloat16"):
        for threads in (1, cores):
            each = measure(precision, threads)
            print(
                f"batch of {BATCH}, {threads} thread(s), {precision}: {each:.2f} ms a face, ratio {single / each:.1f}"
            )


if __name__ == "__main__":
    main()

"""One 48x48 face through the shipped compact model on one thread, against faces in batches of 64.

Goals: a median of at most 3 ms for one face, preprocessing and mirror image included, and at least five times as many
faces per second in batches. Run: python -m benchmarks.compact_latency
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.timing import Figure, interleaved_ms
from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.predict import Predictor

BATCH = 64


def measure(predictor: Predictor, faces: int, threads: int, rounds: int = 30) -> float:
    """Median milliseconds per face, so many at a time."""
    noise = [np.random.default_rng(i).integers(0, 256, (48, 48), dtype=np.uint8) for i in range(faces)]
    torch.set_num_threads(threads)
    return interleaved_ms({"": lambda: predictor.probabilities(noise)}, rounds=rounds)[""] / faces


def figures() -> list[Figure]:
    """One face at a time, with and without its mirror image; faces in batches on all cores."""
    cores = torch.get_num_threads()
    checkpoint = open_checkpoint("compact")
    plain = Checkpoint(checkpoint.folder, checkpoint.card.model_copy(update={"flip": False}))
    one = measure(Predictor(checkpoint), 1, 1, rounds=200)
    unmirrored = measure(Predictor(plain), 1, 1, rounds=200)
    ratio = one / measure(Predictor(checkpoint), BATCH, cores)
    fast = one / measure(Predictor(checkpoint, "bfloat16"), BATCH, cores)
    return [
        Figure(
            "one face through `compact`, one thread, both mirror images",
            f"{one:.1f} ms ({unmirrored:.1f} ms without the mirror image)",
            "3 ms",
            one <= 3,
        ),
        Figure(
            f"batches of {BATCH} against one face, faces per second",
            f"{ratio:.1f} times ({fast:.1f} in bfloat16)",
            "5 times",
            ratio >= 5,
        ),
    ]


if __name__ == "__main__":
    print(*figures(), sep="\n")

"""Answers for faces with the package `fer`, in its own virtual environment; `benchmarks.rivals` starts it.

    PYTHON benchmarks/rival_fer.py MODEL MARGIN

MODEL is `tflite`, the package's default since 25.10, or `keras`, its network as it was published. MARGIN is the pixels
that the package is told to take around a face: 10 is its default, 0 the crop as it is. For each line on standard input,
the path of an NPZ file with `faces` (N, H, W, 3) of uint8, one line comes back: JSON with `seconds` for all N one after
the other, and `scores` (N, 7) in the order of FER2013's classes.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from fer.fer import FER  # type: ignore[import-not-found]  # in the other environment

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def main(model: str, margin: str) -> None:
    """Answers until standard input ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # what TensorFlow prints must not come between the answers
    rival = FER(use_tflite=model == "tflite", offsets=(int(margin), int(margin)))
    for line in sys.stdin:
        faces = np.load(line.strip())["faces"]
        started = time.perf_counter()
        found = [rival.detect_emotions(face, [(0, 0, face.shape[1], face.shape[0])]) for face in faces]
        seconds = time.perf_counter() - started
        scores = [[one["emotions"][name] for name in CLASSES] for [one] in found]
        print(json.dumps({"seconds": seconds, "scores": scores}), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

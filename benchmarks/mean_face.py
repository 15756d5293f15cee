"""Where eyes, nose and mouth lie in tight crops such as FER2013's: the numbers of `fer_core.regions.sources`.

    python -m benchmarks.mean_face DATA [--split train] [--faces 1000]

DATA is a name or path as for `--data`. YuNet looks at each crop enlarged; see `DetectedPoints`, which also decides
whether what it finds is the crop's face.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fer_core.data.opening import open_samples
from fer_core.faces import LANDMARKS
from fer_core.regions.sources import DetectedPoints


def main() -> None:
    """Prints median and spread of each point, in fractions of the side, and how many faces were found."""
    parser = argparse.ArgumentParser(description="Where the five points lie in the crops of a data set.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--faces", type=int, default=1000)
    given = parser.parse_args()
    samples = open_samples(given.data).split(given.split)
    rows = np.random.default_rng(0).choice(len(samples), min(given.faces, len(samples)), replace=False)
    faces = [samples.decode(int(row)) for row in rows]
    found = [p.five for p in DetectedPoints().find(faces, [""] * len(faces)) if p is not None]
    print(f"{len(found)} of {len(rows)} crops show a face in their middle")
    for name, values in zip(LANDMARKS, np.stack(found, 1), strict=True):
        x, y = np.median(values, 0)
        low, high = np.percentile(values, [16, 84], axis=0)
        print(f"{name:<20} x {x:.3f} ({low[0]:.3f} to {high[0]:.3f})  y {y:.3f} ({low[1]:.3f} to {high[1]:.3f})")


if __name__ == "__main__":
    main()

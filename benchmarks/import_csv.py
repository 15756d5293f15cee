"""Import of FER2013's CSV against the obvious loop over the rows of a pandas frame.

    OMP_NUM_THREADS=1 python -m benchmarks.import_csv [--data fer2013.csv] [--rounds 5] [--rows 5000]

Ours parses, checks, hashes (SHA-256 and perceptual), measures brightness, contrast and sharpness, packs every face and
makes the sample table. The loop makes arrays and SHA-256 hashes alone, and in a second form the package imagehash's
perceptual hash as well, which is what ours does at the least. All take turns within one run, so that another program's
load falls on each. Without --data the CSV holds drawn faces. The goal is at least 5 times the loop's speed.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.timing import Figure, interleaved_ms
from fer_core.data import read_samples

GOAL = 5.0
_SIDE_PX = 48


def _write(path: Path, rows: int) -> None:
    """FER2013's layout with `rows` blurred patterns, whose numbers are as long as a photograph's."""
    chance = np.random.default_rng(0)
    with path.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for row in range(rows):
            face = cv2.GaussianBlur(chance.normal(128, 600, (_SIDE_PX, _SIDE_PX)), (0, 0), 4).clip(0, 255).astype(int)
            usage = "Training" if row % 10 else "PublicTest"
            file.write(f"{row % 7},{' '.join(map(str, face.ravel().tolist()))},{usage}\n")


def _loop(path: Path, *, perceptual: bool) -> list[str]:
    hashes = []
    for _, row in pd.read_csv(path).iterrows():
        face = np.array(row["pixels"].split(), dtype=np.uint8).reshape(_SIDE_PX, _SIDE_PX)
        hashes.append(hashlib.sha256(face.tobytes()).hexdigest())
        if perceptual:
            hashes.append(str(imagehash.phash(Image.fromarray(face))))
    return hashes


def _took(path: Path, rounds: int) -> dict[str, float]:
    """Milliseconds of each way."""
    ways = {
        "ours": lambda: read_samples(path),
        "loop": lambda: _loop(path, perceptual=False),
        "loop with perceptual hash": lambda: _loop(path, perceptual=True),
    }
    return interleaved_ms(ways, rounds=rounds, warm_up=1)


def _compare(path: Path, rounds: int) -> None:
    rows = len(read_samples(path).samples)
    took = _took(path, rounds)
    print(f"{path.name}: {rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, median of {rounds} rounds")
    for name, ms in took.items():
        ratio = "" if name == "ours" else f", {ms / took['ours']:.1f} times as long as ours"
        print(f"  {name}: {ms / 1000:.2f} s, {ms / rows * 1000:.0f} us a row{ratio}")
    least = took["loop with perceptual hash"] / took["ours"]
    print(f"goal {GOAL:.0f} times against the loop that hashes as we do: {'met' if least >= GOAL else 'missed'}")


def figures() -> list[Figure]:
    """5,000 drawn rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fer2013.csv"
        _write(path, 5000)
        took = _took(path, 5)
    ratio, light = took["loop with perceptual hash"] / took["ours"], took["loop"] / took["ours"]
    each = f"{took['ours'] / 5000 * 1000:.0f} us a face"
    measured = f"{ratio:.1f} times as fast ({each}); {light:.1f} times a loop without pHash"
    what = "import of FER2013's CSV against a loop over pandas rows with the same hashes (SHA-256, pHash)"
    return [Figure(what, measured, f"at least {GOAL:.0f} times", ratio >= GOAL)]


def main() -> None:
    """Prints the time of each and the ratios."""
    parser = argparse.ArgumentParser(description="Import of FER2013's CSV against a loop over a pandas frame.")
    parser.add_argument("--data", type=Path, help="a real fer2013.csv or icml_face_data.csv with a column pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=5000, help="of the drawn CSV")
    given = parser.parse_args()
    if given.data is not None:
        _compare(given.data, given.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fer2013.csv"
        _write(path, given.rows)
        _compare(path, given.rounds)


if __name__ == "__main__":
    main()

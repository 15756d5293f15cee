"""Nearly equal pictures among 35,000: our search against the obvious one, two loops over imagehash objects.

The pictures are drawn noise, smoothed, with a hundred changed copies. Hashing, search, and comparison of the pictures
themselves are timed; the obvious way is timed on a few hundred pictures and extrapolated, hashing with N and pairs with
N squared. Both must find all copies among those. Both run on one thread. Goal: under 60 s.
Run: python -m benchmarks.near_duplicates [--n 35000] [--rivals 600]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.timing import Figure
from fer_core.data.audit import AuditContext
from fer_core.data.audit.context import NEAR_BITS
from fer_core.data.pictures import pack_grey, pixel_hash
from fer_core.data.table import SampleTable
from fer_core.labels import FER7

COPIES = 100
GOAL_S = 60
Picture = NDArray[np.uint8]
Answer = TypeVar("Answer")


def drawn(n: int) -> Picture:
    """(n, 48, 48) smooth pictures; number i + n/2 is a lighter copy of number i for the first hundred."""
    chance = np.random.default_rng(0)
    out = np.empty((n, 48, 48), dtype=np.uint8)
    for i in range(n):
        noise = cv2.GaussianBlur(chance.normal(0, 1, (48, 48)).astype(np.float32), (0, 0), 4)
        out[i] = np.clip(128 + 45 * noise / noise.std(), 0, 255)
    out[n // 2 : n // 2 + COPIES] = np.clip(out[:COPIES] * 0.9 + 10, 0, 255)
    return out


def timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds of processor time, which other programs do not lengthen, and what came of it."""
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def table_of(faces: Picture) -> SampleTable:
    """The pictures as samples, not yet looked at."""
    n = len(faces)
    columns = {
        "sample_id": [str(i) for i in range(n)],
        "image": [pack_grey(face) for face in faces],
        "split": ["train"] * n,
        "width": [48] * n,
        "height": [48] * n,
        "source": ["drawn"] * n,
        "sha256": [pixel_hash(face) for face in faces],
    }
    return SampleTable.from_columns(columns, FER7)


def loops(hashes: list[imagehash.ImageHash]) -> set[tuple[int, int]]:
    """Every pair at most so many bits apart."""
    n = len(hashes)
    return {(i, j) for i in range(n) for j in range(i + 1, n) if hashes[i] - hashes[j] <= NEAR_BITS}


def figures(n: int = 35_000, rivals: int = 600) -> list[Figure]:
    """Ours over n pictures; the obvious way over a few, extrapolated.

    Raises:
        SystemExit: a copy was missed, or something was found that is none.
    """
    faces = drawn(n)
    samples = table_of(faces)
    ours_s, (links, _) = timed(lambda: AuditContext(samples).near_links)
    if set(map(tuple, links.tolist())) != {(i, i + n // 2) for i in range(COPIES)}:
        raise SystemExit(f"Our search found {len(links)} pairs, but not just the {COPIES} copies.")

    half = rivals // 2
    few = np.concatenate([faces[:half], faces[n // 2 : n // 2 + half]])
    hash_s, hashes = timed(lambda: [imagehash.phash(Image.fromarray(face)) for face in few])
    pair_s, pairs = timed(lambda: loops(hashes))
    hit = len(pairs & {(i, i + half) for i in range(min(COPIES, half))})
    scale = n / len(few)
    theirs_s = hash_s * scale + pair_s * scale**2
    return [
        Figure(
            f"nearly equal pictures among {n:,}, mirrored ones too",
            f"{ours_s:.1f} s of processor time, {theirs_s / ours_s:.0f} times imagehash in two loops (from "
            f"{len(few)}; it found {hit} of {min(COPIES, half)} copies and {len(pairs) - hit} others)",
            f"{GOAL_S} s",
            ours_s < GOAL_S,
        )
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=35_000)
    parser.add_argument("--rivals", type=int, default=600, help="pictures given to the obvious way")
    given = parser.parse_args()
    print(*figures(given.n, given.rivals), sep="\n")

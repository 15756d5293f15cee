"""Nearly equal pictures among many: hashes that differ in few bits, then the pictures themselves."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.pictures import Picture

Pairs = NDArray[np.int64]  # (P, 2), the first index below the second

_ROWS = 128
SHIFT_PX = 2
_SOFT_PX = 0.6
_FINER = 2


def hash_bits(hashes: list[str]) -> NDArray[np.uint64]:
    """(N,) numbers of N times 16 hex digits."""
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


def near_pairs(hashes: NDArray[np.uint64], against: NDArray[np.uint64], distance: int) -> Iterator[tuple[float, Pairs]]:
    """Every pair i < j whose `hashes[i]` and `against[j]` differ in at most `distance` bits; exact.

    All pairs are compared, block by block: some seconds for 35,000 hashes, time grows with the square, memory with N.

    Args:
        hashes: (N,) 64-bit hashes.
        against: (N,) the same array, or hashes of the mirrored pictures.
        distance: bits, 0 to 64.

    Yields:
        Share done, 0 to 1, and a block of pairs, perhaps empty.
    """
    n = len(hashes)
    for start in range(0, n, _ROWS):
        rows = hashes[start : start + _ROWS, None]
        i, j = np.nonzero(np.bitwise_count(rows ^ against[None, start:]) <= distance)
        above = j > i
        share = 1 - (1 - min(1.0, (start + _ROWS) / n)) ** 2
        yield share, np.stack([i[above], j[above]], axis=1).astype(np.int64) + start


def correlations(grey: Picture, pairs: Pairs, mirrored: bool = False) -> NDArray[np.float64]:
    """How alike the two pictures of each pair are, whatever their brightness and contrast.

    Pearson's correlation of the first picture's inside with the second picture, at the best of all shifts up to two
    pixels in steps of half a pixel. Both are blurred slightly, which evens out what coding and scaling do to details.

    Args:
        grey: (N, 48, 48).
        pairs: (P, 2) indices into `grey`.
        mirrored: whether the second picture is mirrored first.

    Returns:
        (P,) -1 to 1; 0 where the first picture's inside is of one grey.
    """
    return np.array([_alike(grey[i], grey[j, :, ::-1] if mirrored else grey[j]) for i, j in pairs.tolist()])


def _alike(first: Picture, second: Picture) -> float:
    one, other = _fine(first), _fine(np.ascontiguousarray(second))
    border = _FINER * SHIFT_PX
    inside = np.ascontiguousarray(one[border:-border, border:-border])
    if inside.max() == inside.min():
        return 0.0
    return float(cv2.matchTemplate(other, inside, cv2.TM_CCOEFF_NORMED).max())


def _fine(picture: Picture) -> Picture:
    side = _FINER * len(picture)
    return cv2.resize(cv2.GaussianBlur(picture, (0, 0), _SOFT_PX), (side, side))  # type: ignore[return-value]

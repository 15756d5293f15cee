"""Pictures whose pixels alone say that there is no face: blank ones, signs and texts, and what is like no other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.limits import BLANK_CONTRAST, FLAT_SHARE, LIKE_NOTHING, UNLIKE
from fer_core.data.pictures import Picture

_COARSE_PX = 12
_FLAT_STEP = 2
_ROWS = 1024
_REFERENCE = 1000
_ALIKE = 50  # likeness is that to the rank N / 50 of the most alike, so that a few non-faces of one kind are no company
_FEWEST = 100


def coarse(grey: Picture) -> NDArray[np.float32]:
    """(N, 144) pictures (N, H, W) at 12x12 with mean 0 and length 1; all 0 where a picture is of one grey."""
    small = [cv2.resize(picture, (_COARSE_PX, _COARSE_PX), interpolation=cv2.INTER_AREA) for picture in grey]
    flat = np.array(small, dtype=np.float32).reshape(len(grey), _COARSE_PX**2)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    centred: NDArray[np.float32] = np.divide(flat, length, out=np.zeros_like(flat), where=length > 1)
    return centred


def turned(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 144) thumbnails of the mirrored pictures."""
    squares = thumbnails.reshape(-1, _COARSE_PX, _COARSE_PX)
    return np.ascontiguousarray(squares[:, :, ::-1]).reshape(thumbnails.shape)


def flat_share(grey: Picture) -> NDArray[np.float64]:
    """(N,) share of neighbouring pixels, across and down, that differ by at most two grey levels; grey is (N, H, W)."""
    out = np.zeros(len(grey))
    for start in range(0, len(grey), _ROWS):
        part = grey[start : start + _ROWS].astype(np.int16)
        across = np.abs(np.diff(part, axis=2)) <= _FLAT_STEP
        down = np.abs(np.diff(part, axis=1)) <= _FLAT_STEP
        out[start : start + len(part)] = (across.mean((1, 2)) + down.mean((1, 2))) / 2
    return out


def unlikeness(thumbnails: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much less than usual each picture is like the others, in units of `UNLIKE` robust standard deviations.

    A face resembles many others when both are blurred to 12x12; a texture resembles nothing. Likeness is the
    correlation, mirrored if that is higher, with the twentieth most alike of a thousand others (of fewer: the rank is a
    fiftieth).

    Args:
        thumbnails: (N, 144) as from `coarse`.

    Returns:
        (N,) 1 or more where likeness is unusually low: median less own, in units of 1.4826 times the median absolute
        deviation, divided by `UNLIKE`. 0 where it is above `LIKE_NOTHING`, since in a uniform data set little is
        unusual, and for fewer than a hundred pictures, too few to say what is usual.
    """
    n = len(thumbnails)
    if n < _FEWEST:
        return np.zeros(n)
    others = thumbnails[np.random.default_rng(0).choice(n, min(n, _REFERENCE), replace=False)]
    rank = max(2, len(others) // _ALIKE)
    likeness = np.empty(n)
    for start in range(0, n, _ROWS):
        part = thumbnails[start : start + _ROWS]
        alike = np.maximum(part @ others.T, turned(part) @ others.T)
        likeness[start : start + _ROWS] = np.partition(alike, -rank, axis=1)[:, -rank]
    usual = np.median(likeness)
    spread = 1.4826 * np.median(np.abs(likeness - usual))
    return np.where(likeness < LIKE_NOTHING, (usual - likeness) / max(float(spread), 1e-6) / UNLIKE, 0)


def faceless_scores(
    flat: NDArray[np.floating], contrast: NDArray[np.floating], unlike: NDArray[np.floating]
) -> NDArray[np.float64]:
    """How surely each picture shows no face; from 1 on it is called faceless.

    The largest of three: how much of it is flat, divided by `FLAT_SHARE` (a sign, a text, an error message), how unlike
    the others it is, and, where it is blank, 2.

    Args:
        flat: (N,) as from `flat_share`; 0 where it says nothing, because the picture is dull, blurred or enlarged.
        contrast: (N,) standard deviation of grey.
        unlike: (N,) as from `unlikeness`.

    Returns:
        (N,) 0 or more.
    """
    blank = np.where(contrast < BLANK_CONTRAST, 2.0, 0.0)
    return np.asarray(np.maximum.reduce([flat / FLAT_SHARE, blank, unlike]))

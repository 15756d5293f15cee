"""Five points of tight crops by YuNet, looked at several times: what the landmark network is taught and held against.

One look at an enlarged crop is not exact: mirrored, the same face has points that lie 7 to 8 % of the eyes' distance
away, and YuNet's points follow four fifths of a head's tilt. So the first look only tells the tilt; then the face is
looked at levelled, once as it is and once mirrored, at other sizes and turned a little to either side, and the looks'
mean is what is taught. How far they lie apart tells how much a face's points are worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.faces.face import Face

SWAPPED = (1, 0, 2, 4, 3)  # of the five points in a mirror
_MIDDLE = 0.25  # how far a face's middle may lie from the crop's, as a fraction of the side
_SCORE = 0.5  # of a single look


@dataclass(frozen=True)
class View:
    """How a crop is looked at: enlarged to `side_px`, turned by `turn_deg` from level, perhaps mirrored."""

    side_px: int
    turn_deg: float = 0.0
    mirrored: bool = False


FIRST = View(256)
TWO = (View(240, -4.0), View(272, 4.0, mirrored=True))
FOUR = (*TWO, View(256, 3.0), View(288, -3.0, mirrored=True))


class Looks(Protocol):
    """A detector that looks once at a picture as large as it is."""

    def look(self, image: NDArray[np.uint8]) -> list[Face]:
        """Faces with landmarks of an RGB picture (H, W, 3)."""
        ...


@dataclass(frozen=True, eq=False)
class Taught:
    """What the teacher says of N crops.

    Attributes:
        five: (N, 5, 2) fractions of the crop's sides, in the order of `fer_core.faces.LANDMARKS`; NaN without a face.
        score: (N,) the least of the looks' scores; 0 where one of them saw no face.
        apart: (N,) mean distance of the looks' points from their mean over the distance of the eyes; NaN without a
            face.
    """

    five: NDArray[np.float32]
    score: NDArray[np.float32]
    apart: NDArray[np.float32]

    def sure(self, score: float = 0.7, apart: float = 0.1) -> NDArray[np.bool_]:
        """(N,) where every look saw a face with that score and they agree about its points."""
        return (self.score >= score) & (np.nan_to_num(self.apart, nan=np.inf) <= apart)


def teach(crops: Sequence[NDArray[np.uint8]], teachers: Sequence[Looks], views: Sequence[View] = TWO) -> Taught:
    """The points of tight crops.

    Args:
        crops: N, (H, W) grey and square.
        teachers: one for each thread.
        views: of the levelled face.
    """
    parts = [range(start, len(crops), len(teachers)) for start in range(len(teachers))]
    found = Taught(
        np.full((len(crops), 5, 2), np.nan, np.float32), np.zeros(len(crops), np.float32),
        np.full(len(crops), np.nan, np.float32),
    )  # fmt: skip

    def some(teacher: Looks, rows: range) -> None:
        for row in rows:
            looks = _looks(crops[row], teacher, views)
            if len(looks) == len(views):
                points = np.stack([five for five, _ in looks])
                mean = points.mean(0)
                found.five[row], found.score[row] = mean, min(score for _, score in looks)
                found.apart[row] = np.hypot(*np.moveaxis(points - mean, -1, 0)).mean() / eyes_apart(mean)

    with ThreadPoolExecutor(len(teachers)) as pool:
        list(pool.map(some, teachers, parts))
    return found


def eyes_apart(five: NDArray[np.floating]) -> NDArray[np.float64]:
    """(...) distance of the eyes of points (..., 5, 2)."""
    return np.asarray(np.hypot(*np.moveaxis(five[..., 1, :] - five[..., 0, :], -1, 0)), np.float64)


def _looks(crop: NDArray[np.uint8], teacher: Looks, views: Sequence[View]) -> list[tuple[NDArray[np.float64], float]]:
    first = _look(crop, teacher, FIRST, 0.0)
    if first is None:
        return []
    across = first[0][1] - first[0][0]
    tilt = math.degrees(math.atan2(across[1], across[0]))
    return [seen for view in views if (seen := _look(crop, teacher, view, tilt)) is not None]


def _look(
    crop: NDArray[np.uint8], teacher: Looks, view: View, tilt_deg: float
) -> tuple[NDArray[np.float64], float] | None:
    """Points as fractions of the crop, and score, of the face in the crop's middle."""
    side, own = view.side_px, crop.shape[0]
    scale = side / own
    turn = np.vstack([cv2.getRotationMatrix2D(((own - 1) / 2,) * 2, tilt_deg + view.turn_deg, 1.0), (0, 0, 1)])
    # OpenCV's whole numbers are centres of pixels.
    move = np.array([(scale, 0, (scale - 1) / 2), (0, scale, (scale - 1) / 2), (0, 0, 1)]) @ turn
    if view.mirrored:
        move = np.array([(-1, 0, side - 1), (0, 1, 0), (0, 0, 1)]) @ move
    rgb = cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB)
    large = cv2.warpAffine(rgb, move[:2], (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    seen = [
        face
        for face in teacher.look(np.asarray(large, np.uint8))
        if face.score >= _SCORE and math.dist(face.centre, (side / 2, side / 2)) <= _MIDDLE * side
    ]
    best = max(seen, key=lambda face: face.score, default=None)
    if best is None or best.landmarks is None:
        return None
    back = np.column_stack([best.landmarks - 0.5, np.ones(5)]) @ np.linalg.inv(move).T
    five = (back[:, :2] + 0.5) / own
    return five[list(SWAPPED)] if view.mirrored else five, best.score

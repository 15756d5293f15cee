"""Region masks: which part of the face each pixel belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.regions.outlines import outlines
from fer_core.regions.points import FacePoints

REGIONS = ("brows", "eyes", "nose", "mouth", "cheeks", "forehead", "chin", "outside")
OUTSIDE = REGIONS.index("outside")

# Where two outlines overlap, the first of these has the pixel.
_DRAWN = ("eyes", "brows", "mouth", "nose")
# What is left of a face, in its frame: forehead above the brows, chin below the lower lip, cheeks between them.
_FOREHEAD_ABOVE, _CHIN_BELOW, _CHIN_HALF, _ALL_CHIN_BELOW = -0.3, 1.2, 0.6, 1.4
_SKIN = 255
_FINE_PX = 480


@dataclass(frozen=True, eq=False)
class RegionMasks:
    """The regions of N faces at the size of a network's input.

    Attributes:
        labels: (N, S, S) uint8, each pixel's place in `REGIONS`: so the masks of a face neither overlap nor leave a
            pixel out.
        points: N; what the masks were drawn from.
        sources: N names of where the points are from; see `fer_core.regions.sources`.
    """

    labels: NDArray[np.uint8]
    points: tuple[FacePoints, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def mask(self, region: str) -> NDArray[np.bool_]:
        """(N, S, S) of one region.

        Raises:
            DataError: there is no such region.
        """
        if region not in REGIONS:
            raise DataError(f"There is no region {region!r}; the regions are {', '.join(REGIONS)}.")
        return np.asarray(self.labels == REGIONS.index(region))

    def areas(self) -> NDArray[np.float64]:
        """(N, 8) share of the picture's pixels that each of `REGIONS` has; rows sum to 1."""
        side = self.labels.shape[1]
        return np.asarray(sums(np.ones(self.labels.shape, np.float32), self.labels) / max(1, side * side))

    def source_counts(self) -> dict[str, int]:
        """Number of faces by source, in the order of first use."""
        return {name: self.sources.count(name) for name in dict.fromkeys(self.sources)}


def sums(values: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 8) the sum of values (N, S, S) over each of `REGIONS`, by masks' labels (N, S, S)."""
    n, k = len(labels), len(REGIONS)
    offsets = labels.reshape(n, labels[0].size if n else 0).astype(np.int64) + k * np.arange(n)[:, None]
    total = np.bincount(offsets.ravel(), values.reshape(-1).astype(np.float64), n * k)
    return np.asarray(total, np.float64).reshape(n, k)


def region_masks(points: Sequence[FacePoints], size_px: int, sources: Sequence[str] = ()) -> RegionMasks:
    """Masks of faces whose points are known.

    Args:
        points: of N faces. May be empty.
        size_px: side S of the square masks, at least 1; a crop that is not square is squeezed, as a network's input.
        sources: N names; default: `points`.

    Raises:
        DataError: a size below 1.
    """
    if size_px < 1:
        raise DataError(f"Masks of {size_px} pixels a side cannot be drawn; give the side of the network's input.")
    drawn = {id(face): _labels(face, size_px) for face in dict.fromkeys(points)}  # a mean face is drawn once
    labels = np.stack([drawn[id(face)] for face in points]) if drawn else np.empty((0, size_px, size_px), np.uint8)
    return RegionMasks(labels, tuple(points), tuple(sources) or ("points",) * len(points))


def _labels(points: FacePoints, size_px: int) -> NDArray[np.uint8]:
    """(S, S) of one face; see `RegionMasks.labels`. A pixel belongs where its centre lies."""
    drawn = outlines(points)
    steps = (np.arange(size_px) + 0.5) / size_px
    x, y = np.moveaxis(points.frame.of(np.stack(np.meshgrid(steps, steps), -1)), -1, 0)
    skin = np.full((size_px, size_px), REGIONS.index("cheeks"), np.uint8)
    skin[y < _FOREHEAD_ABOVE] = REGIONS.index("forehead")
    skin[(y > _CHIN_BELOW) & (np.abs(x) < _CHIN_HALF) | (y > _ALL_CHIN_BELOW)] = REGIONS.index("chin")
    # Drawn finer, of which the middles are taken: OpenCV widens a polygon by half a pixel, a tenth of a brow's height.
    fine = max(3, _FINE_PX // size_px | 1)
    canvas = np.full((size_px * fine, size_px * fine), OUTSIDE, np.uint8)
    for name in ("face", *reversed(_DRAWN)):
        _fill(canvas, drawn[name], _SKIN if name == "face" else REGIONS.index(name))
    labels = canvas[fine // 2 :: fine, fine // 2 :: fine]
    return np.where(labels == _SKIN, skin, labels)


def _fill(canvas: NDArray[np.uint8], polygons: Sequence[NDArray[np.float64]], value: int) -> None:
    """Paints polygons, which are fractions of the canvas's side."""
    for polygon in polygons:
        # OpenCV's whole numbers are centres of pixels; points far outside would overflow its fixed-point numbers.
        places = np.clip(polygon, -4, 5) * len(canvas) - 0.5
        cv2.fillPoly(canvas, [np.rint(places * 16).astype(np.int32)], (value,), shift=4)

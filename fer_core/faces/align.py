"""A face cut out of its photograph: square, with a margin, eyes level.

The classifier sees what this module cuts, and a map over the classifier's input is drawn back on the photograph with
the same matrix.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import ImageError
from fer_core.faces.face import Face
from fer_core.images import check_rgb

# Beyond this the landmarks are more likely wrong than the head is turned (YuNet itself finds faces up to about 45).
MAX_TILT_DEG = 60.0
_MAX_SIDE = 8192
_FINE_SIDE = 4096  # of the picture that is averaged; a larger box is sampled with gaps, which nobody sees


def crop_face(
    image: NDArray[np.uint8],
    face: Face,
    *,
    margin: float,
    size: int | None = None,
    align: bool = True,
    shift_y: float = 0.0,
) -> NDArray[np.uint8]:
    """The square around a face.

    Shrinking averages over the area of each pixel, enlarging is bicubic. Past the picture's edge its last row or
    column is repeated.

    Args:
        image: (H, W, 3) uint8, RGB.
        face: a face of this picture.
        margin: added on each side of the box, as a fraction of its longer side; negative cuts into it.
        size: side of the crop in pixels; None keeps the photograph's resolution.
        align: turn the crop so that the eyes are level, where the face has landmarks.
        shift_y: moves the crop towards the chin (positive) or the forehead, as a fraction of the crop's side.

    Returns:
        (size, size, 3) uint8, RGB.

    Raises:
        ImageError: the picture is empty or not RGB, or the crop is not between 1 and 8,192 pixels a side.
    """
    check_rgb(image)
    if image.size == 0:
        raise ImageError(f"A face cannot be cut out of an empty picture ({image.shape}); give a picture with pixels.")
    side = _side(face, margin)
    out = size if size is not None else max(1, round(side))
    _check_side(out)
    # OpenCV's warp samples points: shrinking by it alone would skip pixels. It makes the smallest whole multiple of
    # the crop that is no smaller than the original, and equal squares of that are averaged.
    factor = max(1, min(math.ceil(side / out - 1e-9), _FINE_SIDE // out))
    fine = cv2.warpAffine(
        np.ascontiguousarray(image),
        crop_matrix(face, margin=margin, size=out * factor, align=align, shift_y=shift_y),
        (out * factor, out * factor),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.resize(fine, (out, out), interpolation=cv2.INTER_AREA), np.uint8)


def crop_matrix(
    face: Face, *, margin: float, size: int, align: bool = True, shift_y: float = 0.0
) -> NDArray[np.float64]:
    """The map from the photograph to the crop that `crop_face` makes with the same arguments.

    It maps pixel indices, as OpenCV does, where whole numbers are centres of pixels: `M @ (column, row, 1)`. To draw a
    (size, size) map on a W x H photograph: `cv2.warpAffine(map, M, (W, H), flags=cv2.INTER_LINEAR |
    cv2.WARP_INVERSE_MAP)`.

    Returns:
        (2, 3) float64.

    Raises:
        ImageError: `size` is not between 1 and 8,192, or the margin leaves nothing of the box.
    """
    _check_side(size)
    side = _side(face, margin)
    tilt = _tilt(face) if align else 0.0
    cos, sin = math.cos(tilt), math.sin(tilt)
    x, y = face.centre
    # "Down" is towards the chin, in the face's own frame.
    x, y = x - sin * shift_y * side, y + cos * shift_y * side
    turn = np.array(((cos, sin), (-sin, cos))) * (size / side)
    # Indices count from the centre of the first pixel, the box from its corner: half a pixel in, half a pixel out.
    offset = turn @ np.array((0.5 - x, 0.5 - y)) + (size / 2 - 0.5)
    return np.column_stack((turn, offset))


def tilt_deg(face: Face) -> float:
    """How far the line from the right to the left eye is turned, clockwise in the picture, in degrees.

    0.0 without landmarks, where the eyes fall together, and beyond `MAX_TILT_DEG`: then a crop is not turned.
    """
    return math.degrees(_tilt(face))


def _tilt(face: Face) -> float:
    if face.landmarks is None:
        return 0.0
    dx, dy = (float(v) for v in face.landmarks[1] - face.landmarks[0])
    if not (math.isfinite(dx) and math.isfinite(dy)):
        return 0.0
    angle = math.atan2(dy, dx)
    return angle if abs(angle) <= math.radians(MAX_TILT_DEG) else 0.0


def _side(face: Face, margin: float) -> float:
    """Side of the crop in pixels of the photograph."""
    side = max(face.box[2:]) * (1 + 2 * margin)
    if not 0 < side < math.inf:
        raise ImageError(f"A margin of {margin} leaves nothing of the face's box; give one above -0.5, e.g. 0.1.")
    return side


def _check_side(size: int) -> None:
    if not 1 <= size <= _MAX_SIDE:
        raise ImageError(f"A crop has between 1 and {_MAX_SIDE} pixels a side, not {size}; give another size.")

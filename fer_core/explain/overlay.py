"""Maps drawn over faces. Where there is no evidence the face stays as it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import FERScopeError, ImageError
from fer_core.explain.saliency import Map, resize_map
from fer_core.images import check_rgb

Picture = NDArray[np.uint8]


def _sequential(code: int) -> NDArray[np.float32]:
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.applyColorMap(ramp, code)[:, 0, ::-1].astype(np.float32)


def _diverging() -> NDArray[np.float32]:
    """Okabe and Ito's blue over white to their vermilion, which are told apart under every colour vision deficiency."""
    stops = np.array([(0x00, 0x72, 0xB2), (0xFF, 0xFF, 0xFF), (0xD5, 0x5E, 0x00)], np.float32)
    place = np.linspace(0, 2, 255)  # odd, so that zero is white
    return np.stack([np.interp(place, (0, 1, 2), stops[:, c]) for c in range(3)], 1).astype(np.float32)


# RGB tables (n, 3) in 0..255. The first three grow evenly in lightness and are read under colour vision deficiencies.
SEQUENTIAL = {
    "inferno": _sequential(cv2.COLORMAP_INFERNO),
    "viridis": _sequential(cv2.COLORMAP_VIRIDIS),
    "cividis": _sequential(cv2.COLORMAP_CIVIDIS),
}
DIVERGING = {"blue-orange": _diverging()}


def overlay(image: Picture, values: Map, *, opacity: float = 0.7, colormap: str = "inferno") -> Picture:
    """A map laid over a face, as opaque at each pixel as the evidence there is strong.

    Args:
        image: (H, W, 3) uint8, RGB.
        values: (h, w) as `SaliencyMap.normalised` gives them, larger ones are cut; another size is brought to the
            picture's (see `resize_map`).
        opacity: of the strongest evidence, 0..1.
        colormap: one of `SEQUENTIAL`, which shows 0..1 and leaves negative values out, or of `DIVERGING`, which shows
            -1..1: orange speaks for, blue against.

    Returns:
        (H, W, 3) uint8, RGB. Where the map is zero, exactly the picture.

    Raises:
        ImageError: the picture is not RGB, or is empty.
        FERScopeError: an unknown colour map, an opacity outside 0..1, or a map that is not two-dimensional and finite.
    """
    check_rgb(image)
    if image.size == 0:
        raise ImageError(f"Nothing can be drawn on an empty picture ({image.shape}); give a picture with pixels.")
    if not 0 <= opacity <= 1:
        raise FERScopeError(f"Opacity lies between 0 and 1, not at {opacity}.")
    if values.ndim != 2 or 0 in values.shape or not np.isfinite(values).all():
        raise FERScopeError(f"A map to draw is (h, w) finite numbers; this one has the shape {values.shape}.")
    strength: Map = np.clip(resize_map(values, *image.shape[:2]), -1, 1)
    if colormap in SEQUENTIAL:
        table, strength = SEQUENTIAL[colormap], np.maximum(strength, 0)
        place: NDArray[np.floating] = strength
    elif colormap in DIVERGING:
        table, place = DIVERGING[colormap], (strength + 1) / 2
    else:
        known = ", ".join((*SEQUENTIAL, *DIVERGING))
        raise FERScopeError(f"There is no colour map {colormap!r}; choose one of {known}.")
    colours = table[np.rint(place * (len(table) - 1)).astype(np.intp)]
    alpha = (opacity * np.abs(strength))[:, :, None]
    return np.asarray(np.rint(image * (1 - alpha) + colours * alpha), np.uint8)


def paste_back(photo_hw: tuple[int, int], crop_map: Map, matrix: NDArray[np.float64]) -> Map:
    """A map over a face crop as a map over the photograph it was cut from; `overlay` draws it there.

    Args:
        photo_hw: rows and columns of the photograph.
        crop_map: (s, s) in pixels of the crop that `matrix` leads to; bring a smaller map to that size with
            `SaliencyMap.resized` first.
        matrix: (2, 3) from photograph to crop in pixel indices, as `fer_core.faces.crop_matrix` gives it.

    Returns:
        (H, W) float32, bilinear; zero outside the crop.

    Raises:
        FERScopeError: a matrix of another shape, or one that leads all points to a line.
    """
    if np.shape(matrix) != (2, 3) or abs(np.linalg.det(np.asarray(matrix)[:, :2])) < 1e-12:
        raise FERScopeError(f"A crop's matrix is 2 x 3 and can be inverted; this one is not: {np.asarray(matrix)}.")
    height, width = photo_hw
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    values = np.ascontiguousarray(crop_map, np.float32)
    return np.asarray(cv2.warpAffine(values, np.asarray(matrix, np.float64), (width, height), flags=flags), np.float32)

"""What flaws look like: pictures that are dark, blurred, of odd sizes, nearly the same, or of no face at all."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.pictures import Picture

Points = NDArray[np.float32]
_SIZES = ((0.5, 0.5), (1.75, 1.75), (1.4, 1.0), (1.0, 1.5))  # width and height in units of the usual side
_WORDS = ("NO PHOTO", "404", "IMAGE NOT FOUND", "SAMPLE", "COPYRIGHT")


def spoiled(image: Picture, points: Points, flaw: str, variant: int) -> tuple[Picture, Points]:
    """A picture (S, S, 3) and its landmarks (N, 2) with one flaw of `Flaws` that changes pixels; others change nothing.

    Args:
        image: RGB; is not changed.
        points: pixels, continuous.
        flaw: a field of `Flaws`.
        variant: which kind, in turn, of flaws that have several.
    """
    if flaw == "dark":
        return _bytes(image.astype(np.float32) / 8), points
    if flaw == "blurred":
        return _bytes(cv2.GaussianBlur(image, (0, 0), 0.04 * len(image))), points
    if flaw == "low_contrast":
        pixels = image.astype(np.float32)
        return _bytes(pixels.mean() + (pixels - pixels.mean()) * 0.1), points
    if flaw == "odd_sizes":
        return _resized(image, points, _SIZES[variant % len(_SIZES)])
    if flaw == "near_twins_across_splits":
        return _nearly(image, points, variant)
    return image, points


def _resized(image: Picture, points: Points, by: tuple[float, float]) -> tuple[Picture, Points]:
    side = len(image)
    width, height = round(side * by[0]), round(side * by[1])
    how = cv2.INTER_AREA if min(by) < 1 else cv2.INTER_LINEAR
    factors = np.array((width / side, height / side), np.float32)
    return _bytes(cv2.resize(image, (width, height), interpolation=how)), points * factors


def _nearly(image: Picture, points: Points, variant: int) -> tuple[Picture, Points]:
    """In turn: brighter, shifted by a hundredth of the side to the right and down, or through JPEG at quality 60."""
    if variant % 3 == 0:
        return _bytes(image.astype(np.float32) * 1.1 + 6), points
    if variant % 3 == 1:
        by = max(1, round(0.01 * len(image)))
        moved = cv2.copyMakeBorder(image, by, 0, by, 0, cv2.BORDER_REPLICATE)[: len(image), : len(image)]
        return np.ascontiguousarray(moved), points + np.float32(by)
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
    return _bytes(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1].copy(), points


def no_face(size_px: int, variant: int, chance: np.random.Generator) -> Picture:
    """(size, size, 3) in turn: a texture, a nearly blank picture, or text. No two are alike."""
    colour = chance.uniform(60, 200, 3).astype(np.float32)
    grain = chance.normal(0, 1, (size_px, size_px, 1)).astype(np.float32)
    if variant % 3 == 0:
        sigmas = chance.uniform(0.01, 0.05, 2) * size_px
        cloud = cv2.GaussianBlur(grain, (0, 0), sigmaX=float(sigmas[0]), sigmaY=float(sigmas[1]))[..., None]
        return _bytes(colour + 45 * cloud / cloud.std())
    if variant % 3 == 1:
        return _bytes(colour + grain)
    picture = _bytes(np.full(3, 232, np.float32) + grain * 2)
    word = _WORDS[int(chance.integers(len(_WORDS)))]
    (width, height), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    scale = 0.86 * size_px / width
    thickness = max(1, round(2 * scale))
    start = (round(0.07 * size_px), round(size_px / 2 + scale * height / 2))
    cv2.putText(picture, word, start, cv2.FONT_HERSHEY_SIMPLEX, scale, (40, 40, 44), thickness, cv2.LINE_AA)
    return picture


def _bytes(values: Any) -> Picture:
    """Any numbers as pixels: rounded, and what lies outside 0 to 255 brought to its edge."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)

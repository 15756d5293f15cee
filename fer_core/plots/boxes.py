"""Faces boxed and numbered on their photograph."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.labels import colour
from fer_core.predict import FacePrediction


def fit_within(image: NDArray[np.uint8], longest_px: int) -> tuple[NDArray[np.uint8], float]:
    """The picture shrunk until its longer side is at most `longest_px`, and the factor (1 where it already is)."""
    factor = min(1.0, longest_px / max(image.shape[:2]))
    if factor == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), factor


def draw_boxes(
    image: NDArray[np.uint8], faces: Sequence[FacePrediction], *, factor: float = 1.0, chosen: int | None = None
) -> NDArray[np.uint8]:
    """A copy of the photograph with a box and a number from 1 for each face, in the colour of its class.

    Args:
        image: (H, W, 3) RGB, uint8, as it will be shown.
        faces: in the pixels of the original photograph.
        factor: pixels of `image` per pixel of the original.
        chosen: index of the face that is drawn thick.
    """
    drawn = image.copy()
    unit = max(image.shape[:2]) / 640
    for index, prediction in enumerate(faces):
        x, y, width, height = (round(v * factor) for v in prediction.face.box)
        shade = colour(prediction.label, prediction.classes.names).lstrip("#")
        rgb = tuple(int(shade[i : i + 2], 16) for i in (0, 2, 4))
        thick = max(2, round(unit * (4 if index == chosen else 2)))
        cv2.rectangle(drawn, (x, y), (x + width, y + height), rgb, thick)
        # Small on a small face, which it would hide otherwise.
        _tag(drawn, str(index + 1), (x, y), rgb, max(0.3, min(0.6 * unit, width / 150)))
    return drawn


def _tag(image: NDArray[np.uint8], text: str, corner: tuple[int, int], rgb: tuple[int, ...], scale: float) -> None:
    font, weight = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    (width, height), base = cv2.getTextSize(text, font, scale, weight)
    # Inside the picture also for a face that is cut by its edge.
    x = min(max(corner[0], 0), image.shape[1] - width - 8)
    y = min(max(corner[1], 0), image.shape[0] - height - base - 6)
    cv2.rectangle(image, (x, y), (x + width + 8, y + height + base + 6), rgb, cv2.FILLED)
    ink = (0, 0, 0) if sum(rgb) > 380 else (255, 255, 255)
    cv2.putText(image, text, (x + 4, y + height + 4), font, scale, ink, weight, cv2.LINE_AA)

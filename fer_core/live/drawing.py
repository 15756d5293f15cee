"""Boxes, labels and bars on a live frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.faces import Face
from fer_core.labels import ClassSet
from fer_core.live.smoothing import UNSURE, Reading

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GREY: Colour = (110, 110, 110)
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_BARS_PX = (112, 13)  # width of the panel and height of a bar, in a frame of 640 pixels


@dataclass(frozen=True, eq=False)
class LiveFace:
    """One face of the current frame.

    Attributes:
        track: its number.
        face: where it is.
        classes: the classes of the model.
        probabilities: (K,), smoothed; None before the first answer.
        reading: what is said of it; None before the first answer.
        latest: time in seconds of the frame that was classified last, and its (K,) probabilities, not smoothed; None
            before the first answer.
    """

    track: int
    face: Face
    classes: ClassSet
    probabilities: NDArray[np.float64] | None = None
    reading: Reading | None = None
    latest: tuple[float, NDArray[np.float64]] | None = None


def draw(frame: Picture, faces: Sequence[LiveFace], *, mirror: bool, bars: bool, note: str = "") -> Picture:
    """A copy of the frame with every face boxed, numbered and named.

    Args:
        frame: (H, W, 3) RGB, uint8.
        faces: in the frame's own pixels, not mirrored.
        mirror: show the frame as a mirror does; the writing stays readable.
        bars: the probabilities of every class beside each face, where there is room.
        note: written in the top left corner.
    """
    drawn = np.array(cv2.flip(frame, 1) if mirror else frame, np.uint8, order="C")
    unit = max(frame.shape[:2]) / 640
    for face in faces:
        _draw_face(drawn, face, _box(face.face, frame.shape[1], mirror=mirror), unit, bars=bars)
    if note:
        _tag(drawn, note, (0, 0), _GREY, max(0.3, 0.6 * unit))
    return drawn


def rgb(shade: str) -> Colour:
    """Red, green and blue, 0 to 255, of `#RRGGBB`."""
    return int(shade[1:3], 16), int(shade[3:5], 16), int(shade[5:7], 16)


def _box(face: Face, width: int, *, mirror: bool) -> tuple[int, int, int, int]:
    x, y, w, h = face.box
    return round(width - x - w if mirror else x), round(y), round(w), round(h)


def _draw_face(image: Picture, face: LiveFace, box: tuple[int, int, int, int], unit: float, *, bars: bool) -> None:
    x, y, width, height = box
    shade, text = _GREY, f"{face.track}"
    if face.reading is not None:
        text = f"{face.track} {face.reading.label}"
        if face.reading.label != UNSURE:
            shade = rgb(face.classes.colours()[face.classes.index(face.reading.label)])
            text += f" {100 * face.reading.probability:.0f}%"
    cv2.rectangle(image, (x, y), (x + width, y + height), shade, max(1, round(2 * unit)))
    if bars and face.probabilities is not None:
        _bars(image, face, box, unit)
    scale = max(0.3, 0.5 * unit)
    (_, tall), base = cv2.getTextSize(text, _FONT, scale, max(1, round(2 * scale)))
    _tag(image, text, (x, y - tall - base - 6), shade, scale)


def _tag(image: Picture, text: str, corner: tuple[int, int], shade: Colour, scale: float) -> None:
    """Text on a filled ground, moved into the picture where it would reach past its edge."""
    weight = max(1, round(2 * scale))
    (width, height), base = cv2.getTextSize(text, _FONT, scale, weight)
    x = max(min(corner[0], image.shape[1] - width - 8), 0)
    y = max(min(corner[1], image.shape[0] - height - base - 6), 0)
    cv2.rectangle(image, (x, y), (x + width + 8, y + height + base + 6), shade, cv2.FILLED)
    ink = _BLACK if sum(shade) > 380 else _WHITE
    cv2.putText(image, text, (x + 4, y + height + 4), _FONT, scale, ink, weight, cv2.LINE_AA)


def _bars(image: Picture, face: LiveFace, box: tuple[int, int, int, int], unit: float) -> None:
    """A panel right of the box, else left of it, else none: it never covers the face itself."""
    probabilities = face.probabilities
    if probabilities is None:
        return
    width, row = round(_BARS_PX[0] * unit), max(9, round(_BARS_PX[1] * unit))
    height, gap = row * len(face.classes), round(4 * unit)
    right, left = box[0] + box[2] + gap, box[0] - gap - width
    x = right if right + width <= image.shape[1] else left
    y = max(min(box[1], image.shape[0] - height), 0)
    if x < 0 or height > image.shape[0]:
        return
    panel = image[y : y + height, x : x + width]
    panel //= 4
    room, scale = round(width * 0.5), 0.032 * row
    for i, (name, shade) in enumerate(zip(face.classes.names, face.classes.colours(), strict=True)):
        top, length = i * row, round(room * float(probabilities[i]))
        cv2.putText(panel, name, (3, top + round(row * 0.75)), _FONT, scale, _WHITE, 1, cv2.LINE_AA)
        if length:
            cv2.rectangle(panel, (width - room, top + 2), (width - room + length - 1, top + row - 2), rgb(shade), -1)

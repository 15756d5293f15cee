"""A canvas finer than the picture, on which shapes given in the picture's pixels are painted without steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.curves import Points, ribbon, taper

Colour = Sequence[float]
_FRACTION_BITS = 4
_CANVAS_PX = 192


class Canvas:
    """RGB, uint8, `fine` canvas pixels to a side of a picture's pixel.

    Args:
        size_px: side of the picture.
        pixels: what to paint on, a part of a canvas whose corner lies `offset` canvas pixels into it; None: a new one.
    """

    def __init__(self, size_px: int, pixels: NDArray[np.uint8] | None = None, offset: tuple[int, int] = (0, 0)) -> None:
        self.size_px = size_px
        self.fine = max(2, -(-_CANVAS_PX // size_px))
        side = size_px * self.fine
        self.pixels = np.zeros((side, side, 3), np.uint8) if pixels is None else pixels
        self._unit = self.fine * (1 << _FRACTION_BITS)
        self._offset = offset
        self._origin = (np.array(offset) + 0.5) * (1 << _FRACTION_BITS)

    def fill(self, points: Points, colour: Colour) -> None:
        """A filled polygon (N, 2)."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], tuple(colour), cv2.LINE_AA, _FRACTION_BITS)

    def stroke(self, line: Points, colour: Colour, width_px: float) -> None:
        """A line (N, 2) that is thin at its ends and `width_px` in its middle."""
        self.fill(ribbon(line, width_px * taper(len(line))), colour)

    def line(self, line: Points, colour: Colour, width_px: float, closed: bool = False) -> None:
        """A line (N, 2) of one width with round ends."""
        width = max(1, round(width_px * self.fine))
        cv2.polylines(self.pixels, [self._fixed(line)], closed, tuple(colour), width, cv2.LINE_AA, _FRACTION_BITS)

    def disc(self, centre: Points, radius_px: float, colour: Colour) -> None:
        """A filled circle around `centre` (2,)."""
        x, y = self._fixed(np.asarray(centre)[None])[0].tolist()
        radius = max(1, round(radius_px * self.fine * (1 << _FRACTION_BITS)))
        cv2.circle(self.pixels, (x, y), radius, tuple(colour), -1, cv2.LINE_AA, _FRACTION_BITS)

    @contextmanager
    def inside(self, *outlines: Points, share: float = 1.0, soft_px: float = 0.0) -> Iterator[Canvas]:
        """A canvas whose paint reaches this one only inside the outlines.

        Args:
            outlines: polygons (N, 2); their union counts.
            share: opacity of what is painted, 0 to 1.
            soft_px: standard deviation by which the edge is softened.
        """
        fixed = [self._fixed(o) for o in outlines]
        margin = 2 + int(3 * soft_px * self.fine)
        every = np.concatenate(fixed) / (1 << _FRACTION_BITS)
        height, width = self.pixels.shape[:2]
        left, top = np.clip(np.floor(every.min(0)).astype(int) - margin, 0, (width, height)).tolist()
        right, bottom = np.clip(np.ceil(every.max(0)).astype(int) + margin, 0, (width, height)).tolist()
        if right <= left or bottom <= top:
            yield Canvas(self.size_px, np.zeros((1, 1, 3), np.uint8))
            return
        below = self.pixels[top:bottom, left:right]
        part = Canvas(self.size_px, below.copy(), (left + self._offset[0], top + self._offset[1]))
        yield part
        mask = np.zeros(below.shape[:2], np.uint8)
        for polygon in fixed:
            here = polygon - np.array((left, top)) * (1 << _FRACTION_BITS)
            cv2.fillPoly(mask, [here], (255,), cv2.LINE_AA, _FRACTION_BITS)
        if soft_px:
            mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), soft_px * self.fine), np.uint8)
        blend(below, part.pixels, mask, share)

    def picture(self) -> NDArray[np.uint8]:
        """(size, size, 3) the canvas averaged down to the picture's size."""
        side = self.size_px
        return np.asarray(cv2.resize(self.pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        """Canvas coordinates as OpenCV wants them: fixed point, 0 in the middle of a pixel."""
        return np.rint(points * self._unit - self._origin).astype(np.int32)


def blend(below: NDArray[np.uint8], above: NDArray[np.uint8], mask: NDArray[np.uint8], share: float = 1.0) -> None:
    """Puts `above` onto `below` in place, as far as the mask (0 to 255) and the share (0 to 1) let it."""
    weight = (mask.astype(np.float32) * (share / 255))[..., None]
    below[:] = (below + (above.astype(np.float32) - below) * weight + 0.5).astype(np.uint8)


def filled(size_px: int, *outlines: Points) -> NDArray[np.uint8]:
    """(size, size) mask, 255 inside the polygons and in between at their edges."""
    mask = np.zeros((size_px, size_px), np.uint8)
    for outline in outlines:
        fixed = np.rint((outline - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], (255,), cv2.LINE_AA, _FRACTION_BITS)
    return mask


def mixed(one: Colour, other: Colour, share: float) -> tuple[float, float, float]:
    """A colour between two: 0 is the first, 1 the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def shaded(colour: Colour, factor: float) -> tuple[float, float, float]:
    """A colour darker (below 1) or lighter (above 1)."""
    red, green, blue = (min(255.0, c * factor) for c in colour)
    return red, green, blue

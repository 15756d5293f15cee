"""What a detector finds, and what a detector is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import ImageError

LANDMARKS = ("right eye", "left eye", "nose tip", "right mouth corner", "left mouth corner")


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a picture.

    Coordinates are pixels of the picture given, continuous: x to the right and y downwards from the outer corner of
    the top left pixel, whose centre is (0.5, 0.5). The box (0, 0, W, H) is the whole of a W x H picture.

    Attributes:
        box: x, y, width, height. May reach past the picture's edge.
        score: the detector's confidence, 0 to 1; not a probability, and not comparable between detectors.
        landmarks: (5, 2) float32, x and y in the order of `LANDMARKS`, or None where the detector gives none. Right
            and left are the person's, so the right eye stands left of the left eye in a picture that is not
            mirrored.

    Raises:
        ImageError: the box has a number that is not finite or a side that is not positive, or the landmarks are not
            (5, 2).
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        _, _, width, height = self.box
        if not (all(map(math.isfinite, self.box)) and width > 0 and height > 0):
            raise ImageError(f"A face's box is x, y, width > 0, height > 0 in pixels, not {self.box}.")
        if self.landmarks is not None:
            points = np.array(self.landmarks, np.float32)
            if points.shape != (5, 2):
                raise ImageError(
                    f"A face has five landmarks ({', '.join(LANDMARKS)}) of x and y, not an array {points.shape}."
                )
            points.flags.writeable = False
            object.__setattr__(self, "landmarks", points)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, x and y."""
        x, y, width, height = self.box
        return x + width / 2, y + height / 2

    @property
    def area(self) -> float:
        """Area of the box in square pixels, what lies past the picture's edge included."""
        return self.box[2] * self.box[3]

    def scaled(self, fx: float, fy: float) -> Face:
        """The same face in the picture enlarged `fx` times in width and `fy` times in height."""
        x, y, width, height = self.box
        points = None if self.landmarks is None else self.landmarks * np.array((fx, fy), np.float32)
        return Face((x * fx, y * fy, width * fx, height * fy), self.score, points)


class Detector(Protocol):
    """Finds faces. An instance may be used by several threads at once."""

    name: str

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Faces of a picture, largest area first; an empty list where there is none.

        The same picture gives the same answer every time.

        Args:
            image: (H, W, 3) uint8, RGB.

        Raises:
            ImageError: the array has another shape or dtype.
        """
        ...

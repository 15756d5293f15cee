"""Where a face's features are, and the frame that they span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.faces.face import LANDMARKS

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FacePoints:
    """Points of one face crop, as fractions of its width and height.

    x runs to the right and y downwards from the outer corner of the top left pixel, so that (0.5, 0.5) is the crop's
    centre whatever its size.

    Attributes:
        five: (5, 2) in the order of `fer_core.faces.LANDMARKS`. Right and left are the person's.
        full: further points by name, (2,) each, names of `fer_core.data.schematic.LANDMARK_NAMES`; empty where only
            the five are known.

    Raises:
        DataError: the five are not (5, 2) finite numbers, or eyes and mouth span no plane.
    """

    five: Points
    full: Mapping[str, Points] = field(default_factory=dict)

    def __post_init__(self) -> None:
        five = np.array(self.five, np.float64)
        if five.shape != (5, 2) or not np.isfinite(five).all():
            raise DataError(f"A face has five points ({', '.join(LANDMARKS)}) of finite x and y, not {five.tolist()}.")
        object.__setattr__(self, "five", five)
        frame = self.frame
        if abs(frame.across[0] * frame.down[1] - frame.across[1] * frame.down[0]) < 1e-6:
            raise DataError(f"Eyes and mouth of a face must not lie on one line, as in {five.round(3).tolist()}.")

    @property
    def frame(self) -> Frame:
        """The face's own frame."""
        right, left, _, mouth_right, mouth_left = self.five
        middle = (right + left) / 2
        return Frame(middle, left - right, (mouth_right + mouth_left) / 2 - middle)


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates of a face: (0, 0) between the eyes, (-0.5, 0) and (0.5, 0) the eyes, (0, 1) the middle of the mouth.

    So the first unit is the distance between the eyes, the second that from the eyes down to the mouth. A tilt turns
    the frame, a turn or a nod of the head shortens one of its sides.

    Attributes:
        origin: (2,) the point between the eyes.
        across: (2,) from the eye on the picture's left to that on its right.
        down: (2,) from the origin to the middle between the mouth's corners.
    """

    origin: Points
    across: Points
    down: Points

    def place(self, inner: Points) -> Points:
        """(N, 2) places in the crop of points (N, 2) of the frame."""
        return self.origin + np.asarray(inner) @ np.stack([self.across, self.down])

    def of(self, places: Points) -> Points:
        """(..., 2) the frame's coordinates of places (..., 2) in the crop."""
        inverse = np.linalg.inv(np.stack([self.across, self.down]))
        return (np.asarray(places) - self.origin) @ inverse

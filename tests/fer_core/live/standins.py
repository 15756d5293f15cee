"""Models that stand in for real ones, and frames with drawn faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.faces import Face
from fer_core.labels import FER7, ClassSet
from fer_core.preprocess import Preprocess

Picture = NDArray[np.uint8]
HAPPY = np.array([0.02, 0.02, 0.02, 0.9, 0.02, 0.01, 0.01])


class Classifier:
    """Answers what it is told to, after the time it is told to take."""

    def __init__(self, answer: NDArray[np.float64] = HAPPY, takes_s: float = 0.0, classes: ClassSet = FER7) -> None:
        self.answer, self.takes_s, self.classes = answer, takes_s, classes
        self.error: Exception | None = None
        self.card = SimpleNamespace(name="stand-in", preprocess=Preprocess())
        self.faces_seen: list[int] = []

    def probabilities(self, faces: Sequence[Picture]) -> NDArray[np.float64]:
        self.faces_seen.append(len(faces))
        time.sleep(self.takes_s)
        if self.error:
            raise self.error
        return np.tile(self.answer, (len(faces), 1))


class Brightest:
    """Finds squares: every place given that is brighter than the ground."""

    name = "brightest"

    def __init__(self, places: Callable[[], list[tuple[float, float, float, float]]] | None = None) -> None:
        self.places, self.error = places, None
        self.looks = 0

    def detect(self, image: Picture) -> list[Face]:
        self.looks += 1
        if self.error:
            raise self.error
        if self.places:
            return [Face(box, 0.9) for box in self.places()]
        rows, columns = np.nonzero(image.max(2) > 90)
        if not len(rows):
            return []
        x, y = float(columns.min()), float(rows.min())
        return [Face((x, y, columns.max() + 1 - x, rows.max() + 1 - y), 0.9)]


def textured(side: int, seed: int = 0) -> Picture:
    """A square with structure that optical flow can follow; nowhere darker than 100."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(100, 255, (side // 8 + 1, side // 8 + 1), dtype=np.uint8)
    import cv2

    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.repeat(fine.clip(100, 255)[:, :, None], 3, 2).astype(np.uint8)


def frame(x: int, y: int, side: int = 96, size: tuple[int, int] = (320, 240)) -> Picture:
    """A dark frame of (width, height) with one textured square."""
    out = np.full((size[1], size[0], 3), 40, np.uint8)
    out[y : y + side, x : x + side] = textured(side)
    return out


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def session(predictor: Any, detector: Any, **how: Any) -> Any:
    from fer_core.live import LiveSession

    return LiveSession(predictor, detector, **how)

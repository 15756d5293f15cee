"""How far a model bears corrupted pictures: noise, blur, JPEG, light, rotation, occlusion, in stated units.

In the spirit of Hendrycks and Dietterich 2019 (arXiv 1903.12261), whose five unnamed severities are numbers with units
here, in pixels of the face crop as it is stored. A corruption of a face depends on nothing but the face's place in the
list, so that it is the same in every run and for every model.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError, ImageError
from fer_core.evaluate.bootstrap import plain
from fer_core.evaluate.metrics import Scores, score

if TYPE_CHECKING:
    from fer_core.predict import Predictor

Picture = NDArray[np.uint8]
_SEED = 20_260


@dataclass(frozen=True)
class Corruption:
    """One way to spoil a picture.

    Attributes:
        name: of it.
        unit: what a severity is, in words.
        clean: the severity that changes nothing.
        severities: from weak to strong.
        apply: (picture, severity, generator) to a picture of the same shape and type.
    """

    name: str
    unit: str
    clean: float
    severities: tuple[float, ...]
    apply: Callable[[Picture, float, np.random.Generator], Picture]


def _rounded(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


def _noise(face: Picture, sd: float, chance: np.random.Generator) -> Picture:
    return _rounded(face + chance.normal(0, sd, face.shape))


def _blur(face: Picture, sigma: float, _: np.random.Generator) -> Picture:
    if sigma == 0:
        return face
    side = 2 * math.ceil(3 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(face, (side, side), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _jpeg(face: Picture, quality: float, _: np.random.Generator) -> Picture:
    if quality > 100:
        return face
    turned = face if face.ndim == 2 else face[..., ::-1]
    done, data = cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    if not done:
        raise ImageError(f"A face of {face.shape[1]} x {face.shape[0]} pixels cannot be written as JPEG.")
    back = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if face.ndim == 2 else cv2.IMREAD_COLOR)
    spoilt = np.asarray(back, dtype=np.uint8)
    return spoilt if face.ndim == 2 else np.ascontiguousarray(spoilt[..., ::-1])


def _brightness(face: Picture, shift: float, _: np.random.Generator) -> Picture:
    return _rounded(face + np.float64(shift))


def _contrast(face: Picture, factor: float, _: np.random.Generator) -> Picture:
    mean = face.mean()
    return _rounded(mean + factor * (face - mean))


def _rotation(face: Picture, degrees: float, chance: np.random.Generator) -> Picture:
    """To either side, by chance."""
    side = 1 if chance.random() < 0.5 else -1
    height, width = face.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), side * degrees, 1.0)
    return np.asarray(cv2.warpAffine(face, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _occlusion(face: Picture, side: float, chance: np.random.Generator) -> Picture:
    """A grey square anywhere within the picture, cut to it where it is larger."""
    height, width = face.shape[:2]
    tall, wide = min(height, int(side)), min(width, int(side))
    top, left = int(chance.integers(0, height - tall + 1)), int(chance.integers(0, width - wide + 1))
    out = face.copy()
    out[top : top + tall, left : left + wide] = 128
    return out


CORRUPTIONS: dict[str, Corruption] = {
    c.name: c
    for c in (
        Corruption("noise", "standard deviation of Gaussian noise (grey levels of 255)", 0, (4, 8, 16, 32, 64), _noise),
        Corruption("blur", "sigma of a Gaussian blur (pixels of the crop)", 0, (0.5, 1, 1.5, 2, 3), _blur),
        Corruption("jpeg", "JPEG quality (101: not compressed)", 101, (80, 50, 30, 15, 5), _jpeg),
        Corruption("darker", "grey levels added (of 255)", 0, (-20, -40, -60, -80, -120), _brightness),
        Corruption("brighter", "grey levels added (of 255)", 0, (20, 40, 60, 80, 120), _brightness),
        Corruption("contrast", "factor of the contrast around the mean", 1, (0.8, 0.6, 0.4, 0.2, 0.1), _contrast),
        Corruption("rotation", "rotation to either side (degrees)", 0, (5, 10, 20, 30, 45), _rotation),
        Corruption("occlusion", "side of a grey square (pixels of the crop)", 0, (4, 8, 12, 16, 24), _occlusion),
    )
}


def corrupted(face: Picture, name: str, severity: float, place: int = 0) -> Picture:
    """One spoilt face.

    Args:
        face: (H, W) grey or (H, W, 3) RGB, uint8; it is left as it is.
        name: of `CORRUPTIONS`.
        severity: in its unit.
        place: of the face in the list; decides its noise, side or square, and with it all severities alike.

    Raises:
        DataError: an unknown corruption, or a severity that it does not have.
    """
    how = _known(name)
    limits = {
        "noise": (0, 255), "blur": (0, 50), "jpeg": (1, 101), "darker": (-255, 0), "brighter": (0, 255),
        "contrast": (0, 10), "rotation": (0, 180), "occlusion": (0, 4096),
    }  # fmt: skip
    low, high = limits[name]
    if not low <= severity <= high:
        raise DataError(f"{name} has a severity of {low} to {high} ({how.unit}), not {severity:g}.")
    return how.apply(face, severity, np.random.default_rng([_SEED, place]))


def _spoilt(name: str, severity: float, face: Picture, place: int) -> Picture:
    return corrupted(face, name, severity, place)


def _known(name: str) -> Corruption:
    if name not in CORRUPTIONS:
        raise DataError(f"There is no corruption {name!r}, but {', '.join(CORRUPTIONS)}.")
    return CORRUPTIONS[name]


@dataclass(frozen=True)
class Robustness:
    """A model under one corruption.

    Attributes:
        corruption: name, see `CORRUPTIONS`.
        unit: of the severities.
        severities: (S,) the clean one first.
        scores: (S,) all figures at each, see `Scores`.
    """

    corruption: str
    unit: str
    severities: tuple[float, ...]
    scores: tuple[Scores, ...]

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Top-1 at each severity."""
        return tuple(s.accuracy for s in self.scores)

    @property
    def recall(self) -> dict[str, tuple[float, ...]]:
        """Recall at each severity, by class; NaN for a class without samples."""
        names = self.scores[0].classes if self.scores else ()
        return {name: tuple(s.per_class[name].recall for s in self.scores) for name in names}

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, each share with Wilson's interval and its number of faces; NaN becomes None."""
        clean = self.scores[0]
        return {
            "corruption": self.corruption,
            "unit": self.unit,
            "severities": list(self.severities),
            "n": clean.n,
            "accuracy": plain(self.accuracy),
            "accuracy_interval": plain([s.accuracy_interval for s in self.scores]),
            "recall": plain(self.recall),
            "recall_interval": {
                name: plain([s.per_class[name].recall_interval for s in self.scores]) for name in clean.classes
            },
            "n_of_class": {name: of.n for name, of in clean.per_class.items()},
        }


def some_of_each(labels: NDArray[np.int64], most: int, seed: int = 0) -> NDArray[np.int64]:
    """Rows of at most so many samples of each class, drawn at random, rising."""
    order = np.random.default_rng(seed).permutation(len(labels))
    kept = [order[labels[order] == label][:most] for label in np.unique(labels)]
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)


PICTURES = 1 + sum(len(c.severities) for c in CORRUPTIONS.values())  # of each face, the clean one among them
FEWEST = 50  # faces of a class, below which an interval says little


def most_within(labels: NDArray[np.int64], latency_ms: float | None, seconds: float = 180.0) -> int:
    """How many faces of each class `robustness` gets through in so many seconds, but `FEWEST` at least.

    Args:
        labels: (N,) of the faces that there are.
        latency_ms: of one face; None where it was not measured.
        seconds: that may be taken.

    Returns:
        The size of the largest class where all faces fit; 0 on no samples.
    """
    counts = np.bincount(labels)
    most = int(counts.max(initial=0))
    budget = FEWEST * len(counts) if latency_ms is None else seconds * 1000 / (latency_ms * PICTURES)
    sizes = np.arange(1, most + 1)
    taken = np.minimum(counts, sizes[:, None]).sum(1)
    return min(most, max(FEWEST, int((taken <= budget).sum())))


def robustness(
    predictor: Predictor,
    faces: Sequence[Picture],
    labels: NDArray[np.int64],
    names: Sequence[str] = tuple(CORRUPTIONS),
    progress: Callable[[int, int], None] | None = None,
) -> list[Robustness]:
    """Classifies the faces under each corruption at each severity.

    Args:
        predictor: the model.
        faces: N crops.
        labels: (N,) indices in the predictor's classes.
        names: of corruptions.
        progress: called with (faces done, faces in all); what it raises stops the work.

    Raises:
        DataError: an unknown corruption.
        ImageError: as `Predictor.logits`.
    """
    chosen = [_known(name) for name in names]
    total, done = len(faces) * (1 + sum(len(c.severities) for c in chosen)), 0
    step = 256

    def measured(spoil: Callable[[Picture, int], Picture]) -> Scores:
        nonlocal done
        parts = [np.zeros((0, len(predictor.classes)))]
        for start in range(0, len(faces), step):
            batch = [spoil(face, start + i) for i, face in enumerate(faces[start : start + step])]
            parts.append(predictor.probabilities(batch))
            done += len(batch)
            if progress:
                progress(done, total)
        return score(np.concatenate(parts), labels, predictor.classes)

    clean = measured(lambda face, _: face)
    found = []
    for how in chosen:
        rows = [measured(functools.partial(_spoilt, how.name, severity)) for severity in how.severities]
        found.append(Robustness(how.name, how.unit, (how.clean, *how.severities), (clean, *rows)))
    return found

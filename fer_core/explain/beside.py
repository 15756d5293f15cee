"""Two models' maps of one face, brought over one another: models may cut the face out differently."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.explain.saliency import SaliencyMap
from fer_core.explain.trust.similarity import spearman
from fer_core.faces import Face, crop_matrix
from fer_core.preprocess import Preprocess

COMPARED_PX = 96
STRONGEST = 0.2


@dataclass(frozen=True, eq=False)
class View:
    """One model's map and how it was shown the face.

    Attributes:
        saliency: the map.
        face: of the photograph.
        how: the card's preprocessing, which says how the crop was cut.
    """

    saliency: SaliencyMap
    face: Face
    how: Preprocess

    def matrix(self) -> NDArray[np.float64]:
        """(3, 3) from the photograph to this model's crop of 96 pixels."""
        how = self.how
        found = crop_matrix(
            self.face, margin=how.crop_margin, size=COMPARED_PX, align=how.align, shift_y=how.crop_shift_y
        )
        return np.vstack((found, (0, 0, 1)))


@dataclass(frozen=True, eq=False)
class Beside:
    """How two maps of one face compare, over the pixels that both models were shown.

    Attributes:
        spearman: rank correlation, -1 to 1; NaN where a map is constant.
        strongest: of the strongest fifth of the one map, how much is in the strongest fifth of the other; 0.2 is
            chance. NaN where a map is constant.
        seen: share of the first model's crop that the second one was shown, 0 to 1.
        difference: (96, 96) over the first model's crop, -1 to 1: half the first map less half the second, each
            divided by its largest absolute value; 0 where the second model saw nothing.
    """

    spearman: float
    strongest: float
    seen: float
    difference: NDArray[np.float32]


def beside(first: View, second: View) -> Beside:
    """Compares two models' maps of one face; the scales of two networks have no common unit, so ranks are compared."""
    one = first.saliency.resized(COMPARED_PX, COMPARED_PX)
    own = second.saliency.resized(COMPARED_PX, COMPARED_PX)
    across = (first.matrix() @ np.linalg.inv(second.matrix()))[:2]
    other = _moved(own, across)
    there = _moved(np.ones_like(own), across) > 0.999
    difference = np.where(there, (_unit(one) - _unit(other)) / 2, 0).astype(np.float32)
    a, b = one[there], other[there]
    alike = float(spearman(a[None, None], b[None, None])[0]) if len(a) else float("nan")
    return Beside(alike, _strongest(a, b), float(there.mean()), difference)


def _moved(values: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    if np.allclose(matrix, np.eye(2, 3), atol=1e-9):  # nothing is lost to rounding where both crops are one
        return values
    size = (COMPARED_PX, COMPARED_PX)
    return np.asarray(cv2.warpAffine(values, matrix, size, flags=cv2.INTER_LINEAR), np.float32)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    top = np.abs(values).max(initial=0.0)
    return values / top if top > 0 else values


def _strongest(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Share of the strongest fifth of `a` that is in that of `b`."""
    n = round(STRONGEST * len(a))
    if not n or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    best = [set(np.argsort(-values, kind="stable")[:n].tolist()) for values in (a, b)]
    return len(best[0] & best[1]) / n

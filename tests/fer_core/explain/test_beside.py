"""Two models' maps of one face: crops that differ are brought over one another, and the numbers are those by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fer_core.explain import SaliencyMap, Target
from fer_core.explain.beside import COMPARED_PX, View, beside
from fer_core.faces import Face
from fer_core.preprocess import Preprocess

FACE = Face((50.0, 40.0, 80.0, 80.0), 0.9)
SIDE = COMPARED_PX


def view(raw: NDArray[np.float32], **how: float) -> View:
    saliency = SaliencyMap("gradcam", "x", Target(0, "angry"), raw, (48, 48), 1.0, 0.5, ("angry", "happy"))
    return View(saliency, FACE, Preprocess(**how))  # type: ignore[arg-type]


def test_the_same_map_at_any_scale_is_the_same() -> None:
    raw = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    found = beside(view(raw), view(3 * raw))
    assert (found.spearman, found.strongest, found.seen) == (pytest.approx(1), 1.0, 1.0)
    assert np.abs(found.difference).max() == pytest.approx(0, abs=1e-6)
    against = beside(view(raw), view(-raw))
    assert against.spearman == pytest.approx(-1)
    assert against.strongest == 0
    assert against.difference == pytest.approx(raw / np.abs(raw).max())


def test_unrelated_maps_agree_as_chance_does() -> None:
    one, other = np.random.default_rng(1).normal(size=(2, SIDE, SIDE)).astype(np.float32)
    found = beside(view(one), view(other))
    assert found.spearman == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic, abs=1e-9)
    n = round(0.2 * SIDE * SIDE)
    both = set(np.argsort(-one.ravel())[:n]) & set(np.argsort(-other.ravel())[:n])
    assert found.strongest == pytest.approx(len(both) / n)
    assert found.strongest == pytest.approx(0.2, abs=0.03)


def test_a_wider_crop_is_laid_over_the_narrow_one() -> None:
    """A bump at one place of the photograph, as two models see it whose crops are 80 and 160 pixels wide."""

    def bump(width: float) -> NDArray[np.float32]:
        px = (np.arange(SIDE) + 0.5) / SIDE * width - width / 2  # from the middle of the face, pixels of the photograph
        return np.exp(-((px[None] - 15) ** 2 + (px[:, None] + 10) ** 2) / 200).astype(np.float32)

    found = beside(view(bump(80)), view(bump(160), crop_margin=0.5))  # half the box's side more, on each side
    assert found.seen == 1
    assert found.spearman > 0.995
    assert np.abs(found.difference).max() < 0.02
    other_way = beside(view(bump(160), crop_margin=0.5), view(bump(80)))
    assert other_way.seen == pytest.approx(0.25, abs=0.02)
    assert other_way.spearman > 0.995
    assert (other_way.difference[: SIDE // 4 - 1] == 0).all()


def test_constant_maps_cannot_be_compared() -> None:
    found = beside(view(np.zeros((6, 6), np.float32)), view(np.eye(6, dtype=np.float32)))
    assert np.isnan(found.spearman)
    assert np.isnan(found.strongest)

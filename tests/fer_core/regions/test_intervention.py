"""Interventions on a network that looks at the mouth and nowhere else; figures by hand."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain import Explainer
from fer_core.explain.empty import blurred, evened
from fer_core.regions import REGIONS, FacePoints, MeanFace, find_regions
from fer_core.regions.effects import effect_table
from fer_core.regions.intervention import Interventions, elsewhere, intervene, moved_onto, partners
from fer_core.regions.measure import Asked

SOURCES = (MeanFace(),)
MOUTH = find_regions([np.zeros((48, 48), np.uint8)], 48, SOURCES).mask("mouth")[0]


class MouthOnly(nn.Module):
    """Seven logits, each a weighted sum of the mouth's pixels."""

    def __init__(self) -> None:
        super().__init__()
        weights = torch.randn(7, 48, 48, generator=torch.Generator().manual_seed(0))
        self.weights = nn.Parameter(weights * torch.from_numpy(MOUTH), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ncij,kij->nk", x, self.weights)


@pytest.fixture
def explainer(make_checkpoint: Callable[..., Any]) -> Explainer:
    return Explainer(make_checkpoint(), network=MouthOnly().eval())


def at(found: Interventions, fill: str, region: str) -> tuple[int, int]:
    return found.fills.index(fill), REGIONS.index(region)


def test_only_the_mouth_matters_to_a_network_of_the_mouth(explainer: Explainer, drawn: SampleTable) -> None:
    samples = drawn.split("test")
    told: list[tuple[int, int]] = []
    found = intervene(explainer, samples, Asked(), sources=SOURCES, progress=lambda *a: told.append(a))
    assert told == [(28, 28)]
    x = explainer.card.preprocess(samples.faces())
    weights = explainer.network.weights.numpy()
    logits = torch.einsum("ncij,kij->nk", x, explainer.network.weights).numpy()
    target = logits.argmax(1)
    for fill, other in (("mean", evened(x)), ("blur", blurred(x))):
        expected = np.einsum("nij,nij->n", (x - other)[:, 0].numpy(), weights[target])
        np.testing.assert_allclose(found.drop[at(found, fill, "mouth")], expected, rtol=1e-3, atol=1e-3)
        for region in set(REGIONS) - {"mouth"}:
            np.testing.assert_allclose(found.drop[at(found, fill, region)], 0, atol=1e-4)
    np.testing.assert_array_equal(found.predicted, target)
    np.testing.assert_array_equal(found.right_before, target == found.labels)
    after = np.einsum("ncij,kij->nk", np.where(MOUTH, evened(x).numpy(), x.numpy()), weights).argmax(1)
    np.testing.assert_array_equal(found.right[at(found, "mean", "mouth")], after == found.labels)
    assert found.sources == ("mean face",) * 28


def test_a_swap_shows_the_mouth_of_another_class(explainer: Explainer, drawn: SampleTable) -> None:
    samples = drawn.split("test")
    found = intervene(explainer, samples, Asked(explained="label"), fills=("swap",), sources=SOURCES)
    labels = samples.label_indices()
    others = partners(labels, 0)
    x = explainer.card.preprocess(samples.faces())
    changed = np.where(MOUTH, x[others].numpy(), x.numpy())  # one mean face: nothing has to be moved
    weights = explainer.network.weights.numpy()
    difference = np.einsum("ncij,nij->n", x.numpy() - changed, weights[labels])
    np.testing.assert_allclose(found.drop[at(found, "swap", "mouth")], difference, rtol=1e-3, atol=2e-3)
    again = intervene(explainer, samples, Asked(explained="label"), fills=("swap",), sources=SOURCES)
    np.testing.assert_array_equal(again.control, found.control)


def test_partners_are_of_another_class() -> None:
    labels = np.array([0, 0, 1, -1, 2, 1, 0])
    found = partners(labels, 3)
    assert found[3] == -1
    for row in (0, 1, 2, 4, 5, 6):
        assert labels[found[row]] not in (-1, labels[row])
    np.testing.assert_array_equal(partners(np.array([1, 1, -1]), 0), [-1, -1, -1])


def test_without_a_partner_nothing_is_claimed(explainer: Explainer, drawn: SampleTable) -> None:
    table = drawn.split("test").table
    happy = SampleTable(table.filter([label == "happy" for label in table["label"].to_pylist()]), drawn.classes)
    found = intervene(explainer, happy, Asked(), fills=("swap", "mean"), sources=SOURCES)
    assert np.isnan(found.drop[0]).all()
    assert np.isnan(found.right[0]).all()
    assert np.isfinite(found.drop[1]).all()
    rows = [row for row in effect_table(found) if row.fill == "swap"]
    assert {row.n for row in rows} == {0}
    assert all(math.isnan(row.drop) and not row.drives for row in rows)


def test_a_control_has_the_regions_shape_elsewhere() -> None:
    moved = elsewhere(MOUTH[None], [(0, 1)])[0]
    assert moved.sum() == MOUTH.sum()
    places = [(dy, dx) for dy in range(48) for dx in range(48) if (np.roll(MOUTH, (dy, dx), (0, 1)) == moved).all()]
    assert len(places) == 1
    assert places != [(0, 0)]
    np.testing.assert_array_equal(elsewhere(MOUTH[None], [(0, 1)])[0], moved)


def test_a_face_is_moved_onto_another() -> None:
    five = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.56), (0.38, 0.7), (0.62, 0.7)])
    face = torch.zeros(1, 40, 40)
    face[0, 16, 12] = 1  # its centre is (12.5, 16.5) / 40
    moved = moved_onto(face, FacePoints(five), FacePoints(five + np.array((0.1, 0.05))))
    row, column = divmod(int(moved[0].argmax()), 40)
    assert (row, column) == (18, 16)  # 0.05 and 0.1 of 40
    assert float(moved[0, 18, 16]) == pytest.approx(1, abs=1e-3)


def found_by_hand() -> Interventions:
    drop = np.zeros((1, 8, 4), np.float32)
    control, right, control_right = np.zeros_like(drop), np.ones_like(drop), np.ones_like(drop)
    drop[0, 3] = (3, 5, 4, np.nan)
    control[0, 3] = (1, 1, 1, np.nan)
    right[0, 3] = (0, 0, 1, np.nan)
    return Interventions(
        fills=("mean",), drop=drop, control=control, right=right, control_right=control_right,
        right_before=np.array([1, 1, 0, 1], np.float32), labels=np.zeros(4, np.int64),
        predicted=np.array([0, 0, 1, 0]), sample_ids=("a", "b", "c", "d"), sources=("mean face",) * 4,
        classes=("angry", "happy"), model="m", explained="predicted",
    )  # fmt: skip


def test_table_by_hand() -> None:
    rows = {(row.group, row.region): row for row in effect_table(found_by_hand(), how=Resampling(300))}
    mouth = rows["angry", "mouth"]
    assert (mouth.n, mouth.drop, mouth.control, mouth.effect) == (3, 4, 1, 3)
    assert mouth.drop_interval == (3, 5)
    assert mouth.effect_interval == (2, 4)
    assert mouth.control_interval == (1, 1)
    assert mouth.accuracy == pytest.approx(2 / 3)
    assert mouth.accuracy_drop == pytest.approx(1 / 3)  # two right answers lost, one won
    assert mouth.accuracy_control == pytest.approx(-1 / 3)
    assert mouth.drives
    assert not rows["angry", "nose"].drives
    assert rows["angry taken for happy", "mouth"].n == 1
    assert not rows["angry taken for happy", "mouth"].drives
    assert rows["happy", "mouth"].n == 0
    assert rows["happy", "mouth"].as_json()["drop"] is None


def test_mistakes_are_told(explainer: Explainer, drawn: SampleTable) -> None:
    with pytest.raises(DataError, match="no fill 'noise'"):
        intervene(explainer, drawn, Asked(), fills=("noise",), sources=SOURCES)
    nobody = SampleTable(drawn.table.slice(0, 0), drawn.classes)
    found = intervene(explainer, nobody, Asked(), sources=SOURCES)
    assert found.drop.shape == (3, 8, 0)
    assert {row.n for row in effect_table(found)} == {0}

"""Label errors and how they are held against the votes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.data.audit import AuditContext, audit
from fer_core.errors import DataError
from fer_core.labels import ClassSet

Face = Callable[[int], NDArray[np.uint8]]
Table = Callable[..., SampleTable]
THREE = ClassSet("three", ("happy", "sad", "fear"))


@pytest.fixture(scope="module")
def samples(face: Face, table: Table) -> SampleTable:
    """60 samples: 0-2 are labelled happy but sad, and the votes say so of 0 and 1; 30 is sad, the votes are split."""
    labels = ["happy"] * 30 + ["sad"] * 29 + [None]
    votes: list[list[int] | None] = [[8, 1, 1, 0]] * 30 + [[1, 8, 1, 0]] * 29 + [None]
    votes[0], votes[1], votes[30] = [2, 8, 0, 0], [4, 6, 0, 0], [0, 4, 3, 3]
    split = (["train"] * 10 + ["test"] * 5) * 4
    faces = [face(i) for i in range(60)]
    return table(faces, THREE, (*THREE.names, "nf"), label=labels, votes=votes, split=split)


@pytest.fixture(scope="module")
def probabilities() -> NDArray[np.float64]:
    out = np.tile([0.9, 0.08, 0.02], (60, 1))
    out[30:] = [0.08, 0.9, 0.02]
    out[:3] = [[0.02, 0.96, 0.02], [0.01, 0.97, 0.02], [0.03, 0.95, 0.02]]
    return out


def test_the_three_are_found_in_order_and_compared_with_votes(
    samples: SampleTable, probabilities: NDArray[np.float64]
) -> None:
    finding = audit(samples, ["label-errors"], probabilities=probabilities)["label-errors"]
    assert finding.sample_ids == ("1", "0", "2")
    assert finding.scores == pytest.approx((0.99, 0.98, 0.97))
    assert finding.by_class == {"happy": 3}
    assert finding.remedy.labels == {"0": "sad", "1": "sad", "2": "sad"}
    figures = finding.figures
    assert (figures["precision"]["k"], figures["precision"]["n"]) == (2, 3)
    assert (figures["base_rate"]["k"], figures["base_rate"]["n"]) == (3, 59)  # 0, 1 and 30: six of ten are not sad
    assert figures["lift"] == pytest.approx((2 / 3) / (3 / 59))
    # A single other class with more than half of the votes: not so for 30.
    assert (figures["other_class_has_majority"]["k"], figures["other_class_base_rate"]["k"]) == (2, 2)
    assert figures["in_train"]["precision"]["n"] == 3
    assert "in_test" not in figures


def test_only_training_is_pruned(face: Face, table: Table, probabilities: NDArray[np.float64]) -> None:
    labels = ["happy"] * 30 + ["sad"] * 30
    held_out = table([face(i) for i in range(60)], THREE, label=labels, split=["test", "train"] * 30)
    finding = audit(held_out, ["label-errors"], probabilities=probabilities)["label-errors"]
    assert finding.sample_ids == ("1", "0", "2")
    assert finding.remedy.sample_ids == ("1",)
    assert "precision" not in finding.figures


def test_conflicts_and_non_faces_are_left_to_their_checks(
    face: Face, table: Table, probabilities: NDArray[np.float64]
) -> None:
    labels = ["happy"] * 30 + ["sad"] * 30
    faces = [face(i) for i in range(60)]
    faces[0], faces[1] = faces[59], np.full((48, 48), 200, np.uint8)
    finding = audit(table(faces, THREE, label=labels), ["label-errors"], probabilities=probabilities)["label-errors"]
    assert finding.sample_ids == ("2",)
    assert finding.figures["flagged"]["n"] == 57


def test_from_features_a_twin_does_not_vouch_for_its_twin(face: Face, table: Table) -> None:
    chance = np.random.default_rng(0)
    labels = ["happy"] * 30 + ["sad"] * 30
    features = np.concatenate([chance.normal(0, 1, (30, 4)), chance.normal(4, 1, (30, 4))])
    faces = [face(i) for i in range(60)]
    features[:2] += 4  # labelled happy, with the features of a sad face
    faces[1], features[1] = faces[0], features[0]
    context = AuditContext(table(faces, THREE, label=labels), features=features.astype(np.float32))
    assert context.families[0] == context.families[1]
    assert len(np.unique(context.families)) == 59
    assert (context.out_of_fold[:2, 1] > 0.8).all()
    assert (context.out_of_fold[:, 2] == 0).all()


def test_what_does_not_fit_is_refused(samples: SampleTable, probabilities: NDArray[np.float64]) -> None:
    with pytest.raises(DataError, match=r"shape \(60, 3\), not \(60, 2\)"):
        audit(samples, probabilities=probabilities[:, :2])
    with pytest.raises(DataError, match=r"shape \(60, D\), not \(59, 3\)"):
        audit(samples, features=probabilities[:59])
    broken = probabilities.copy()
    broken[5, 1] = np.nan
    with pytest.raises(DataError, match="not finite"):
        audit(samples, probabilities=broken)

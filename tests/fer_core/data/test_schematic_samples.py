"""Sets of schematic faces: splits, votes, and planted flaws that can be counted by other means."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter, defaultdict
from typing import Any

import cv2
import numpy as np
import pytest

from fer_core.data.schematic import (
    LANDMARK_NAMES,
    PROTOTYPES,
    TRUTH_SCHEMA,
    Flaws,
    SchematicSet,
    SchematicSpec,
    draw_face,
    index_of,
    schematic_samples,
)
from fer_core.data.schematic.units import NUMBERS, reading
from fer_core.labels import FER7

SIDE = 48
PLANTED = Flaws(
    exact_twins_across_splits=5,
    near_twins_across_splits=6,
    exact_twins_within_split=4,
    conflicting_labels=3,
    wrong_labels=7,
    subjects_in_two_splits=2,
    non_faces=6,
    dark=4,
    blurred=4,
    low_contrast=4,
    odd_sizes=8,
)


PAIRS = ("exact_twins_across_splits", "near_twins_across_splits", "exact_twins_within_split", "conflicting_labels")
SINGLE = ("wrong_labels", "non_faces", "dark", "blurred", "low_contrast", "odd_sizes")


@pytest.fixture(scope="module")
def clean() -> SchematicSet:
    """420 faces of 30 people."""
    return schematic_samples(SchematicSpec(subjects=30, size_px=SIDE))


@pytest.fixture(scope="module")
def spoiled() -> SchematicSet:
    """280 faces of 40 people, with flaws."""
    return schematic_samples(SchematicSpec(subjects=40, per_subject_and_class=1, size_px=SIDE, flaws=PLANTED))


@pytest.fixture(scope="module")
def rows(spoiled: SchematicSet) -> list[dict[str, Any]]:
    """Table and truth side by side, with the decoded picture and a hash of our own."""
    faces = spoiled.samples.faces()
    pairs = zip(spoiled.samples.table.to_pylist(), spoiled.truth.to_pylist(), faces, strict=True)
    found = [
        {**row, **truth, "face": face, "own": hashlib.md5(face.tobytes(), usedforsecurity=False).hexdigest()}
        for row, truth, face in pairs
    ]
    assert [r["sample_id"] for r in found] == spoiled.truth["sample_id"].to_pylist()
    return found


def twins(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """All pairs of equal pixels."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["own"]].append(row)
    return [pair for group in groups.values() for pair in itertools.combinations(group, 2)]


def flawed(rows: list[dict[str, Any]], flaw: str) -> list[dict[str, Any]]:
    return [r for r in rows if flaw in r["flaw"]]


def unspoiled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in rows if not set(r["flaw"]) - {"subjects_in_two_splits"}]


def test_splits_keep_people_together(clean: SchematicSet) -> None:
    table = clean.samples.table.to_pylist()
    assert len(table) == 30 * 7 * 2
    people = defaultdict(set)
    for row in table:
        people[row["subject_id"]].add(row["split"])
    assert Counter(split for splits in people.values() for split in splits) == {
        "train": 22, "validation": 4, "test": 4,
    }  # fmt: skip
    assert all(len(splits) == 1 for splits in people.values())
    for split in ("train", "validation", "test"):
        counts = Counter(r["label"] for r in table if r["split"] == split)
        assert len(set(counts.values())) == 1
    assert {r["source"] for r in table} == {"schematic"}


def test_pictures_are_those_that_are_drawn_alone(clean: SchematicSet) -> None:
    for row in (0, 77, 419):
        sample_id = clean.samples.table["sample_id"][row].as_py()
        assert index_of(sample_id) == row
        face = draw_face(clean.spec, index_of(sample_id))
        assert np.array_equal(clean.samples.decode(row), face.image)
        assert clean.samples.table["label"][row].as_py() == face.label
        truth = clean.truth.slice(row, 1).to_pylist()[0]
        assert truth["face_index"] == row
        assert np.allclose(np.reshape(truth["landmarks"], (-1, 2)), face.landmarks)
        assert dict(zip(NUMBERS, truth["action_units"], strict=True))[12] == pytest.approx(
            face.action_units.get(12, 0), abs=1e-6
        )


def test_nothing_is_spoiled_unasked(clean: SchematicSet) -> None:
    assert clean.truth.schema == TRUTH_SCHEMA
    assert all(f == [] for f in clean.truth["flaw"].to_pylist())
    assert clean.truth["true_label"].to_pylist() == clean.samples.table["label"].to_pylist()
    assert len(set(clean.samples.table["sha256"].to_pylist())) == len(clean.samples)


def test_votes_are_of_ten_and_divided_where_the_expression_is_faint(clean: SchematicSet) -> None:
    votes = clean.samples.vote_matrix(FER7)
    labels = clean.samples.label_indices()
    assert clean.samples.vote_classes == FER7.names
    assert (votes.sum(1) == 10).all()
    assert 0.85 < np.mean(votes.argmax(1) == labels) < 1
    share = votes[np.arange(len(votes)), labels] / 10
    units = np.array(clean.truth["action_units"].to_pylist())
    own = np.array([[u in PROTOTYPES[FER7.names[label]] for u in NUMBERS] for label in labels])
    strength = np.divide((units * own).sum(1), (units * own > 0).sum(1), out=np.zeros(len(units)), where=own.any(1))
    expressive = labels != FER7.index("neutral")
    weak, strong = expressive & (strength < 0.45), expressive & (strength > 0.7)
    assert weak.sum() > 20
    assert strong.sum() > 20
    assert share[strong].mean() > share[weak].mean() + 0.15
    assert share[strong].mean() > 0.9


def test_readings_by_hand() -> None:
    """A full smile of 6, 12 and 25 at 0.7 but for 25 at 0.455: what happiness expects, 0.7 times the prototype."""
    smile = {6: 0.63, 12: 0.7, 25: 0.455}
    squared = {"happy": 0.0, "neutral": 0.63**2 + 0.7**2 + 0.455**2}
    answer = reading(smile, {})
    assert answer.sum() == pytest.approx(1)
    happy, neutral = answer[FER7.index("happy")], answer[FER7.index("neutral")]
    lapse = 0.03 / 7
    assert (neutral - lapse) / (happy - lapse) == pytest.approx(np.exp(-squared["neutral"] / 0.28))
    covered = reading(smile, {"mouth": 0.0, "cheeks": 0.0, "eyes": 0.0})
    assert covered.argmax() == FER7.index("neutral")
    assert reading({}, {}).argmax() == FER7.index("neutral")
    for name, units in PROTOTYPES.items():
        assert FER7.names[reading({u: 0.8 for u, p in units.items() if p > 0.5}, {}).argmax()] == name


def test_exact_copies_are_as_many_as_planted(rows: list[dict[str, Any]]) -> None:
    pairs = twins(rows)
    assert len(pairs) == 5 + 4 + 3
    across = [p for p in pairs if p[0]["split"] != p[1]["split"]]
    same = [p for p in pairs if p[0]["split"] == p[1]["split"] and p[0]["label"] == p[1]["label"]]
    other = [p for p in pairs if p[0]["label"] != p[1]["label"]]
    for found, flaw, number in (
        (across, "exact_twins_across_splits", 5),
        (same, "exact_twins_within_split", 4),
        (other, "conflicting_labels", 3),
    ):
        assert len(found) == number
        for one, copy in found:
            assert flaw in one["flaw"]
            assert flaw in copy["flaw"]
            assert one["partner"] == [copy["sample_id"]]
            assert copy["partner"] == [one["sample_id"]]
            assert one["sha256"] == copy["sha256"]
            assert one["face_index"] == copy["face_index"]
    assert all("train" in {a["split"], b["split"]} and a["label"] == b["label"] for a, b in across)
    assert all((a["label"] == a["true_label"]) != (b["label"] == b["true_label"]) for a, b in other)


def test_near_copies_look_alike_but_are_not_equal(rows: list[dict[str, Any]]) -> None:
    copies = [r for r in flawed(rows, "near_twins_across_splits") if index_of(r["sample_id"]) != r["face_index"]]
    assert len(copies) == 6
    by_id = {r["sample_id"]: r for r in rows}
    strangers = [
        correlation(a["face"], b["face"]) for a, b in itertools.pairwise(unspoiled(rows)) if a["own"] != b["own"]
    ]
    for copy in copies:
        one = by_id[copy["partner"][0]]
        assert one["own"] != copy["own"]
        assert one["split"] == "train" != copy["split"]
        assert correlation(one["face"], copy["face"]) > 0.97 > np.quantile(strangers, 0.98)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of grey levels, at the best shift of up to one pixel either way."""
    grey = [cv2.GaussianBlur(p.astype(np.float32).mean(2), (0, 0), 1) for p in (one, other)]
    inner = grey[0][2:-2, 2:-2].ravel()
    moved = [grey[1][2 + y : SIDE - 2 + y, 2 + x : SIDE - 2 + x].ravel() for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return float(max(np.corrcoef(inner, m)[0, 1] for m in moved))


def test_wrong_labels_disagree_with_the_truth_and_the_votes(rows: list[dict[str, Any]], spoiled: SchematicSet) -> None:
    wrong = [r for r in rows if r["true_label"] not in {None, r["label"]}]
    assert len(wrong) == 7 + 3  # and one of each pair under two labels
    assert {r["sample_id"] for r in flawed(rows, "wrong_labels")} <= {r["sample_id"] for r in wrong}
    votes = spoiled.samples.vote_matrix(FER7)
    labels = spoiled.samples.label_indices()
    at = [i for i, r in enumerate(rows) if r in wrong]
    assert (votes[at, labels[at]] / 10).mean() < 0.2
    assert (votes[np.arange(len(votes)), labels] / 10).mean() > 0.75


def test_people_in_two_splits_are_as_many_as_planted(rows: list[dict[str, Any]]) -> None:
    people = defaultdict(set)
    for row in rows:
        people[row["subject_id"]].add(row["split"])
    torn = {person for person, splits in people.items() if len(splits) > 1}
    assert len(torn) == 2
    assert {r["subject_id"] for r in flawed(rows, "subjects_in_two_splits")} == torn


def test_spoiled_pictures_stand_out(rows: list[dict[str, Any]]) -> None:
    usual = [measures(r["face"]) for r in unspoiled(rows)]
    low = np.min(usual, axis=0)
    for flaw, measure in (("dark", 0), ("low_contrast", 1), ("blurred", 2)):
        found = [measures(r["face"])[measure] for r in flawed(rows, flaw)]
        assert len(found) == 4
        assert max(found) < low[measure]
    sizes = Counter((r["width"], r["height"]) for r in rows)
    assert sizes == {(48, 48): 280 - 8, (24, 24): 2, (84, 84): 2, (67, 48): 2, (48, 72): 2}
    for row in flawed(rows, "odd_sizes"):
        assert row["face"].shape[:2] == (row["height"], row["width"])
        points = np.reshape(row["landmarks"], (len(LANDMARK_NAMES), 2)) / (row["width"], row["height"])
        assert np.allclose(points, draw_face(SPOILED, row["face_index"]).landmarks / SIDE, atol=1e-5)


SPOILED = SchematicSpec(subjects=40, per_subject_and_class=1, size_px=SIDE)


def measures(face: np.ndarray) -> tuple[float, float, float]:
    """Mean and spread of grey, and the spread of its second difference, which blur takes away."""
    grey = face.astype(float).mean(2) if face.ndim == 3 else face.astype(float)
    return grey.mean(), grey.std(), np.diff(grey, 2, axis=1).std()


def test_non_faces_have_no_truth_and_no_two_are_alike(rows: list[dict[str, Any]]) -> None:
    nothing = [r for r in rows if r["true_label"] is None]
    assert len(nothing) == 6
    assert nothing == flawed(rows, "non_faces")
    assert all(r["landmarks"] is r["face_index"] is r["action_units"] is None for r in nothing)
    assert len({r["own"] for r in nothing}) == 6
    assert np.mean([max(r["votes"]) for r in nothing]) < 6


def test_a_set_is_the_same_every_time_and_as_large_with_flaws(spoiled: SchematicSet) -> None:
    assert len(spoiled.samples) == 280
    spec = SchematicSpec(subjects=6, per_subject_and_class=1, size_px=32, flaws=Flaws.of_each(1))
    one, again = schematic_samples(spec), schematic_samples(spec)
    assert len(one.samples) == 42
    assert again.samples.table.equals(one.samples.table)
    assert again.truth.equals(one.truth)
    assert Counter(f for flaws in one.truth["flaw"].to_pylist() for f in flaws) == {
        **dict.fromkeys(PAIRS, 2), **dict.fromkeys(SINGLE, 1), "subjects_in_two_splits": 7,
    }  # fmt: skip


def test_expressions_can_be_learned_but_not_by_heart(clean: SchematicSet) -> None:
    """Gradient histograms and a linear classifier: far above one in seven, far below all, on people never seen."""
    from skimage.feature import hog
    from sklearn.linear_model import LogisticRegression

    grey = clean.samples.pixels(SIDE)
    seen = np.array([hog(g, orientations=8, pixels_per_cell=(8, 8), cells_per_block=(2, 2)) for g in grey])
    labels = clean.samples.label_indices()
    train = np.array(clean.samples.table["split"].to_pylist()) == "train"
    model = LogisticRegression(C=1.0, max_iter=300).fit(seen[train], labels[train])
    assert 0.35 < model.score(seen[~train], labels[~train]) < 0.9

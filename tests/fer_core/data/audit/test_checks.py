"""Checks on tables that are small enough to count by hand."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from fer_core.data import SampleTable
from fer_core.data.audit import audit
from fer_core.data.audit.checks.drift import holm
from fer_core.data.audit.faceless import flat_share, unlikeness
from fer_core.labels import ClassSet

Picture = NDArray[np.uint8]
Face = Callable[[int], Picture]
Table = Callable[..., SampleTable]


def test_exact_twins(face: Face, table: Table) -> None:
    a, b, c, d = (face(i) for i in range(4))
    samples = table(
        [a, a, a, b, b, c, d, d, c],
        split=["train", "train", "test", "train", "validation", "test", "train", "train", "train"],
        label=["happy", "happy", "sad", "sad", "sad", None, "fear", "angry", None],
    )
    report = audit(samples, ["exact-twins-across-splits", "exact-twins-within-split", "conflicting-labels"])
    across = report["exact-twins-across-splits"]
    assert across.groups == (("0", "1", "2"), ("3", "4"), ("5", "8"))
    assert across.sample_ids == ("0", "1", "2", "3", "4", "5", "8")
    assert across.by_class == {"happy": 2, "sad": 3, "unlabelled": 2}
    assert list(across.by_class) == ["happy", "sad", "unlabelled"]
    assert across.severity == "high"
    assert across.remedy.kind == "exclude"
    assert across.remedy.sample_ids == ("0", "1", "3", "8")  # what measures is kept
    assert (across.figures["test_in_train"]["k"], across.figures["test_in_train"]["n"]) == (2, 2)
    assert across.figures["validation_in_train"]["rate"] == 1
    assert across.figures["test_in_validation"]["k"] == 0

    within = report["exact-twins-within-split"]
    assert within.groups == (("0", "1"),)  # 6 and 7 contradict each other, which is another finding
    assert within.remedy.sample_ids == ("1",)

    conflict = report["conflicting-labels"]
    assert conflict.groups == (("0", "1", "2"), ("6", "7"))
    assert conflict.by_class == {"angry": 1, "fear": 1, "happy": 2, "sad": 1}
    assert conflict.remedy.sample_ids == conflict.sample_ids


def test_wilson_interval_of_a_rate(face: Face, table: Table) -> None:
    faces = [face(i) for i in range(10)]
    samples = table([*faces, face(0)], split=["train"] + ["test"] * 10)
    figure = audit(samples, ["exact-twins-across-splits"])["exact-twins-across-splits"].figures["test_in_train"]
    # One of ten by Wilson's formula, z = 1.959964: centre (1 + z^2/2) / (10 + z^2), worked out by hand.
    assert figure["rate"] == 0.1
    assert figure["interval"] == pytest.approx([0.0178763, 0.4041500], abs=1e-6)


def test_votes_propose_a_label_for_conflicts(face: Face, table: Table) -> None:
    two = ClassSet("two", ("happy", "sad"))
    votes = [[7, 3, 0], [6, 4, 0], [5, 5, 0], [5, 5, 0]]
    faces = [face(0), face(0), face(1), face(1)]
    samples = table(faces, two, ("happy", "sad", "nf"), label=["sad", "happy"] * 2, votes=votes)
    finding = audit(samples, ["conflicting-labels"])["conflicting-labels"]
    assert finding.remedy.labels == {"0": "happy", "1": "happy"}  # the other two are a tie


def test_subjects_and_copies(face: Face, table: Table) -> None:
    samples = table(
        [face(i) for i in range(7)],
        subject_id=["anna", "anna", "anna", "ben", "ben", None, None],
        parent_id=[None, None, None, None, None, "0", "3"],
        split=["train", "train", "test", "train", "train", "test", "train"],
    )
    report = audit(samples, ["subjects-in-two-splits", "copies-in-two-splits"])
    subjects = report["subjects-in-two-splits"]
    assert subjects.groups == (("0", "1", "2"),)
    assert subjects.remedy.kind == "move"
    assert subjects.remedy.sample_ids == ("2",)
    assert report["copies-in-two-splits"].groups == (("0", "5"),)  # 6 is with its parent 3


def test_what_cannot_run_says_why(face: Face, table: Table) -> None:
    report = audit(table([face(0), face(1)], label=[None, None]))
    assert set(report.skipped) == {
        "subjects-in-two-splits",
        "copies-in-two-splits",
        "label-errors",
        "imbalance",
        "drift",
    }
    assert "subject_id" in report.skipped["subjects-in-two-splits"]
    assert "features" in report.skipped["label-errors"]


def test_dark_dull_and_blurred(face: Face, table: Table) -> None:
    sharp = face(0)
    grain = np.random.default_rng(0).normal(0, 14, (48, 48))
    crisp = (sharp + grain).clip(0, 255).astype(np.uint8)
    dull = (128 + (crisp - 128.0) * 0.1).astype(np.uint8)
    soft = cv2.GaussianBlur(crisp, (0, 0), 4)
    assert crisp.mean() > 40 > (crisp // 8).mean()
    assert crisp.std() > 12 > dull.std()
    small = cv2.resize(cv2.resize(crisp, (12, 12), interpolation=cv2.INTER_AREA), (24, 24))
    report = audit(table([crisp, crisp // 8, dull, soft, small]), ["dark", "low-contrast", "blurred"])
    assert report["dark"].sample_ids == ("1",)
    assert report["dark"].scores == pytest.approx([40 - (crisp // 8).mean()], rel=1e-5)
    assert report["low-contrast"].sample_ids == ("2",)  # the dark one has little contrast because it is dark
    assert report["blurred"].sample_ids == ("3",)  # the small one is soft because it was enlarged
    assert report["dark"].remedy.kind == "keep"


def test_odd_sizes(table: Table) -> None:
    def sized(*sizes: tuple[int, int]) -> SampleTable:
        faces = [np.full((height, width), i, np.uint8) for i, (width, height) in enumerate(sizes)]
        return table(faces)

    report = audit(sized(*[(48, 48)] * 8, (48, 50), (20, 20)), ["odd-sizes"])
    assert report["odd-sizes"].sample_ids == ("8", "9")
    mixed = sized((100, 100), (90, 110), (300, 200), (301, 200), (200, 302), (23, 24), (24, 24))
    assert audit(mixed, ["odd-sizes"])["odd-sizes"].sample_ids == ("3", "4", "5")


def test_imbalance(table: Table) -> None:
    names = ["happy"] * 12 + ["sad"] * 7 + ["fear"] * 1
    three = ClassSet("three", ("happy", "sad", "fear"))
    faces = [np.full((8, 8), i, np.uint8) for i in range(25)]
    samples = table(faces, three, label=names + ["fear"] * 5, split=["train"] * 20 + ["test"] * 5)
    finding = audit(samples, ["imbalance"])["imbalance"]
    assert finding.by_class == {"fear": 1}  # 5 % is less than half of a third; 35 % is not
    assert (finding.count, finding.unit, finding.sample_ids) == (1, "classes", ())
    # Cui et al. 2019 with b = 19/20: 20 (1 - 0.95^n); and exp of the entropy of 0.6, 0.35, 0.05.
    expected = {"happy": 9.192798, "sad": 6.033255, "fear": 1.0}
    assert finding.figures["effective_number"] == pytest.approx(expected, abs=1e-6)
    assert finding.figures["effective_classes"] == pytest.approx(2.2789612, abs=1e-6)
    assert finding.figures["largest_to_smallest"] == 12


def test_drift_needs_size_as_well_as_significance(table: Table) -> None:
    # 600 to 400 against 450 to 550: chi-square = 2000 (600 * 550 - 400 * 450)^2 / (1000 * 1000 * 1050 * 950).
    two = ClassSet("two", ("happy", "sad"))
    looks = {"phash": ["0" * 16] * 2000, "contrast": [50.0] * 2000, "sharpness": [9.0] * 2000}
    brightness = list(range(1000)) + list(range(50, 1050))  # a gap of 0.05 between the distributions
    blank = np.zeros((8, 8), np.uint8)
    samples = table(
        [blank] * 2000,
        two,
        label=["happy"] * 600 + ["sad"] * 400 + ["happy"] * 450 + ["sad"] * 550,
        split=["train"] * 1000 + ["test"] * 1000,
        brightness=brightness,
        **looks,
    )
    tests = {t["measure"]: t for t in audit(samples, ["drift"])["drift"].figures["tests"]}
    uncorrected = 2000 * (600 * 550 - 400 * 450) ** 2 / (1000 * 1000 * 1050 * 950)
    corrected = 2000 * (600 * 550 - 400 * 450 - 1000) ** 2 / (1000 * 1000 * 1050 * 950)  # Yates, for two by two
    assert tests["classes"]["statistic"] == pytest.approx(corrected)
    assert corrected < uncorrected
    assert tests["classes"]["p"] == pytest.approx(chi2.sf(corrected, 1), rel=1e-9)
    assert tests["classes"]["effect"] == pytest.approx(0.15)
    assert tests["classes"]["drifts"]
    assert tests["brightness"]["effect"] == pytest.approx(0.05)
    assert not tests["brightness"]["drifts"]
    assert tests["contrast"]["p_holm"] == 1
    assert audit(samples, ["drift"])["drift"].count == 1


def test_a_significant_difference_that_is_small_is_no_drift(table: Table) -> None:
    n = 4000
    looks = {"phash": ["0" * 16] * 2 * n, "contrast": [50.0] * 2 * n, "sharpness": [9.0] * 2 * n}
    brightness = list(range(n)) + list(range(n // 16, n + n // 16))  # a gap of 1/16
    split = ["train"] * n + ["validation"] * n
    finding = audit(table([np.zeros((8, 8), np.uint8)] * 2 * n, split=split, brightness=brightness, **looks), ["drift"])
    test = next(t for t in finding["drift"].figures["tests"] if t["measure"] == "brightness")
    assert test["p_holm"] < 1e-5
    assert test["effect"] == pytest.approx(0.0625)
    assert finding["drift"].severity == "none"


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.9 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.9; never below the one before.
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]


def test_non_faces_by_votes(face: Face, table: Table) -> None:
    votes = [[4, 0, 6], [5, 0, 5], None, None, [0, 10, 0]]
    faces = [face(0), face(1), np.full((48, 48), 7, np.uint8), face(2), face(3)]
    samples = table(faces, ClassSet("two", ("happy", "sad")), ("happy", "sad", "nf"), votes=votes)
    finding = audit(samples, ["non-faces"])["non-faces"]
    assert finding.sample_ids == ("0", "2")  # 6 of 10 votes; a blank picture without votes
    assert finding.figures["pixels_recall"]["n"] == 1
    assert finding.figures["pixels_recall"]["k"] == 0


def test_non_faces_where_nothing_else_was_asked(face: Face, table: Table) -> None:
    samples = table([face(0), face(1)], vote_classes=("nf",), votes=[[3.0], [0.0]])
    assert audit(samples, ["non-faces"])["non-faces"].sample_ids == ("0",)


def test_flat_share_by_hand() -> None:
    picture = np.array([[0, 2, 9], [0, 5, 9]], np.uint8)
    # Across 0-2, 2-9, 0-5, 5-9: one of four. Down 0-0, 2-5, 9-9: two of three.
    assert flat_share(picture[None])[0] == pytest.approx((1 / 4 + 2 / 3) / 2)


def test_unlikeness_needs_company() -> None:
    chance = np.random.default_rng(0)
    alike = chance.normal(0, 1, 144) + chance.normal(0, 0.4, (150, 144))
    alike[3] = chance.normal(0, 1, 144)
    alike = (alike - alike.mean(1, keepdims=True)).astype(np.float32)
    alike /= np.linalg.norm(alike, axis=1, keepdims=True)
    found = unlikeness(alike)
    assert np.flatnonzero(found >= 1).tolist() == [3]
    assert not unlikeness(alike[:50]).any()

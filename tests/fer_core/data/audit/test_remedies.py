"""Remedies give new tables and leave the old one and the files alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.data.audit import apply_remedy, audit
from fer_core.errors import DataError

Face = Callable[[int], NDArray[np.uint8]]
Table = Callable[..., SampleTable]


@pytest.fixture
def samples(face: Face, table: Table) -> SampleTable:
    a, b, c, d = (face(i) for i in range(4))
    return table(
        [a, a, a, b, b, c, d],
        split=["train", "train", "test", "train", "validation", "train", "train"],
        subject_id=["x", "x", "x", "y", "y", "z", "z"],
    )


def ids(samples: SampleTable) -> list[str]:
    return samples.table["sample_id"].to_pylist()  # type: ignore[no-any-return]


def test_exclude_keeps_the_copy_that_measures(samples: SampleTable) -> None:
    finding = audit(samples, ["exact-twins-across-splits"])["exact-twins-across-splits"]
    left = apply_remedy(samples, finding)
    assert ids(left) == ["2", "4", "5", "6"]
    assert len(samples) == 7
    assert audit(left, ["exact-twins-across-splits"])["exact-twins-across-splits"].count == 0
    assert ids(apply_remedy(samples, finding, "exclude", ["3"])) == ["0", "1", "2", "4", "5", "6"]


def test_exclude_keeps_the_first_within_a_split(samples: SampleTable) -> None:
    finding = audit(samples, ["exact-twins-within-split"])["exact-twins-within-split"]
    assert ids(apply_remedy(samples, finding)) == ["0", "2", "3", "4", "5", "6"]


def test_move_brings_a_person_into_one_split(samples: SampleTable) -> None:
    finding = audit(samples, ["subjects-in-two-splits"])["subjects-in-two-splits"]
    moved = apply_remedy(samples, finding)
    # x: two of three in train; y: one and one, and what measures comes first; z was never torn.
    assert moved.table["split"].to_pylist() == ["train"] * 3 + ["validation"] * 2 + ["train"] * 2
    assert audit(moved, ["subjects-in-two-splits"])["subjects-in-two-splits"].count == 0
    assert apply_remedy(samples, finding, "move", ["3"]).table["split"].to_pylist()[:3] == ["train", "train", "test"]
    assert samples.table["split"].to_pylist()[2] == "test"


def test_twins_may_be_moved_instead_of_taken_out(samples: SampleTable) -> None:
    finding = audit(samples, ["exact-twins-across-splits"])["exact-twins-across-splits"]
    moved = apply_remedy(samples, finding, "move")
    assert moved.table["split"].to_pylist() == ["train"] * 3 + ["validation"] * 2 + ["train"] * 2


def test_relabel_takes_the_proposed_label(face: Face, table: Table) -> None:
    votes = [[0.0, 9.0], [0.0, 8.0], [5.0, 5.0], [5.0, 5.0]]
    twice = [face(0), face(0), face(1), face(1)]
    samples = table(twice, vote_classes=("happy", "sad"), votes=votes, label=["happy", "sad"] * 2)
    finding = audit(samples, ["conflicting-labels"])["conflicting-labels"]
    assert ids(apply_remedy(samples, finding)) == []
    assert apply_remedy(samples, finding, "relabel").table["label"].to_pylist() == ["sad", "sad", "happy", "sad"]
    with pytest.raises(DataError, match="no label for '2'"):
        apply_remedy(samples, finding, "relabel", ["0", "2"])


def test_keep_and_remedies_after_one_another(samples: SampleTable) -> None:
    report = audit(samples, ["exact-twins-across-splits", "exact-twins-within-split"])
    across, within = report["exact-twins-across-splits"], report["exact-twins-within-split"]
    assert apply_remedy(samples, across, "keep") is samples
    assert ids(apply_remedy(apply_remedy(samples, across), within)) == ["2", "4", "5", "6"]


def test_what_does_not_fit_is_refused(samples: SampleTable) -> None:
    report = audit(samples, ["exact-twins-across-splits", "odd-sizes", "dark"])
    with pytest.raises(DataError, match="does not name the sample '6'"):
        apply_remedy(samples, report["exact-twins-across-splits"], "exclude", ["0", "6"])
    with pytest.raises(DataError, match="no groups"):
        apply_remedy(samples, report["odd-sizes"], "move")
    with pytest.raises(DataError, match="no label"):
        apply_remedy(samples, report["exact-twins-across-splits"], "relabel")

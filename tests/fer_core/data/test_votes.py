"""Votes of single samples: entropies by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.data.votes import vote_statistics
from fer_core.labels import FER7


def test_entropy_by_hand() -> None:
    rows = [[10.0, 0.0, 0.0], [5.0, 5.0, 0.0], [4.0, 4.0, 2.0], [0.0, 0.0, 0.0], None, [2.0, 1.0, 1.0]]
    columns = {
        "sample_id": [str(i) for i in range(6)], "image": [b"x"] * 6, "votes": rows, "split": ["train"] * 6,
        "width": [8] * 6, "height": [8] * 6, "source": ["made"] * 6, "sha256": [str(i) for i in range(6)],
    }  # fmt: skip
    found, names = vote_statistics(SampleTable.from_columns(columns, FER7, ("happy", "sad", "nf")))
    of_442 = -(0.8 * math.log2(0.4) + 0.2 * math.log2(0.2))
    assert found.tolist() == pytest.approx([0.0, 1.0, of_442, math.nan, math.nan, 1.5], abs=1e-6, nan_ok=True)
    assert not math.copysign(1, found[0]) < 0, "all at one is 0 bits, not -0"
    assert names == ["happy", None, None, None, None, "happy"]


def test_no_votes_at_all(few: SampleTable) -> None:
    found, names = vote_statistics(few)
    assert np.isnan(found).all()
    assert names == [None] * 42

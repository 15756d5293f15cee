"""The real FER2013, where this machine has it: the audit's numbers against a count that shares no code with it.

The count decodes with Pillow, hashes raw pixels with MD5 and keeps plain dicts. Found in Training and PublicTest:
270 pictures in both (628 samples, of which 280 are 7.8 % of PublicTest), 48 pictures under two labels or more (129
samples), 160 samples that all ten annotators of FER+ call no face. The pixels alone find 52 of those, and 10 others;
about half of the 160 are photographs of faces that are turned or cut off.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fer_core.data import SampleTable, read_samples
from fer_core.data.audit import AuditReport, audit

DATA = Path(__file__).parents[5] / "shared" / "data" / "fer2013.parquet"
pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not on this machine"),
    pytest.mark.slow,
]
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CHECKS = ["exact-twins-across-splits", "exact-twins-within-split", "conflicting-labels", "non-faces"]
Rows = list[tuple[str, str]]


@pytest.fixture(scope="module")
def samples() -> SampleTable:
    return read_samples(DATA).samples


@pytest.fixture(scope="module")
def report(samples: SampleTable) -> AuditReport:
    return audit(samples, [*CHECKS, "imbalance", "drift"])


@pytest.fixture(scope="module")
def counted() -> list[Rows]:
    """(label, usage) of the rows of each different picture."""
    raw = pq.read_table(DATA, columns=["image", "emotion", "usage"])
    rows: dict[str, Rows] = defaultdict(list)
    for image, emotion, usage in zip(*(raw[c].to_pylist() for c in raw.column_names), strict=True):
        data = image["bytes"] if isinstance(image, dict) else image
        pixels = Image.open(io.BytesIO(data)).convert("L").tobytes()
        rows[hashlib.md5(pixels, usedforsecurity=False).hexdigest()].append((NAMES[emotion], usage))
    return list(rows.values())


def classes(groups: list[Rows]) -> dict[str, int]:
    return dict(Counter(label for group in groups for label, _ in group))


def test_twins_across_splits(report: AuditReport, counted: list[Rows]) -> None:
    groups = [group for group in counted if len({usage for _, usage in group}) == 2]
    finding = report["exact-twins-across-splits"]
    assert (len(finding.groups), finding.count) == (len(groups), sum(map(len, groups))) == (270, 628)
    assert finding.by_class == classes(groups)
    public = sum(usage == "PublicTest" for group in groups for _, usage in group)
    assert (finding.figures["validation_in_train"]["k"], finding.figures["validation_in_train"]["n"]) == (public, 3589)
    assert public == 280


def test_twins_within_a_split(report: AuditReport, counted: list[Rows]) -> None:
    groups = [[row] * n for group in counted for row, n in Counter(group).items() if n > 1]
    finding = report["exact-twins-within-split"]
    assert (len(finding.groups), finding.count) == (len(groups), sum(map(len, groups))) == (1035, 2250)
    assert finding.by_class == classes(groups)


def test_conflicts(report: AuditReport, counted: list[Rows]) -> None:
    groups = [group for group in counted if len({label for label, _ in group}) > 1]
    finding = report["conflicting-labels"]
    assert (len(finding.groups), finding.count) == (len(groups), sum(map(len, groups))) == (48, 129)
    assert finding.by_class == classes(groups)


def test_non_faces(report: AuditReport) -> None:
    raw = pq.read_table(DATA)
    columns = [name for name in raw.column_names if name.startswith("ferplus_")]
    votes = np.array([raw[name].to_pylist() for name in columns])
    none = votes[columns.index("ferplus_nf")] > votes.sum(0) / 2
    finding = report["non-faces"]
    assert finding.count == int(none.sum()) == 160
    assert finding.by_class == dict(Counter(NAMES[e] for e in np.array(raw["emotion"])[none]))
    assert finding.figures["pixels_precision"]["rate"] > 0.75
    assert finding.figures["pixels_recall"]["rate"] > 0.3


def test_disgust_is_rare_and_the_splits_are_alike(report: AuditReport) -> None:
    assert report["imbalance"].by_class == {"disgust": 436}
    assert report["drift"].count == 0


def test_label_errors_beat_chance_on_faces_that_the_network_never_saw(samples: SampleTable) -> None:
    from fer_core.features import features
    from fer_core.predict import get_predictor

    unseen = samples.split("PublicTest")
    found = audit(unseen, ["label-errors"], features=features(get_predictor("compact"), unseen.faces()))
    figures = found["label-errors"].figures
    # Without regard to the picture two labels of five would be hits; at best the lift could be 2.5.
    assert figures["base_rate"]["rate"] == pytest.approx(0.39, abs=0.01)
    assert figures["lift"] > 1.7
    assert figures["precision"]["interval"][0] > 0.65
    first = set(found["label-errors"].sample_ids[:100])
    votes, ids = unseen.table["votes"].to_pylist(), unseen.table["sample_id"].to_pylist()
    own = unseen.vote_matrix(unseen.classes)[np.arange(len(unseen)), unseen.label_indices()]
    disagree = [sum(v) - o > sum(v) / 2 for v, o, i in zip(votes, own, ids, strict=True) if i in first]
    assert np.mean(disagree) > 0.8

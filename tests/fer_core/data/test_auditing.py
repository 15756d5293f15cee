"""Audits of kept data sets: reports are kept by version, remedies become versions, and every step can be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.checkpoint import Checkpoint
from fer_core.data import auditing
from fer_core.data.answers import answers_file, features_file
from fer_core.data.audit import audit, checks
from fer_core.data.auditing import audit_data_set, load_report, remedy, report_file
from fer_core.data.importing import keep_schematic
from fer_core.data.schematic import Flaws, SchematicSpec, schematic_samples
from fer_core.data.store import DataSet, keep
from fer_core.errors import CheckpointError, DataError

TWINS = "exact-twins-across-splits"
ONES = ("label-errors", "near-twins-across-splits")
WITHOUT_FEATURES = (TWINS, "conflicting-labels", "imbalance")


@pytest.fixture(scope="module")
def flawed() -> Any:
    """42 drawn faces of 6 persons with two pairs of twins across the splits and one under two labels."""
    flaws = Flaws(exact_twins_across_splits=2, conflicting_labels=1, dark=2)
    return schematic_samples(SchematicSpec(seed=4, subjects=6, per_subject_and_class=1, size_px=48, flaws=flaws))


@pytest.fixture
def data_set(flawed: Any) -> DataSet:
    return keep("flawed", flawed.samples, "drawn with flaws")


@pytest.fixture
def checkpoint(make_checkpoint: Callable[..., Checkpoint], home: Path) -> Checkpoint:
    return make_checkpoint(home / "checkpoints" / "mine")


def planted(flawed: Any, flaw: str) -> set[str]:
    """Ids of the samples that were drawn with a flaw."""
    rows = flawed.truth.to_pylist()
    return {r["sample_id"] for r in rows if flaw in r["flaw"]}


@pytest.mark.usefixtures("checkpoint")
def test_the_report_is_kept_and_comes_back(data_set: DataSet, flawed: Any) -> None:
    assert load_report(data_set, 1) is None
    told: dict[str, tuple[int, int]] = {}

    def progress(what: str) -> Callable[[int, int], None]:
        return lambda done, total: told.update({what: (done, total)})

    report = audit_data_set(data_set, "mine", progress=progress)
    assert {f.check for f in report.findings} | set(report.skipped) == {c.name for c in checks()}
    assert set(report[TWINS].sample_ids) == planted(flawed, "exact_twins_across_splits")
    assert set(report["conflicting-labels"].sample_ids) == planted(flawed, "conflicting_labels")
    again = load_report(data_set, 1)
    assert again is not None
    assert again.as_json() == report.as_json()
    assert (again.skipped, again.stopped, again.n, again.splits) == (report.skipped, False, 42, report.splits)
    for before, after in zip(report.findings, again.findings, strict=True):
        assert (before.title, before.sample_ids, before.groups, before.scores, before.remedy) == (
            after.title, after.sample_ids, after.groups, after.scores, after.remedy,
        )  # fmt: skip
        assert list(before.by_class) == list(after.by_class), "the classes' order is kept"
    assert told["faces"] == (42, 42)
    assert told["steps"] == (100 * len(checks()), 100 * len(checks()))
    assert json.loads(report_file(data_set, 1).read_bytes())["checkpoint"] == "mine"


def test_it_is_the_audit_of_the_table_and_the_features(data_set: DataSet, checkpoint: Checkpoint) -> None:
    data_set.add_version(data_set.samples().split("train"), "train alone")
    report = audit_data_set(data_set, "mine", ONES)
    held = np.load(features_file(data_set, checkpoint.card.weights_sha256)).astype(np.float32)
    rows = data_set.rows_of(data_set.samples().table["sample_id"].to_pylist())
    expected = audit(data_set.samples(), ONES, features=held[rows])
    assert report.as_json() == expected.as_json()
    assert len(held) == 42, "the checkpoint has answered for all"
    assert report.n == len(rows) < 42


def test_a_checkpoint_is_asked_once(data_set: DataSet, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    audit_data_set(data_set, "mine", WITHOUT_FEATURES)
    assert answers_file(data_set, checkpoint.card.weights_sha256).exists()

    def never(*_: object) -> None:
        raise AssertionError("it has answered before")

    monkeypatch.setattr(auditing, "answer", never)
    data_set.add_version(data_set.samples().split("train"), "train alone")
    assert audit_data_set(data_set, "mine", WITHOUT_FEATURES).n < 42


@pytest.mark.usefixtures("checkpoint")
def test_single_checks_leave_the_others_as_they_were(data_set: DataSet) -> None:
    first = audit_data_set(data_set, "mine", WITHOUT_FEATURES)
    second = audit_data_set(data_set, "mine", ("odd-sizes", TWINS))
    assert [f.check for f in second.findings] == ["conflicting-labels", "imbalance", "odd-sizes", TWINS]
    assert second["imbalance"].as_json() == first["imbalance"].as_json()
    again = load_report(data_set, 1)
    assert again is not None
    assert again.as_json() == second.as_json()
    everything = audit_data_set(data_set, "mine")
    assert len(everything.findings) + len(everything.skipped) == len(checks()), "all of them, each once"


@pytest.mark.usefixtures("checkpoint")
def test_why_a_check_did_not_run_is_kept_until_it_does(data_set: DataSet) -> None:
    audit_data_set(data_set, "mine", (TWINS,))
    held = json.loads(report_file(data_set, 1).read_bytes())
    held["skipped"] = {"odd-sizes": "made up", "near-twins": "made up, too"}
    report_file(data_set, 1).write_text(json.dumps(held))
    assert audit_data_set(data_set, "mine", ("odd-sizes",)).skipped == {"near-twins": "made up, too"}


@pytest.mark.usefixtures("checkpoint")
def test_a_remedy_makes_a_version_and_is_undone(data_set: DataSet, flawed: Any) -> None:
    before = data_set.samples()
    finding = audit_data_set(data_set, "mine", (TWINS,))[TWINS]
    version = remedy(data_set, TWINS, "exclude")
    left_out = set(before.table["sample_id"].to_pylist()) - set(data_set.samples().table["sample_id"].to_pylist())
    assert left_out == set(finding.remedy.sample_ids)
    assert left_out < planted(flawed, "exact_twins_across_splits")
    assert (version.number, version.parent, version.n) == (2, 1, 40)
    assert version.note == f"exclude: {finding.title}"
    assert version.report == {"check": TWINS, "kind": "exclude", "samples": None}
    with pytest.raises(DataError, match="Version 2 of flawed has not been audited; run the audit first"):
        remedy(data_set, TWINS)
    assert audit_data_set(data_set, "mine", (TWINS,))[TWINS].count == 0
    data_set.step_to(version.parent or 0)
    assert data_set.samples().data_hash() == before.data_hash()
    kept = load_report(data_set, 1)
    assert kept is not None
    assert kept[TWINS].count == finding.count, "the report of the first version is still there"


@pytest.mark.usefixtures("checkpoint")
def test_a_remedy_of_some_samples(data_set: DataSet) -> None:
    finding = audit_data_set(data_set, "mine", (TWINS,))[TWINS]
    version = remedy(data_set, TWINS, "exclude", finding.sample_ids[:1])
    assert (version.n, version.report["samples"]) == (41, 1)
    assert finding.sample_ids[0] not in data_set.samples().table["sample_id"].to_pylist()


@pytest.mark.usefixtures("checkpoint")
def test_moving_brings_twins_into_one_split(data_set: DataSet) -> None:
    finding = audit_data_set(data_set, "mine", (TWINS,))[TWINS]
    remedy(data_set, TWINS, "move")
    samples = data_set.samples()
    split_of = dict(zip(samples.table["sample_id"].to_pylist(), samples.table["split"].to_pylist(), strict=True))
    assert [len({split_of[i] for i in group}) for group in finding.groups] == [1, 1]


@pytest.mark.usefixtures("checkpoint")
def test_keeping_everything_makes_no_version(data_set: DataSet) -> None:
    audit_data_set(data_set, "mine", (TWINS,))
    assert remedy(data_set, TWINS, "keep").number == 1
    assert len(data_set.versions()) == 1


@pytest.mark.usefixtures("checkpoint")
def test_mistakes(data_set: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="Version 1 of flawed has not been audited"):
        remedy(data_set, TWINS)
    with pytest.raises(CheckpointError, match="no checkpoint 'other'"):
        audit_data_set(data_set, "other")
    with monkeypatch.context() as patch:
        patch.setattr(auditing, "_features", lambda *_: pytest.fail("the name should be looked at first"))
        with pytest.raises(DataError, match="There is no check twin; there are blurred"):
            audit_data_set(data_set, "mine", ("twin",))
    audit_data_set(data_set, "mine", (TWINS,))
    with pytest.raises(DataError, match=f"did not run 'imbalance'; it ran {TWINS}"):
        remedy(data_set, "imbalance")
    with pytest.raises(DataError, match="A remedy is one of exclude, move, relabel, keep, not 'burn'"):
        remedy(data_set, TWINS, "burn")
    with pytest.raises(DataError, match="proposes no label"):
        remedy(data_set, TWINS, "relabel")
    assert data_set.head.number == 1


def test_a_damaged_report_is_told(data_set: DataSet) -> None:
    report_file(data_set, 1).parent.mkdir()
    for text in ("", "{", "[]", '{"findings": [{}]}', '{"findings": 3}'):
        report_file(data_set, 1).write_text(text)
        for ask in (lambda: load_report(data_set, 1), lambda: remedy(data_set, TWINS)):
            with pytest.raises(DataError, match=r"v0001\.json is damaged; run the whole audit of flawed again"):
                ask()


@pytest.mark.usefixtures("checkpoint")
def test_the_whole_audit_replaces_a_damaged_report(data_set: DataSet) -> None:
    audit_data_set(data_set, "mine", (TWINS,))
    report_file(data_set, 1).write_text("{")
    audit_data_set(data_set, "mine")
    assert load_report(data_set, 1) is not None


def test_planted_flaws_of_every_kind_are_found(checkpoint: Checkpoint) -> None:
    data_set = keep_schematic("flaws", subjects=5, seed=2, flaws=True)
    report = audit_data_set(data_set, checkpoint.card.name)
    found = {f.check: f.count for f in report.findings}
    for check in (TWINS, "conflicting-labels", "exact-twins-within-split", "subjects-in-two-splits"):
        assert found.get(check, 0) > 0, check
    assert report.n == len(data_set.samples())

"""Audits of data sets in the workspace: the last report of each version is kept, and remedies become versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.data.answers import answer, features_file, load_features
from fer_core.data.audit import AuditReport, Finding, Remedy, apply_remedy, audit
from fer_core.data.audit.base import RemedyKind, chosen
from fer_core.data.importing import Announce
from fer_core.data.store import DataSet, Version, write_json
from fer_core.errors import DataError

KINDS: tuple[RemedyKind, ...] = ("exclude", "move", "relabel", "keep")


def report_file(data_set: DataSet, number: int) -> Path:
    """Where the last audit of a version lies, or will."""
    return data_set.folder / "audit" / f"v{number:04}.json"


def audit_data_set(
    data_set: DataSet, checkpoint: str, checks: tuple[str, ...] = (), progress: Announce | None = None
) -> AuditReport:
    """Audits the version that is shown, and keeps the report.

    Args:
        data_set: where the checkpoint has not classified it yet, it does so first, for the features.
        checkpoint: whose features label errors and odd pictures are found by.
        checks: names of checks; empty: all. What earlier audits of this version found by other checks is kept.
        progress: makes the callback that is told how far a step is.

    Raises:
        DataError: as `audit`.
        CheckpointError: the checkpoint is missing or broken.
    """
    version = data_set.head
    chosen(checks)  # a name that there is none of is told of before it takes time
    features = _features(data_set, checkpoint, progress)
    samples = data_set.samples(version.number)
    rows = np.array(data_set.rows_of(samples.table["sample_id"].to_pylist()))
    told = progress("steps") if progress else None
    report = audit(samples, checks or None, features=features[rows], progress=told)
    earlier = load_report(data_set, version.number) if checks else None
    if earlier is not None:
        others = tuple(f for f in earlier.findings if f.check not in checks)
        skipped = {name: why for name, why in earlier.skipped.items() if name not in checks} | report.skipped
        report = AuditReport((*others, *report.findings), skipped, report.stopped, report.n, report.splits)
    file = report_file(data_set, version.number)
    file.parent.mkdir(exist_ok=True)
    write_json(file, {
        "findings": [{**f.as_json(), "title": f.title} for f in report.findings],
        "skipped": report.skipped, "stopped": report.stopped, "n": report.n, "splits": report.splits,
        "checkpoint": checkpoint,
    })  # fmt: skip
    return report


def load_report(data_set: DataSet, number: int) -> AuditReport | None:
    """The last audit of a version; None where there was none.

    Raises:
        DataError: its file is damaged.
    """
    file = report_file(data_set, number)
    try:
        held = json.loads(file.read_bytes())
        findings = tuple(_finding(values) for values in held["findings"])
        return AuditReport(findings, held["skipped"], held["stopped"], held["n"], held["splits"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged; run the whole audit of {data_set.name} again.") from error


def remedy(
    data_set: DataSet, check: str, kind: str | None = None, sample_ids: Collection[str] | None = None
) -> Version:
    """Applies what the last audit of the shown version proposes, as a new version.

    Args:
        data_set: one that was audited.
        check: whose finding.
        kind: one of `KINDS`; None: the proposed one.
        sample_ids: some of the finding's samples; None: those that the remedy proposes.

    Returns:
        The new version, or the shown one where nothing has changed. `DataSet.step_to` its parent undoes it.

    Raises:
        DataError: no audit of this version, a check that it did not run, or as `apply_remedy`.
    """
    version = data_set.head
    report = load_report(data_set, version.number)
    if report is None:
        raise DataError(f"Version {version.number} of {data_set.name} has not been audited; run the audit first.")
    known = {f.check: f for f in report.findings}
    if check not in known:
        raise DataError(f"The last audit did not run {check!r}; it ran {', '.join(known)}.")
    if kind is not None and kind not in KINDS:
        raise DataError(f"A remedy is one of {', '.join(KINDS)}, not {kind!r}.")
    chosen = next((k for k in KINDS if k == kind), known[check].remedy.kind)
    samples = apply_remedy(data_set.samples(version.number), known[check], chosen, sample_ids)
    report_of = {"check": check, "kind": chosen, "samples": None if sample_ids is None else len(sample_ids)}
    return data_set.add_version(samples, f"{chosen}: {known[check].title}", report_of)


def accept(data_set: DataSet, finding: Finding, *, accepted: bool = True) -> None:
    """Notes that a finding is to be kept as it is, for exactly these samples in whatever version; or forgets that."""
    held = _accepted(data_set)
    others = {check: digest for check, digest in held.items() if check != finding.check}
    file = _accepted_file(data_set)
    file.parent.mkdir(exist_ok=True)
    write_json(file, {**others, finding.check: _digest(finding)} if accepted else others)


def is_accepted(data_set: DataSet, finding: Finding) -> bool:
    """Whether the user has looked at just these samples and keeps them."""
    return _accepted(data_set).get(finding.check) == _digest(finding)


def _accepted_file(data_set: DataSet) -> Path:
    return data_set.folder / "audit" / "accepted.json"


def _accepted(data_set: DataSet) -> dict[str, str]:
    try:
        return dict(json.loads(_accepted_file(data_set).read_bytes()))
    except FileNotFoundError:
        return {}


def _digest(finding: Finding) -> str:
    said = "\n".join([finding.what, *sorted(finding.sample_ids)])
    return hashlib.sha256(said.encode()).hexdigest()


def _features(data_set: DataSet, checkpoint: str, progress: Announce | None) -> NDArray[np.float32]:
    from fer_core.checkpoint import open_checkpoint

    sha256 = open_checkpoint(checkpoint).card.weights_sha256
    if not features_file(data_set, sha256).exists():
        from fer_core.predict import get_predictor

        answer(data_set, get_predictor(checkpoint), progress("faces") if progress else None)
    return load_features(data_set, sha256)


def _finding(values: dict[str, Any]) -> Finding:
    remedy = values["remedy"]
    return Finding(
        check=values["check"],
        title=values["title"],
        what=values["what"],
        severity=values["severity"],
        sample_ids=tuple(values["sample_ids"]),
        groups=tuple(tuple(group) for group in values["groups"]),
        by_class=values["by_class"],
        scores=tuple(values["scores"]),
        figures=values["figures"],
        remedy=Remedy(remedy["kind"], tuple(remedy["sample_ids"]), remedy["sentence"], remedy["labels"]),
        count=values["count"],
        unit=values["unit"],
    )

"""What may be done about a finding, as a new sample table; files are never touched."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import pyarrow as pa

from fer_core.data.audit.base import Finding, RemedyKind
from fer_core.data.audit.groups import home_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError


def apply_remedy(
    samples: SampleTable, finding: Finding, kind: RemedyKind | None = None, sample_ids: Collection[str] | None = None
) -> SampleTable:
    """The samples after a remedy.

    Args:
        samples: the table that was audited, or what earlier remedies left of it; ids that are gone are passed over.
        finding: what is to be remedied.
        kind: `exclude` takes the samples out. `move` brings every group that one of them belongs to into the split
            that most of the group is in (on a tie: test before validation before train). `relabel` gives them the
            label that the finding proposes. `keep` changes nothing. None: the finding's own remedy.
        sample_ids: some of the finding's samples. None: those of the finding's remedy where it is of this kind,
            otherwise all of the finding's.

    Returns:
        A new table; the one given stays as it is.

    Raises:
        DataError: an id that the finding does not name, `move` without groups, or `relabel` without a proposed label.
    """
    kind = kind or finding.remedy.kind
    chosen = set(sample_ids) if sample_ids is not None else set(_by_default(finding, kind))
    strangers = sorted(chosen - set(finding.sample_ids))
    if strangers:
        raise DataError(f"The finding {finding.check} does not name the sample {strangers[0]!r}; choose among its own.")
    if kind == "exclude":
        kept = [sample not in chosen for sample in samples.table["sample_id"].to_pylist()]
        return dataclasses.replace(samples, table=samples.table.filter(pa.array(kept)))
    if kind == "move":
        return _changed(samples, "split", _new_splits(samples, finding, chosen))
    if kind == "relabel":
        missing = sorted(chosen - set(finding.remedy.labels))
        if missing:
            raise DataError(f"{finding.check} proposes no label for {missing[0]!r}; exclude or keep it instead.")
        return _changed(samples, "label", {i: finding.remedy.labels[i] for i in chosen})
    return samples


def _by_default(finding: Finding, kind: RemedyKind) -> Collection[str]:
    own = finding.remedy
    if kind == own.kind or {kind, own.kind} == {"exclude", "move"}:
        return own.sample_ids
    return own.labels if kind == "relabel" and own.labels else finding.sample_ids


def _new_splits(samples: SampleTable, finding: Finding, chosen: Collection[str]) -> dict[str, str]:
    if not finding.groups:
        raise DataError(f"The finding {finding.check} has no groups that could be moved together; exclude or keep.")
    split_of = dict(zip(samples.table["sample_id"].to_pylist(), samples.table["split"].to_pylist(), strict=True))
    new = {}
    for group in finding.groups:
        there = [sample for sample in group if sample in split_of]
        if set(chosen) & set(there):
            home = home_split([split_of[sample] for sample in there])
            new.update(dict.fromkeys(there, home))
    return new


def _changed(samples: SampleTable, column: str, new: Mapping[str, str]) -> SampleTable:
    table = samples.table
    pairs = zip(table["sample_id"].to_pylist(), table[column].to_pylist(), strict=True)
    values = pa.array([new.get(sample, old) for sample, old in pairs], pa.string())
    place = table.schema.get_field_index(column)
    return dataclasses.replace(samples, table=table.set_column(place, table.schema.field(column), values))

"""Several data sets as one, classes matched by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from fer_core.data.combine.columns import check_name, concatenated, is_among, prefixed, replaced, vote_union, with_votes
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import ClassSet, canonical, class_set_for

UNLABELLED = "no label"
Rule = tuple[str | None, str]  # data set (None: every one) and class


@dataclass(frozen=True)
class MergeReport:
    """What became of the rows.

    Attributes:
        rows: per data set the rows taken, by class of the result; `UNLABELLED` for rows without a label.
        dropped: per data set the rows left out, by class of the source.
        shared: validation and test rows whose very pixels stand in training under another data set's name.
    """

    rows: dict[str, dict[str, int]]
    dropped: dict[str, dict[str, int]]
    shared: int


@dataclass(frozen=True)
class Merged:
    """One table of several data sets, and what became of their rows."""

    samples: SampleTable
    report: MergeReport


def merge(
    tables: Mapping[str, SampleTable],
    classes: ClassSet | None = None,
    mapping: Mapping[str, str | None] | None = None,
    on_unmapped: Literal["stop", "drop"] = "stop",
) -> Merged:
    """Puts data sets together; every row keeps its split, picture and source.

    Sample, parent and subject ids get the data set's name before them (`kdef/AF01`), so that the persons of two sets
    never become one. Votes are brought into one order by name; what a set's annotators could not vote for has none.

    Args:
        tables: data sets by the name that is put before their ids.
        classes: classes of the result, in order. None: those of the sets where all have the same, otherwise all
            classes that are left after mapping (`class_set_for`).
        mapping: class of the result for a class of the source, None to leave its rows out; `set/class` goes before
            `class`. Vote classes are renamed alike; where a class is left out, its votes keep their name.
        on_unmapped: `stop` refuses labels that `classes` lacks and `mapping` does not name, `drop` leaves them out.

    Raises:
        DataError: no data set, a name that cannot be used, labels without a class in the result (each with its
            number), a mapping of or onto a class that is not there, or nothing left.
    """
    if not tables:
        raise DataError("There is nothing to merge; give at least one data set.")
    for name in tables:
        check_name(name)
    parsed = _parsed(mapping or {}, tables)
    rules = {name: _rules(name, table, parsed) for name, table in tables.items()}
    classes = classes or _common(tables, rules)
    _check_targets(rules, classes)
    _check_labels(tables, rules, classes, on_unmapped)
    votes = vote_union([rules[name].get(v) or v for v in table.vote_classes] for name, table in tables.items())
    parts: list[pa.Table] = []
    taken: dict[str, dict[str, int]] = {}
    dropped: dict[str, dict[str, int]] = {}
    for name, table in tables.items():
        part = _part(name, table, rules[name], classes, votes)
        parts.append(part)
        taken[name] = _counts(part)
        counts = _counts(table.table)
        dropped[name] = {label: n for label, n in counts.items() if _target(label, rules[name], classes) is None}
    whole = concatenated(parts)
    if not whole.num_rows:
        raise DataError(f"No sample is left of {', '.join(tables)}; the mapping leaves every class out.")
    return Merged(SampleTable(whole, classes, votes), MergeReport(taken, dropped, _shared(parts)))


def _rules(name: str, table: SampleTable, mapping: Mapping[Rule, str | None]) -> dict[str, str | None]:
    """The mapping as it holds for one data set; what is said of this set goes before what is said of all."""
    there = {*table.classes.names, *table.vote_classes}
    general = {label: to for (of, label), to in mapping.items() if of is None}
    own = {label: to for (of, label), to in mapping.items() if of == name}
    return {label: to for label, to in (general | own).items() if label in there}


def _parsed(mapping: Mapping[str, str | None], tables: Mapping[str, SampleTable]) -> dict[Rule, str | None]:
    """The mapping by data set (None: all) and class; a rule that means nothing would leave its rows as they are."""
    rules: dict[Rule, str | None] = {}
    for key, to in mapping.items():
        first, _, rest = key.partition("/")
        of, label = (first, canonical(rest)) if rest and first in tables else (None, canonical(key))
        meant = tables.values() if of is None else [tables[of]]
        there = dict.fromkeys(n for table in meant for n in (*table.classes.names, *table.vote_classes))
        if label not in there:
            sets = f"data sets are {', '.join(tables)}; " if rest and of is None else ""
            raise DataError(f"The mapping names {key!r}, which is no class; {sets}classes are {', '.join(there)}.")
        rules[of, label] = None if to is None else canonical(to)
    return rules


def _common(tables: Mapping[str, SampleTable], rules: Mapping[str, Mapping[str, str | None]]) -> ClassSet:
    """The class set of all, or what the classes of all become."""
    sets = list(dict.fromkeys(table.classes for table in tables.values()))
    if len(sets) == 1 and not any(rules.values()):
        return sets[0]
    names = {rules[name].get(c, c) for name, table in tables.items() for c in table.classes.names}
    return class_set_for(n for n in names if n is not None)


def _check_targets(rules: Mapping[str, Mapping[str, str | None]], classes: ClassSet) -> None:
    for of, to in (pair for own in rules.values() for pair in own.items()):
        if to is not None and to not in classes.names:
            raise DataError(f"The mapping brings {of} to {to!r}, which is not among {', '.join(classes.names)}.")


def _target(label: str, rules: Mapping[str, str | None], classes: ClassSet) -> str | None:
    """What a label becomes; None where its rows are left out."""
    if label == UNLABELLED:
        return UNLABELLED
    to = rules.get(label, label)
    return to if to is None or to in classes.names else None


def _check_labels(
    tables: Mapping[str, SampleTable],
    rules: Mapping[str, Mapping[str, str | None]],
    classes: ClassSet,
    on_unmapped: Literal["stop", "drop"],
) -> None:
    if on_unmapped == "drop":
        return
    lost = [
        f"{name}/{label} ({n:,} samples)"
        for name, table in tables.items()
        for label, n in _counts(table.table).items()
        if label not in rules[name] and _target(label, rules[name], classes) is None
    ]
    if lost:
        raise DataError(
            f"{', '.join(lost)} have no class among {', '.join(classes.names)}; map them to one of these or to "
            "nothing, or merge with on_unmapped='drop'."
        )


def _part(
    name: str, samples: SampleTable, rules: Mapping[str, str | None], classes: ClassSet, votes: tuple[str, ...]
) -> pa.Table:
    """The rows of one data set as they stand in the result."""
    targets = [_target(label, rules, classes) for label in samples.classes.names]
    index = pc.index_in(samples.table["label"], value_set=pa.array(samples.classes.names))
    labels = pc.take(pa.array(targets, pa.string()), index)
    renamed = {of: to for of, to in rules.items() if to is not None}
    table = replaced(prefixed(samples.table, name), label=labels, votes=with_votes(samples, votes, renamed))
    return table.filter(pc.or_(pc.is_valid(labels), pc.is_null(samples.table["label"])))


def _counts(table: pa.Table) -> dict[str, int]:
    """Number of rows by label, those without one under `UNLABELLED`."""
    return dict(sorted(Counter(label or UNLABELLED for label in table["label"].to_pylist()).items()))


def _shared(parts: list[pa.Table]) -> int:
    training = [set(p.filter(pc.equal(p["split"], "train"))["sha256"].to_pylist()) for p in parts]
    count = 0
    for at, part in enumerate(parts):
        held_out = part.filter(pc.not_equal(part["split"], "train"))["sha256"]
        others = set().union(*(seen for i, seen in enumerate(training) if i != at))
        count += int(is_among(held_out, others).sum())
    return count

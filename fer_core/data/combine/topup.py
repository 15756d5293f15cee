"""Rare classes topped up with training samples of another data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.combine.columns import check_name, concatenated, is_among, prefixed, replaced, vote_union, with_votes
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import canonical

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class TopUp:
    """A table with more training samples of some classes, and where they came from.

    Attributes:
        samples: all rows as they were, and after them those that were added, all in `train`.
        before: training samples per class asked for, as it was.
        added: how many were added, per class.
        supply: how many could have been, per class.
        twins: samples of these classes left out because their very pixels are in the table already, or came up before.
        held_out_subjects: left out because their person is in validation or test.
        copies: left out because they are augmented copies.
    """

    samples: SampleTable
    before: dict[str, int]
    added: dict[str, int]
    supply: dict[str, int]
    twins: int
    held_out_subjects: int
    copies: int


def top_up(
    samples: SampleTable,
    other: SampleTable,
    names: Sequence[str] = ("disgust", "fear"),
    target: int | None = None,
    seed: int = 0,
    name: str | None = None,
) -> TopUp:
    """Adds training samples of rare classes from another data set; validation and test stay as they are.

    Only the other set's training split gives, so that its validation and test still can serve as such.

    Args:
        samples: table to add to.
        other: table to take from; classes are matched by name.
        names: classes to top up, any spelling.
        target: training samples that each class shall have afterwards, if the supply lasts; None takes all there is.
        seed: of the draw, where there are more than needed.
        name: put before the ids of what is added, as `merge` does. None leaves ids as they are, so that a person has
            one id in both tables.

    Raises:
        DataError: no class is named, one that `samples` lacks, a target below one, or an id that both tables have.
    """
    wanted = _wanted(samples, names)
    if target is not None and target < 1:
        raise DataError(f"A target of {target} samples per class adds nothing; give a positive number.")
    if name is not None:
        check_name(name)
    offered, reasons = _offered(samples, other, wanted, name)
    before = {c: _number(samples.table, c) for c in wanted}
    chance = np.random.default_rng(seed)
    chosen: Rows = np.zeros(len(other), dtype=bool)
    supply, added = {}, {}
    for label in wanted:
        rows = np.flatnonzero(offered & is_among(other.table["label"], [label]))
        need = len(rows) if target is None else min(len(rows), max(0, target - before[label]))
        chosen[np.sort(chance.permutation(rows)[:need])] = True
        supply[label], added[label] = len(rows), need
    votes = vote_union([samples.vote_classes, other.vote_classes])
    extra = replaced(other.table, votes=with_votes(other, votes)).filter(pa.array(chosen))
    if name is not None:
        extra = prefixed(extra, name)
    _check_ids(samples, extra)
    own = replaced(samples.table, votes=with_votes(samples, votes))
    whole = SampleTable(concatenated([own, extra]), samples.classes, votes)
    return TopUp(whole, before, added, supply, *(int(r.sum()) for r in reasons))


def _wanted(samples: SampleTable, names: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(canonical(n) for n in names))
    if not wanted:
        raise DataError("No class to top up is named; name at least one, such as disgust.")
    strange = [n for n in wanted if n not in samples.classes.names]
    if strange:
        there = ", ".join(samples.classes.names)
        raise DataError(f"The samples have no class {', '.join(strange)} to top up; their classes are {there}.")
    return wanted


def _number(table: pa.Table, label: str) -> int:
    """Training samples of a class."""
    return int(pc.sum(pc.and_(pc.equal(table["split"], "train"), is_among(table["label"], [label]))).as_py() or 0)


def _offered(
    samples: SampleTable, other: SampleTable, wanted: Sequence[str], name: str | None
) -> tuple[Rows, tuple[Rows, Rows, Rows]]:
    """(N,) rows of `other` that may be added, and those that may not: twins, held out persons, copies."""
    table = other.table
    asked = is_among(table["label"], wanted) & is_among(table["split"], ["train"])
    copies = asked & np.asarray(pc.is_valid(table["parent_id"]), dtype=bool)
    held_out = samples.table.filter(pc.not_equal(samples.table["split"], "train"))["subject_id"].to_pylist()
    persons = set(held_out) - {None}
    if name is not None:
        # What `merge` has prefixed is the same person as the bare id; a bare id may be, and is refused to be safe.
        persons |= {p.removeprefix(f"{name}/") for p in persons}
    subjects = asked & ~copies & is_among(table["subject_id"], persons)
    left = asked & ~copies & ~subjects
    twins = left & is_among(table["sha256"], samples.table["sha256"].to_pylist())
    hashes = np.asarray(table["sha256"].to_pylist(), dtype=object)
    seen: set[str] = set()
    for row in np.flatnonzero(left & ~twins):
        twins[row] = hashes[row] in seen
        seen.add(hashes[row])
    return left & ~twins, (twins, subjects, copies)


def _check_ids(samples: SampleTable, extra: pa.Table) -> None:
    double = extra["sample_id"].filter(pa.array(is_among(extra["sample_id"], samples.table["sample_id"].to_pylist())))
    if len(double):
        raise DataError(
            f"{len(double):,} sample id(s) stand in both tables, the first is {double[0].as_py()!r}; name the data set "
            "that is added, so that its name goes before its ids."
        )

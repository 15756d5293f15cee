"""New splits that keep together what belongs together, with every class in each."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.combine.columns import is_among, replaced
from fer_core.data.combine.groups import Numbers, groups_of
from fer_core.data.schema import SPLITS, canonical_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError

DEFAULT_SHARES: Mapping[str, float] = MappingProxyType({"train": 0.8, "validation": 0.1, "test": 0.1})
_MOST_FOLDS = 20
# Bundles of single samples per class: scikit-learn weighs each group against each fold, in Python.
_MOST_BUNDLES = 200


@dataclass(frozen=True)
class Split:
    """A table split anew, and how far the split can be trusted.

    Attributes:
        samples: the rows in their order, with new splits.
        by: what was kept together, `subject` or `sample`.
        groups: number of groups that were shared out.
        subjects: number of persons that the table tells; 0 where it tells none, and then nothing is known of them.
        subject_dependent: whether some person stands in two splits, counted in the result.
        left_out: rows that belong to a group of a split that was kept, and are in no split now.
    """

    samples: SampleTable
    by: Literal["subject", "sample"]
    groups: int
    subjects: int
    subject_dependent: bool
    left_out: int


def split_samples(
    samples: SampleTable,
    shares: Mapping[str, float] = DEFAULT_SHARES,
    seed: int = 0,
    by: Literal["subject", "sample"] = "subject",
    keep: Sequence[str] = ("test",),
    bound: Iterable[Sequence[str]] = (),
) -> Split:
    """Splits at random, in groups, with the classes in proportion (scikit-learn's `StratifiedGroupKFold`).

    A group is a person's samples where ids tell, and in any case exact twins, a picture with its augmented copies,
    and what `bound` ties. With `by="sample"` persons are not kept together; the result says whether that happened.

    Args:
        samples: rows to share out; those without a label are shared out in proportion too.
        shares: part of the samples that each split gets, any spelling; sums to 1. Groups are never cut, so that with
            few of them the parts come out only near these.
        seed: of the draw.
        by: `subject` or `sample`.
        keep: splits that stay as they are where they have samples; the others share the rest in proportion. Rows
            outside them that belong to one of their groups are left out, since they would leak.
        bound: sets of sample ids that must not be parted, such as near twins that an audit has found.

    Raises:
        DataError: shares that are not positive or do not sum to 1, an unknown split, no samples to share out, fewer
            groups than splits, or a class with too few groups to stand in each split; the message names it.
    """
    if by not in ("subject", "sample"):
        raise DataError(f"Samples cannot be split by {by!r}; split them by subject or by sample.")
    wanted = _shares(shares)
    kept = _kept(samples, keep)
    groups = groups_of(samples, by == "subject", bound)
    wanted = {name: share for name, share in wanted.items() if name not in kept}
    fixed = is_among(samples.table["split"], kept)
    tied = ~fixed & np.isin(groups, groups[fixed])
    free = np.flatnonzero(~fixed & ~tied)
    splits = np.asarray(samples.table["split"].to_pylist(), dtype=object)
    if wanted:
        splits[free] = _drawn(samples, groups, free, wanted, seed)
    table = replaced(samples.table, split=pa.array(splits.tolist(), pa.string())).filter(pa.array(~tied))
    result = dataclasses.replace(samples, table=table)
    subjects, shared = _persons(result)
    return Split(result, by, len(np.unique(groups[free])), subjects, shared, int(tied.sum()))


def _shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares by canonical split, in the order of `SPLITS`."""
    named = {canonical_split(name): share for name, share in shares.items()}
    if None in named:
        unknown = next(name for name in shares if canonical_split(name) is None)
        raise DataError(f"There is no split {unknown!r}; a split is one of {', '.join(SPLITS)}.")
    if len(named) != len(shares):
        raise DataError(f"The shares {', '.join(shares)} name one split twice; give each once.")
    if not all(share > 0 for share in shares.values()) or not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise DataError(f"Shares must be positive and sum to 1; {given} sum to {sum(shares.values()):g}.")
    return {name: named[name] for name in SPLITS if name in named}


def _kept(samples: SampleTable, keep: Sequence[str]) -> tuple[str, ...]:
    names = {name: canonical_split(name) for name in keep}
    if None in names.values():
        unknown = next(name for name, known in names.items() if known is None)
        raise DataError(f"There is no split {unknown!r} to keep; a split is one of {', '.join(SPLITS)}.")
    return tuple(split for split in samples.splits() if split in names.values())


def _drawn(
    samples: SampleTable, groups: Numbers, free: NDArray[np.intp], wanted: Mapping[str, float], seed: int
) -> NDArray[np.object_]:
    """The split of each row of `free`."""
    labels, own = samples.label_indices()[free], groups[free]
    total = sum(wanted.values())
    shares = {name: share / total for name, share in wanted.items()}
    _check_enough(samples, labels, own, shares)
    bundles = _bundled(labels, own, seed)
    # A fold for each sample of the commonest class at least is what scikit-learn asks for.
    most = min(_MOST_FOLDS, len(np.unique(bundles)), int(np.unique(labels, return_counts=True)[1].max()))
    counts = _fold_counts(shares, most)
    folds = _folds(labels, bundles, sum(counts.values()), seed)
    splits = _splits_of_folds(folds, labels, counts, shares)
    for label in np.unique(labels[labels >= 0]):
        without = [name for name in shares if not ((labels == label) & (splits == name)).any()]
        if without:
            raise DataError(_too_few(samples, labels, own, int(label), without))
    return splits


def _check_enough(samples: SampleTable, labels: Numbers, groups: Numbers, shares: Mapping[str, float]) -> None:
    there = len(np.unique(groups))
    if not there:
        raise DataError("There are no samples to split; the splits that are kept, and what is tied to them, are all.")
    if there < len(shares):
        raise DataError(
            f"{len(shares)} splits ({', '.join(shares)}) need as many groups, but the samples form only {there}: one "
            "person's pictures, twins and copies stay together. Ask for fewer splits, or split by sample."
        )
    for label in np.unique(labels[labels >= 0]):
        if len(np.unique(groups[labels == label])) < len(shares):
            raise DataError(_too_few(samples, labels, groups, int(label), list(shares)))


def _too_few(samples: SampleTable, labels: Numbers, groups: Numbers, label: int, without: Sequence[str]) -> str:
    here = labels == label
    number = len(np.unique(groups[here]))
    return (
        f"The class {samples.classes.names[label]} has {here.sum():,} samples in {number:,} groups, "
        f"too few to stand in {' and '.join(without)} as well; ask for fewer splits or larger shares, add samples of "
        "it, or leave the class out."
    )


def _bundled(labels: Numbers, groups: Numbers, seed: int) -> Numbers:
    """Group numbers in which samples that are tied to no other are bundled by class, at most `_MOST_BUNDLES` each."""
    bundles = groups.copy()
    sizes = np.bincount(groups)
    single = sizes[groups] == 1
    start = len(sizes)
    chance = np.random.default_rng(seed)
    for label in np.unique(labels[single]):
        rows = chance.permutation(np.flatnonzero(single & (labels == label)))
        number = min(len(rows), _MOST_BUNDLES)
        bundles[rows] = start + np.arange(len(rows)) % number
        start += number
    return bundles


def _fold_counts(shares: Mapping[str, float], most: int) -> dict[str, int]:
    """How many equal folds each split gets: the fewest in all that come nearest to the shares."""
    best: tuple[float, dict[str, int]] = (math.inf, {})
    for number in range(len(shares), max(most, len(shares)) + 1):
        counts = {name: max(1, math.floor(share * number)) for name, share in shares.items()}
        while sum(counts.values()) != number:
            step = 1 if sum(counts.values()) < number else -1
            movable = [n for n in counts if step > 0 or counts[n] > 1]
            counts[max(movable, key=lambda n: step * (shares[n] * number - counts[n]))] += step
        error = round(max(abs(counts[n] / number - shares[n]) for n in shares), 6)
        if error < best[0]:
            best = (error, counts)
    return best[1]


def _folds(labels: Numbers, groups: Numbers, number: int, seed: int) -> Numbers:
    """(N,) fold of each row."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = np.zeros(len(labels), dtype=np.int64)
    if number == 1:
        return folds
    divide = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # It warns of classes with fewer samples than folds; several folds make a split here, and that is checked after.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, rows) in enumerate(divide.split(labels, labels, groups)):
            folds[rows] = fold
    return folds


def _splits_of_folds(
    folds: Numbers, labels: Numbers, counts: Mapping[str, int], shares: Mapping[str, float]
) -> NDArray[np.object_]:
    """The split of each row; smaller splits choose first, folds with classes that they lack, then the best balanced."""
    classes = np.unique(labels)
    table = np.stack([[((folds == f) & (labels == c)).sum() for c in classes] for f in range(sum(counts.values()))])
    per_class = table.sum(0)
    left = list(range(len(table)))
    splits = np.full(len(folds), "", dtype=object)
    for name in sorted(shares, key=lambda n: (counts[n], n)):
        held = np.zeros(len(classes))
        for place in range(1, counts[name] + 1):
            goal = shares[name] * place / counts[name]
            # (folds left, classes) what the split would hold with one fold more
            tried = held + table[left]
            lacking = (tried == 0).sum(1)
            apart = np.abs(tried / per_class - goal).sum(1)
            chosen = left.pop(int(np.lexsort((apart, lacking))[0]))
            held = held + table[chosen]
            splits[folds == chosen] = name
    return splits


def _persons(samples: SampleTable) -> tuple[int, bool]:
    """Number of persons, and whether one stands in two splits."""
    known = samples.table.filter(pc.is_valid(samples.table["subject_id"]))
    pairs = known.group_by(["subject_id", "split"]).aggregate([])
    persons = int(pc.count_distinct(known["subject_id"]).as_py())
    return persons, pairs.num_rows > persons

"""Groups of rows: who shares a code, who is linked, and which split a group ought to be in."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# What is kept where copies straddle: what measures comes before what teaches.
_KEPT_FIRST = {"test": 0, "validation": 1, "train": 2}


def codes_of(values: Sequence[Hashable]) -> NDArray[np.int64]:
    """(N,) one number per different value, in the order in which they first come; -1 for None."""
    numbers: dict[Hashable, int] = {}
    return np.array([-1 if v is None else numbers.setdefault(v, len(numbers)) for v in values], dtype=np.int64)


def members(codes: NDArray[np.int64]) -> list[Rows]:
    """Rows that share a code, for each code that has two rows or more; code -1 is nobody's. In order of first row."""
    order = np.argsort(codes, kind="stable")
    order = order[codes[order] >= 0]
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    groups = [group for group in np.split(order, ends) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def linked(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) number of the connected component of each row; pairs (P, 2) are the links."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), dtype=bool)
    links = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.int64)  # type: ignore[no-any-return]


def joined(groups: Sequence[Rows]) -> Rows:
    """All rows of the groups, ascending."""
    return np.sort(np.concatenate(groups)) if len(groups) else np.zeros(0, dtype=np.int64)


def straddles(group: Rows, splits: NDArray[np.str_]) -> bool:
    """Whether the rows lie in more than one split."""
    return len(set(splits[group].tolist())) > 1


def copies_to_drop(groups: Sequence[Rows], splits: NDArray[np.str_]) -> Rows:
    """Of groups that straddle, the rows outside the split that is kept: test, else validation. Ascending."""
    dropped = []
    for group in groups:
        kept = min(set(splits[group].tolist()), key=_KEPT_FIRST.__getitem__)
        dropped.append(group[splits[group] != kept])
    return joined(dropped)


def home_split(splits: Sequence[str]) -> str:
    """The split that most of a group is in; on a tie the one that measures."""
    return max(set(splits), key=lambda s: (splits.count(s), -_KEPT_FIRST[s])) if splits else "train"

"""Which samples belong together: one person's, exact twins, a picture and its copies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.table import SampleTable
from fer_core.errors import DataError

Numbers = NDArray[np.int64]


def groups_of(samples: SampleTable, by_subject: bool, bound: Iterable[Sequence[str]] = ()) -> Numbers:
    """(N,) number of each sample's group; samples that are tied, directly or through others, share one.

    Tied are exact twins (same SHA-256), a copy and its original, two copies of one original, what `bound` ties, and
    with `by_subject` all samples of one person.

    Raises:
        DataError: `bound` names a sample that is not there.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(samples):
        return np.zeros(0, dtype=np.int64)
    # A graph of samples and of what ties them: every tie is a node, so that no two samples need be compared.
    ties = [*_ties(samples, by_subject), _bound(samples, bound)]
    starts = np.cumsum([len(samples)] + [int(tie.max(initial=-1)) + 1 for _, tie in ties])
    rows = np.concatenate([row for row, _ in ties])
    nodes = np.concatenate([tie + start for (_, tie), start in zip(ties, starts, strict=False)])
    edges = coo_array((np.ones(len(rows), dtype=np.int8), (rows, nodes)), shape=(starts[-1], starts[-1]))
    found: Numbers = connected_components(edges, directed=False)[1][: len(samples)].astype(np.int64)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _ties(samples: SampleTable, by_subject: bool) -> list[tuple[Numbers, Numbers]]:
    """(rows, number of the tie) of what the table itself ties."""
    table = samples.table
    families = pa.chunked_array([*table["sample_id"].chunks, *table["parent_id"].chunks], pa.string())
    rows, numbers = _numbered(families)
    ties = [(rows % len(samples), numbers), _numbered(table["sha256"])]
    return [*ties, _numbered(table["subject_id"])] if by_subject else ties


def _numbered(values: pa.ChunkedArray) -> tuple[Numbers, Numbers]:
    """Positions of the cells that are not empty, and for each the number of its value."""
    rows = np.flatnonzero(np.asarray(pc.is_valid(values)))
    codes = pc.index_in(values, value_set=pc.unique(values.drop_null()))
    return rows.astype(np.int64), np.asarray(codes.drop_null(), dtype=np.int64)


def _bound(samples: SampleTable, bound: Iterable[Sequence[str]]) -> tuple[Numbers, Numbers]:
    sets = [list(ids) for ids in bound]
    ids = pa.array([name for names in sets for name in names], pa.string())
    rows = pc.index_in(ids, value_set=samples.table["sample_id"].combine_chunks())
    if rows.null_count:
        first = ids.filter(pc.is_null(rows))[0].as_py()
        raise DataError(f"The sample {first!r} is to be bound to others but is not in the table; look up its id.")
    return np.asarray(rows, dtype=np.int64), np.repeat(np.arange(len(sets)), [len(names) for names in sets])

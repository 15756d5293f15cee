"""Rows of large tables."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def take_rows(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Rows of a table in the order asked for, each as often as asked for; what is not asked for is not touched.

    `pyarrow.Table.take` copies each column into one array first: all pictures for a page of them, and none beyond 2 GB.

    Args:
        table: of any size; neighbouring rows of it are not copied.
        rows: (N,) numbers from 0 to below the table's length.
    """
    batches = table.to_batches()
    ends = np.cumsum([len(batch) for batch in batches])
    places = np.searchsorted(ends, rows, side="right")
    borders = [0, *(np.flatnonzero(np.diff(places)) + 1), len(rows)] if len(rows) else []
    parts = []
    for start, stop in itertools.pairwise(borders):
        batch, end = batches[places[start]], ends[places[start]]
        parts.append(_taken(batch, rows[start:stop] - end + len(batch)))
    return pa.Table.from_batches(parts, schema=table.schema)


def _taken(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.RecordBatch:
    if (np.diff(rows) == 1).all():
        return batch.slice(rows[0], len(rows))
    return batch.take(pa.array(rows))

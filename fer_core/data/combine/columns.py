"""Single columns of a sample table, changed; what merging and topping up share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fer_core.data.schema import SCHEMA
from fer_core.data.table import SampleTable
from fer_core.errors import DataError

IDS = ("sample_id", "parent_id", "subject_id")


def replaced(table: pa.Table, **columns: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with some columns replaced, each by one of the same length."""
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), values)
    return table


def check_name(name: str) -> None:
    """Refuses a data set's name that could not stand before an id.

    Raises:
        DataError: the name is empty, has a slash, or cannot be printed.
    """
    if not name.strip() or "/" in name or not name.isprintable():
        raise DataError(f"{name!r} cannot stand before sample ids; name the data set by letters and digits, no slash.")


def prefixed(table: pa.Table, name: str) -> pa.Table:
    """The table with `name/` before every sample, parent and subject id; what was empty stays so."""
    start = pa.scalar(name)
    return replaced(table, **{c: pc.binary_join_element_wise(start, table[c], "/") for c in IDS})


def with_votes(
    samples: SampleTable, vote_classes: Sequence[str], renamed: Mapping[str, str] | None = None
) -> pa.ChunkedArray:
    """The votes in the order of `vote_classes`, by name; null where there were none.

    Args:
        samples: whose votes.
        vote_classes: holds every vote class of the samples after renaming; one that they lack gets no votes.
        renamed: new name of a vote class; the votes of two that get one name are added up.
    """
    votes = samples.table["votes"]
    there = np.asarray(pc.is_valid(votes), dtype=bool)
    counts = np.asarray(pc.list_flatten(votes), dtype=np.float32).reshape(int(there.sum()), len(samples.vote_classes))
    ordered = np.zeros((len(counts), len(vote_classes)), dtype=np.float32)
    for of, name in enumerate(samples.vote_classes):
        ordered[:, vote_classes.index((renamed or {}).get(name, name))] += counts[:, of]
    ends = np.concatenate([[0], np.cumsum(there)]) * len(vote_classes)
    offsets = pa.array(ends, pa.int32(), mask=np.concatenate([~there, [False]]))
    return pa.chunked_array([pa.ListArray.from_arrays(offsets, pa.array(ordered.reshape(-1), pa.float32()))])


def vote_union(names: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All vote classes, each once, in the order in which they are met."""
    return tuple(dict.fromkeys(name for several in names for name in several))


def concatenated(tables: Iterable[pa.Table]) -> pa.Table:
    """One table below the other; the class order, which is in the metadata, is left to the caller."""
    return pa.concat_tables([t.replace_schema_metadata(None).cast(SCHEMA) for t in tables])


def is_among(column: pa.ChunkedArray, values: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(N,) whether each cell is one of the values; an empty cell never is."""
    wanted = pa.array([v for v in values if v is not None], pa.string())
    return np.asarray(pc.and_(pc.is_valid(column), pc.is_in(column, value_set=wanted)), dtype=bool)

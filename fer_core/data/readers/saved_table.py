"""A sample table that was saved before."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fer_core.data.readers.base import Import, ReadOptions, register
from fer_core.data.table import METADATA_KEY, SampleTable


@register
class SavedTable:
    """Reader of our own Parquet files."""

    name = "saved-table"
    describe = "a sample table saved by FERScope (.parquet)"

    def matches(self, path: Path) -> bool:
        """A Parquet file with our mark in its metadata."""
        return is_saved_table(path)

    def read(self, path: Path, options: ReadOptions) -> Import:
        """The table as it was saved; nothing is decoded."""
        samples = SampleTable.load(path)
        options.advance(len(samples), len(samples))
        return options.finish(samples, path)


def is_saved_table(path: Path) -> bool:
    """Whether a file is Parquet that `SampleTable.save` wrote."""
    if not path.is_file():
        return False
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return False
    return METADATA_KEY in metadata

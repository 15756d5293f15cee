"""Versions of a data set on disk: a small table for filters beside a note that says what it is."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fer_core.data.schema import SCHEMA
from fer_core.data.table import SampleTable
from fer_core.data.votes import vote_statistics

# The columns of a version. Label and split are its own; the rest is copied, so that a filter reads one small file.
VERSION = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # in `samples.arrow`; rising
        *(SCHEMA.field(name) for name in ("label", "split", "subject_id", "pose", "source", "width", "height")),
        *(SCHEMA.field(name) for name in ("brightness", "contrast", "sharpness")),
        pa.field("vote_entropy", pa.float32()),  # bits; null without votes
        pa.field("vote_label", pa.string()),  # the class with most votes; null without votes, or where two have most
    ]
)
_ROWS_PER_GROUP = 100_000


class Version(BaseModel):
    """What a version is.

    Attributes:
        number: counts from 1.
        note: one line about how it came to be: `import of fer2013.csv`, `exclude: exact-twins-across-splits`.
        parent: number of the version that it was made of; None for the first.
        n: samples.
        data_hash: as `SampleTable.data_hash`.
        created: seconds since 1970.
        report: what came of the import, or of the remedy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    note: str
    parent: int | None
    n: int
    data_hash: str
    created: float
    report: dict[str, Any] = {}


def write_version(samples: SampleTable, rows: NDArray[np.int64], version: Version, file: Path) -> None:
    """Writes the table of a version and, once it is whole, its note beside it.

    Args:
        samples: what the version holds, in any order.
        rows: (N,) the row of each in `samples.arrow`.
        version: the note.
        file: the Parquet file; the note gets its name with `.json`.
    """
    entropy, favourite = vote_statistics(samples)
    own = {
        "row": pa.array(rows, pa.int64()),
        "vote_entropy": pa.array(entropy, pa.float32(), from_pandas=True),
        "vote_label": pa.array(favourite, pa.string()),
    }
    columns = [own[f.name] if f.name in own else samples.table[f.name] for f in VERSION]
    table = pa.table(columns, schema=VERSION).sort_by("row")
    pq.write_table(table, file, compression="zstd", row_group_size=_ROWS_PER_GROUP)
    write_text(file.with_suffix(".json"), version.model_dump_json(indent=1))


def write_json(path: Path, value: Any) -> None:
    """Writes JSON so that a reader sees the old file or the new one, never half of it."""
    write_text(path, json.dumps(value, indent=1))


def write_text(path: Path, text: str) -> None:
    """Writes a text as `write_json` does; threads and processes may write the same file."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)

"""Prediction tables in the workspace: which there are, and how they are opened."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from fer_core.errors import DataError
from fer_core.evaluate.locked import open_test
from fer_core.evaluate.predictions import METADATA_KEY, About, Predictions, folder

_FIXED = ("sample_id", "split", "label", "latency_ms", "twin")


def read_about(file: Path) -> About:
    """What a table holds, without reading it.

    Raises:
        DataError: no such file, or no prediction table.
    """
    try:
        return About.model_validate_json(pq.read_schema(file).metadata[METADATA_KEY])
    except FileNotFoundError as error:
        raise DataError(f"There are no predictions at {file}; `python -m fer_core evaluate` makes them.") from error
    except (pa.ArrowException, OSError, KeyError, TypeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{file} is not a prediction table ({reason}); delete it and evaluate again.") from error


def load(file: Path, allow_test: str | None = None) -> Predictions:
    """The predictions of a file.

    Args:
        file: Parquet file that `Predictions.save` wrote.
        allow_test: why a test split is opened; needed for one, and logged.

    Raises:
        DataError: no such file, no prediction table, one that is not valid, or a test split without a reason.
    """
    about = read_about(file)
    if about.split == "test":
        open_test(about.model_hash, about.data_hash, allow_test)
    return load_unlocked(file)


def load_unlocked(file: Path) -> Predictions:
    """`load` for who has opened the test split already; it logs nothing.

    Raises:
        DataError: as `load`.
    """
    about = read_about(file)
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} cannot be read ({error}); delete it and evaluate again.") from error
    views = next(v for v in itertools.count() if f"logit_{v}_{about.classes[0]}" not in table.column_names)
    columns = [f"logit_{view}_{c}" for view in range(views) for c in about.classes]
    missing = [c for c in (*_FIXED, *columns) if c not in table.column_names]
    if missing or not views:
        raise DataError(f"{file} lacks the column(s) {', '.join(missing) or 'of logits'}; evaluate again.")
    labels = pc.index_in(table["label"], value_set=pa.array(about.classes))
    if labels.null_count:
        raise DataError(
            f"{file} has {labels.null_count:,} label(s) outside its classes {', '.join(about.classes)}; delete it and "
            "evaluate again."
        )
    logits = np.empty((len(columns), table.num_rows), dtype=np.float32)  # classes first, as they are softened
    for row, name in zip(logits, columns, strict=True):
        row[:] = table[name].to_numpy()
    logits = logits.reshape(views, len(about.classes), -1).transpose(0, 2, 1)
    twins = None if table["twin"].null_count else np.asarray(table["twin"].combine_chunks(), dtype=bool)
    return Predictions(
        table["sample_id"].combine_chunks(), np.asarray(labels, dtype=np.int64), logits, about,
        None if table.num_rows == 0 else twins,
    )  # fmt: skip


def find(model_hash: str, data_hash: str, split: str) -> Path | None:
    """The file of a pair of model and data; None where there is none yet."""
    found = folder() / f"{model_hash[:16]}-{data_hash[:16]}-{split}.parquet"
    return found if found.is_file() else None


def list_predictions() -> list[About]:
    """What tables there are, the newest first. No prediction is read; a file that is no table is left out."""
    found = []
    for file in folder().glob("[!.]*.parquet"):
        try:
            found.append(read_about(file))
        except DataError:
            continue
    return sorted(found, key=lambda about: (about.created, about.model), reverse=True)


def as_dict(about: About) -> dict[str, Any]:
    """For JSON: all but the preprocessing, and the file's name."""
    return {**json.loads(about.model_dump_json(exclude={"preprocess"})), "file": about.file.name}

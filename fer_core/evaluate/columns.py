"""What is known of the samples of a prediction table, from the data set that they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fer_core.data.store import DataSet
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.predictions import Predictions

KNOWN = ("brightness", "contrast", "sharpness", "width", "height", "source", "split", "subject_id")


def columns_of(samples: SampleTable, predictions: Predictions) -> dict[str, Any]:
    """The columns that slices are searched in, in the order of the predictions.

    Args:
        samples: at least those that were predicted.
        predictions: the table.

    Returns:
        By name an Arrow array: those of `KNOWN` in which anything is known, `side` (pixels, the root of width times
        height) in the place of width and height, and `vote_entropy` (bits) where there are votes.

    Raises:
        DataError: a predicted sample is not among them.
    """
    from fer_core.data.votes import vote_statistics

    places = pc.index_in(predictions.sample_ids, value_set=samples.table["sample_id"].combine_chunks())
    _check(places, predictions, "the samples")
    table = samples.table.select(KNOWN).take(places)
    if samples.vote_classes:
        entropy = pa.array(vote_statistics(samples)[0], from_pandas=True)
        table = table.append_column("vote_entropy", entropy.take(places))
    return _useful(table)


def columns_of_data_set(data_set: DataSet, predictions: Predictions, number: int | None = None) -> dict[str, Any]:
    """`columns_of` for a version of a data set of the workspace, without decoding or loading any picture.

    Raises:
        DataError: a predicted sample is not in the version.
    """
    version = pq.read_table(data_set.table_file(data_set.head.number if number is None else number))
    rows = pc.index_in(predictions.sample_ids, value_set=data_set.imported["sample_id"].combine_chunks())
    _check(rows, predictions, data_set.name)
    places = pc.index_in(rows.cast(pa.int64()), value_set=version["row"].combine_chunks())
    _check(places, predictions, data_set.name)
    return _useful(version.select([*KNOWN, "vote_entropy"]).take(places))


def _check(places: pa.Array, predictions: Predictions, where: str) -> None:
    if places.null_count:
        missing = predictions.sample_ids.filter(pc.is_null(places))[0].as_py()
        raise DataError(
            f"{places.null_count:,} of {len(predictions):,} predicted samples are not in {where}, such as {missing!r}; "
            "evaluate the model on this version of the data."
        )


def _useful(table: pa.Table) -> dict[str, Any]:
    side = np.sqrt(np.asarray(table["width"], dtype=np.float64) * np.asarray(table["height"], dtype=np.float64))
    columns = {"side": pa.array(side)} | {
        name: table[name] for name in table.column_names if name not in {"width", "height"}
    }
    return {name: values for name, values in columns.items() if values.null_count < len(values)}

"""What is known of the samples of a prediction table, from the data set that they come from."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_core.card import LabelSource
from fer_core.data.labelling import left_out, under_labels
from fer_core.data.store import DataSet, write_json
from fer_core.data.table import SampleTable, labels_hash
from fer_core.errors import DataError
from fer_core.evaluate.predictions import Predictions, folder

Values = NDArray[np.float64]
KNOWN = ("brightness", "contrast", "sharpness", "width", "height", "source", "split", "subject_id", "pose")


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


def columns_of_data_set(
    data_set: DataSet, predictions: Predictions, number: int | None = None
) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """(N,) rows of the predicted samples in a data set of the workspace, and `columns_of` them; no picture is read.

    Raises:
        DataError: a predicted sample is not in the version.
    """
    found = in_version(data_set, predictions, [*KNOWN, "vote_entropy"], number)
    return np.asarray(found["row"], dtype=np.int64), _useful(found.drop_columns("row"))


def in_version(
    data_set: DataSet, predictions: Predictions, columns: Sequence[str], number: int | None = None
) -> pa.Table:
    """`row` and some columns of `versions.VERSION` for the predicted samples, in their order.

    A column that a version of earlier lacks is left out.

    Raises:
        DataError: a predicted sample is not in the version.
    """
    file = data_set.table_file(data_set.head.number if number is None else number)
    there = pq.read_schema(file).names
    columns = [name for name in columns if name in there]
    version = pq.read_table(file, columns=list({"row": None, "split": None, **dict.fromkeys(columns)}))
    names = data_set.imported["sample_id"].combine_chunks()
    of_split = version.filter(pc.equal(version["split"], predictions.about.split))
    found = of_split
    if not names.take(of_split["row"].combine_chunks()).equals(predictions.sample_ids):  # else they stand in order
        rows = pc.index_in(predictions.sample_ids, value_set=names)
        _check(rows, predictions, data_set.name)
        places = pc.index_in(rows.cast(pa.int64()), value_set=version["row"].combine_chunks())
        _check(places, predictions, data_set.name)
        found = version.take(places)
    return found.select(list({"row": None, **dict.fromkeys(columns)}))


def split_hash(data_set: DataSet, split: str, number: int | None = None, classes: Sequence[str] | None = None) -> str:
    """`SampleTable.data_hash` of one split of a version, by which its prediction tables are kept; no picture is read.

    It is worked out once for each version, and kept beside the tables. With classes it is that of the samples whose
    label is one of them.
    """
    version = data_set.head if number is None else data_set.version(number)

    def work() -> str:
        rows = pq.read_table(data_set.table_file(version.number), columns=["row", "label", "split"])
        rows = rows.filter(pc.equal(rows["split"], split))
        if classes is not None:
            rows = rows.filter(pc.is_in(rows["label"], value_set=pa.array(classes)))
        pixels = data_set.imported["sha256"].combine_chunks().take(rows["row"])
        return labels_hash(rows.append_column("sha256", pixels))

    # these three settle the hash of the split
    return str(_once(" ".join([version.data_hash, split, *(classes or ())]), work))


def majority_split(
    data_set: DataSet, split: str, number: int | None, classes: Sequence[str]
) -> tuple[str, dict[str, int]]:
    """`SampleTable.data_hash` of one split of a version under the labels of FER+'s majority, and what that leaves out.

    Worked out once, as `split_hash`.

    Raises:
        DataError: the data set has no FER+ votes.
    """
    version = data_set.head if number is None else data_set.version(number)

    def work() -> list[Any]:
        samples = data_set.samples(version.number).split(split)
        agreed = under_labels(samples, "ferplus-majority", classes)
        return [agreed.data_hash(), left_out(samples, "ferplus-majority", classes)]

    key = [version.data_hash, split, "ferplus-majority", str(data_set.imported_at), *classes]  # votes came at import
    found = _once(" ".join(key), work)
    return str(found[0]), dict(found[1])


def _once(key: str, work: Callable[[], Any]) -> Any:
    """What `work` gives, or gave before: it is kept in a file beside the tables."""
    known, held = folder() / "splits.json", {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        held = json.loads(known.read_bytes())
    if key not in held:
        held[key] = work()
        known.parent.mkdir(parents=True, exist_ok=True)
        write_json(known, held)
    return held[key]


def class_shares(
    data_set: DataSet, classes: Sequence[str], split: str, number: int | None = None, truth: LabelSource = "given"
) -> Values:
    """(K,) shares of the classes, in the order given, among the labelled samples of a split; NaN where it has none.

    Raises:
        DataError: the labels of FER+'s majority are asked for, and there are no votes.
    """
    if truth == "given":
        file = data_set.table_file(data_set.head.number if number is None else number)
        labels = pq.read_table(file, columns=["label"], filters=[("split", "=", split)])["label"]
    else:
        labels = under_labels(data_set.samples(number).split(split), truth, classes).table["label"]
    places = pc.drop_null(pc.index_in(labels, value_set=pa.array(classes)))
    counts = np.bincount(np.asarray(places), minlength=len(classes))
    return np.asarray(counts / counts.sum()) if counts.any() else np.full(len(classes), np.nan)


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

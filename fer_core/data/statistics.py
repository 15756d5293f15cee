"""Statistics over the pictures of a data set."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_core.data.pictures import Picture
from fer_core.data.store import DataSet
from fer_core.data.table import SampleTable

SIDE_PX = 48
_BATCH = 256  # pictures in memory at once, of whatever size


def mean_faces(data_set: DataSet, number: int, most: int = 2000, seed: int = 0) -> dict[str, tuple[Picture, int]]:
    """The mean face of each class.

    Args:
        data_set: the data set.
        number: of the version.
        most: faces per class that are averaged at most, drawn at random.
        seed: of the draw.

    Returns:
        By class, in the classes' order, (48, 48) grey and the number of faces in it: those of the training split where
        the class has any there, else all of it; a class without samples is left out.

    Raises:
        ImageError: a picture cannot be read (any more).
    """
    version = pq.read_table(data_set.table_file(number), columns=["row", "label", "split"])
    rows, labels, splits = (np.array(version[name].to_pylist()) for name in ("row", "label", "split"))
    chance = np.random.default_rng(seed)
    means = {}
    for name in data_set.classes.names:
        of_class = labels == name
        of_train = of_class & (splits == "train")
        taken = np.sort(chance.permutation(rows[of_train if of_train.any() else of_class])[:most])
        if len(taken):
            means[name] = (_mean(data_set, taken), len(taken))
    return means


def _mean(data_set: DataSet, rows: NDArray[np.int64]) -> Picture:
    total = np.zeros((SIDE_PX, SIDE_PX), dtype=np.int64)
    for start in range(0, len(rows), _BATCH):
        cells = data_set.cells(rows[start : start + _BATCH].tolist())
        total += SampleTable.from_saved(cells, data_set.folder).pixels(SIDE_PX).sum(0, dtype=np.int64)
    return (total / len(rows)).round().astype(np.uint8)

"""What `--data` may name: a data set of the workspace, or a file or folder of a known layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from fer_core.data.readers import read_samples
from fer_core.data.store import open_data_set
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.workspace import data_set_names


def open_samples(data: Path, labels: Path | None = None, tags: Sequence[str] = ()) -> SampleTable:
    """The samples to train or to measure on.

    Args:
        data: name of a data set of the workspace, which goes before a file of this name; or the path of a data set.
        labels: FER+ votes for FER2013, for a path.
        tags: of a data set of the workspace; only samples of the train split with one of them are left in that split.
            Validation and test stay whole, so that figures can be compared.

    Raises:
        DataError: neither a data set nor a readable path, whole photographs that no face was cut out of, an unknown
            tag, tags for a path, or no training sample left.
    """
    if str(data) not in data_set_names():
        if tags:
            raise DataError(f"{data} is no data set of the workspace, and only those have tags; import it first.")
        found = read_samples(data, labels=labels)
        if found.photographs:
            raise DataError(
                f"{data} holds whole photographs, and networks look at faces: import it first, which cuts them out "
                f"(python -m fer_core data import {data}), and give the data set's name."
            )
        return found.samples
    if labels is not None:
        raise DataError(f"{data} is a data set of the workspace; give --labels when it is imported.")
    data_set = open_data_set(str(data))
    samples = data_set.samples()
    if not tags:
        return samples
    known = data_set.tags()
    unknown = [tag for tag in tags if tag not in known]
    if unknown:
        raise DataError(
            f"{data} has no tag {unknown[0]!r}; it has {', '.join(known) or 'none'}. The Datasets page makes tags."
        )
    rows = sorted({row for tag in tags for row in known[tag]})
    tagged = set(data_set.cells(rows)["sample_id"].to_pylist())
    pairs = zip(samples.table["sample_id"].to_pylist(), samples.table["split"].to_pylist(), strict=True)
    kept = dataclasses.replace(samples, table=samples.table.filter([s != "train" or i in tagged for i, s in pairs]))
    if "train" not in kept.splits():
        raise DataError(f"No sample of the train split of {data} has the tag {', '.join(tags)}; choose another one.")
    return kept

"""What `--data` may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_core.data import SampleTable
from fer_core.data.opening import open_samples
from fer_core.data.store import DataSet, keep
from fer_core.errors import DataError


@pytest.fixture
def data_set(drawn: SampleTable) -> DataSet:
    return keep("drawn", drawn, "drawn for a test")


@pytest.mark.usefixtures("data_set")
def test_a_data_set_of_the_workspace_by_its_name(drawn: SampleTable) -> None:
    assert open_samples(Path("drawn")).data_hash() == drawn.data_hash()


def test_the_shown_version_is_what_is_opened(data_set: DataSet, drawn: SampleTable) -> None:
    data_set.add_version(drawn.split("train"), "only the train split")
    assert open_samples(Path("drawn")).splits() == {"train": 112}
    data_set.step_to(1)
    assert open_samples(Path("drawn")).splits() == drawn.splits()


def test_a_path(drawn: SampleTable, tmp_path: Path) -> None:
    drawn.save(tmp_path / "faces.parquet")
    assert open_samples(tmp_path / "faces.parquet").data_hash() == drawn.data_hash()


def test_a_tag_leaves_validation_and_test_whole(data_set: DataSet, drawn: SampleTable) -> None:
    ids = drawn.table["sample_id"].to_pylist()
    train = [row for row, name in enumerate(ids) if name.startswith("train")]
    data_set.tag("some", [*train[:5], len(ids) - 1])
    data_set.tag("more", train[4:8])
    assert open_samples(Path("drawn"), tags=["some"]).splits() == {"train": 5, "validation": 56, "test": 28}
    both = open_samples(Path("drawn"), tags=["some", "more"])
    assert both.split("train").table["sample_id"].to_pylist() == [ids[row] for row in train[:8]]


def test_what_cannot_be_opened_is_told(data_set: DataSet, drawn: SampleTable, tmp_path: Path) -> None:
    drawn.save(tmp_path / "faces.parquet")
    with pytest.raises(DataError, match="no tag 'ghost'; it has none"):
        open_samples(Path("drawn"), tags=["ghost"])
    with pytest.raises(DataError, match="only those have tags"):
        open_samples(tmp_path / "faces.parquet", tags=["some"])
    with pytest.raises(DataError, match="when it is imported"):
        open_samples(Path("drawn"), labels=tmp_path / "fer2013new.csv")
    with pytest.raises(DataError, match="There is no file or folder"):
        open_samples(Path("nowhere"))
    data_set.tag("last", [195])
    with pytest.raises(DataError, match="No sample of the train split"):
        open_samples(Path("drawn"), tags=["last"])

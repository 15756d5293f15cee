"""Data sets in the workspace: what goes in comes out, and versions are never lost."""

from __future__ import annotations

import dataclasses
import functools
import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import entropy

from fer_core.data import SampleTable
from fer_core.data.looks import with_looks
from fer_core.data.store import VERSION, DataSet, Version, keep, list_data_sets, open_data_set
from fer_core.data.table import METADATA_KEY
from fer_core.errors import DataError
from fer_core.labels import FER7, FERPLUS8, ClassSet
from tests.fer_core.data.changed import with_column


@pytest.fixture
def data_set(few: SampleTable) -> DataSet:
    return keep("few", few, "drawn for a test")


def ids(samples: SampleTable) -> list[str]:
    return list(samples.table["sample_id"].to_pylist())


def test_what_was_kept_comes_back(few: SampleTable, data_set: DataSet) -> None:
    again = open_data_set("few").samples()
    assert again.table.equals(with_looks(few).table)
    assert again.data_hash() == few.data_hash()
    assert json.loads(again.table.schema.metadata[METADATA_KEY])["classes"]["names"] == list(FER7.names)
    head = data_set.head
    assert head == Version(
        number=1, note="drawn for a test", parent=None, n=42, data_hash=few.data_hash(), created=head.created
    )
    assert data_set.classes == FER7
    assert [d.name for d in list_data_sets()] == ["few"]


def test_votes_and_their_classes_come_back(few: SampleTable) -> None:
    votes = [None if row % 5 == 0 else [float(row % 4), 3.0, 0.0] for row in range(len(few))]
    given = with_column(few, "votes", votes, ("happy", "nf", "unknown"))
    data_set = keep("votes", given, "with votes")
    again = data_set.samples()
    assert again.vote_classes == ("happy", "nf", "unknown")
    assert again.table["votes"].to_pylist() == votes
    version = pq.read_table(data_set.table_file(1))
    assert version.schema.equals(VERSION)
    for row, found, name in zip(
        range(42), version["vote_entropy"].to_pylist(), version["vote_label"].to_pylist(), strict=True
    ):
        if votes[row] is None:
            assert (found, name) == (None, None)
        else:
            assert found == pytest.approx(entropy(votes[row], base=2), abs=1e-6)
            assert name == (None if row % 4 == 3 else "nf")


def test_once_more_changes_nothing(few: SampleTable, data_set: DataSet) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in data_set.folder.iterdir() if p.name not in ("head.json", ".lock")}
    shuffled = dataclasses.replace(few, table=few.table.take(np.random.default_rng(0).permutation(len(few))))
    keep("few", few, "another word for it")
    keep("few", shuffled, "and another order")
    after = {p.name: p.stat().st_mtime_ns for p in data_set.folder.iterdir() if p.name not in ("head.json", ".lock")}
    assert after == before
    assert data_set.head.number == 1


def test_versions_make_a_chain_and_none_is_lost(few: SampleTable, data_set: DataSet) -> None:
    train = data_set.add_version(data_set.samples().split("train"), "train alone", {"left_out": 14})
    labels = ["happy", *data_set.samples().table["label"].to_pylist()[1:]]
    second = data_set.add_version(with_column(data_set.samples(), "label", labels), "one label")
    assert [(v.number, v.parent, v.n) for v in data_set.versions()] == [(1, None, 42), (2, 1, 28), (3, 2, 28)]
    assert train.report == {"left_out": 14}
    assert data_set.head == second
    assert data_set.samples().table["label"].to_pylist() == labels
    assert data_set.samples().splits() == {"train": 28}
    assert data_set.samples(1).data_hash() == few.data_hash(), "the first version stays as it was"
    assert data_set.step_to(2) == train
    assert data_set.samples().data_hash() == train.data_hash
    branch = data_set.add_version(data_set.samples(1).split("validation"), "from the second")
    assert (branch.number, branch.parent) == (4, 2)
    assert keep("few", few, "again").head.number == 1, "what was kept before is shown again"
    assert len(data_set.versions()) == 4


def test_an_unchanged_table_is_no_version(data_set: DataSet) -> None:
    assert data_set.add_version(data_set.samples(), "nothing") == data_set.head
    assert len(data_set.versions()) == 1


def test_a_version_in_another_order_has_rising_rows(few: SampleTable, data_set: DataSet) -> None:
    order = np.random.default_rng(3).permutation(42)[:20]
    data_set.add_version(dataclasses.replace(few, table=few.table.take(order)), "some, shuffled")
    held = pq.read_table(data_set.table_file(2))
    assert held["row"].to_pylist() == sorted(order.tolist())
    labels = few.table["label"].to_pylist()
    assert held["label"].to_pylist() == [labels[row] for row in sorted(order.tolist())]
    assert ids(data_set.samples()) == [ids(few)[row] for row in sorted(order.tolist())]


def test_a_version_of_nothing(data_set: DataSet, few: SampleTable) -> None:
    data_set.add_version(dataclasses.replace(few, table=few.table.slice(0, 0)), "all left out")
    assert (len(data_set.samples()), data_set.samples().classes) == (0, FER7)


def other_pictures(few: SampleTable) -> SampleTable:
    return with_column(few, "sha256", ["0" * 64, *few.table["sha256"].to_pylist()[1:]])


def other_votes(few: SampleTable) -> SampleTable:
    return with_column(few, "votes", [[1.0, 2.0]] * 42, ("happy", "nf"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda few: with_column(few, "sample_id", ["stranger", *ids(few)[1:]]), "1 of 42 samples are not in the data"),
        (lambda few: dataclasses.replace(few, classes=FERPLUS8), "has other classes or votes"),
        (lambda few: dataclasses.replace(few, classes=ClassSet("x", FER7.names[::-1])), "has other classes or votes"),
        (other_votes, "has other classes or votes"),
        (other_pictures, "has other pictures or votes under these ids"),
    ],
)
@pytest.mark.parametrize("way", ["add", "keep"])
def test_strangers_are_refused(
    few: SampleTable, data_set: DataSet, way: str, change: Callable[[SampleTable], SampleTable], sentence: str
) -> None:
    changed = change(with_column(with_looks(few), "split", ["test"] * 42))
    do = data_set.add_version if way == "add" else functools.partial(keep, "few")
    with pytest.raises(DataError, match=sentence):
        do(changed, "other")
    assert data_set.head.number == 1
    assert data_set.samples().data_hash() == few.data_hash()


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "a b", "-a", "a\n", "é", "x" * 101])
def test_names_that_are_none(few: SampleTable, name: str, home: Path) -> None:
    with pytest.raises(DataError, match="is not a name for a data set"):
        keep(name, few, "drawn")
    assert not home.exists()
    with pytest.raises(DataError, match="There is no data set"):
        open_data_set(name)


def test_a_data_set_that_is_not_there_names_those_that_are(data_set: DataSet) -> None:
    with pytest.raises(DataError, match=r"no data set 'fwe' in .*There are: few\."):
        open_data_set("fwe")
    data_set.delete()
    with pytest.raises(DataError, match="None has been imported yet"):
        open_data_set("few")


def test_nothing_to_keep(few: SampleTable) -> None:
    with pytest.raises(DataError, match="There are no samples to keep as none"):
        keep("none", dataclasses.replace(few, table=few.table.slice(0, 0)), "")


def test_tags(data_set: DataSet) -> None:
    assert data_set.tags() == {}
    data_set.tag(" odd ones ", np.array([3, 1]))  # type: ignore[arg-type]
    data_set.tag("all", range(42))
    assert data_set.tags() == {"all": tuple(range(42)), "odd ones": (3, 1)}
    data_set.tag("all", [])
    data_set.tag("odd ones", [5])
    assert data_set.tags() == {"odd ones": (5,)}
    for name in ("", "  ", "x" * 61, "two\nlines"):
        with pytest.raises(DataError, match="is not a name for a tag"):
            data_set.tag(name, [1])


def test_tags_set_at_once_by_several_threads_are_all_kept(data_set: DataSet) -> None:
    threads = [threading.Thread(target=data_set.tag, args=(f"tag {i}", [i])) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert data_set.tags() == {f"tag {i}": (i,) for i in sorted(range(12), key=str)}


def test_delete_forgets_this_one_alone_and_imported_files_stay(few: SampleTable, data_set: DataSet, home: Path) -> None:
    keep("other", few, "the same under another name")
    data_set.tag("x", [1])
    data_set.delete()
    data_set.delete()  # a second page may have been open
    assert sorted(p.name for p in (home / "datasets").iterdir()) == [".lock", "other"]
    assert [d.name for d in list_data_sets()] == ["other"]
    assert keep("few", few, "anew").tags() == {}


def test_rows_cells_and_ids(few: SampleTable, data_set: DataSet) -> None:
    assert data_set.rows_of(["validation-30", "nobody", "train-1"]) == [30, 1]
    assert data_set.rows_of([]) == []
    assert data_set.rows_with("TRAIN-1") == [1, *range(10, 20)]
    assert data_set.rows_with("(") == []
    rows = [5, 3, 3, 41, 0]
    assert data_set.cells(rows)["sample_id"].to_pylist() == [ids(few)[row] for row in rows]
    assert data_set.cells([]).num_rows == 0
    for rows in ([42], [-1]):
        with pytest.raises(DataError, match="has the rows 0 to 41"):
            data_set.cells(rows)

"""Every published layout is known by one reader and by no other; what all readers of files have in common."""

from pathlib import Path

import pytest

from fer_core.data import SampleTable, read_samples, readers
from fer_core.errors import DataError
from fer_core.labels import ClassSet
from tests.fer_core.data.readers import trees

FILES = (
    "affectnet",
    "affectnet-csv",
    "ck-plus",
    "class-folders",
    "csv-paths",
    "jaffe",
    "kdef",
    "raf-db",
    "raf-db-repacked",
)


def matching(path: Path) -> list[str]:
    return [reader.name for reader in readers() if reader.matches(path)]


@pytest.mark.parametrize("name", trees.LAYOUTS)
def test_exactly_one_reader_knows_a_layout(tmp_path: Path, name: str) -> None:
    assert matching(trees.LAYOUTS[name](tmp_path / "set")) == [name]


def test_every_reader_has_its_layout_here() -> None:
    assert [reader.name for reader in readers()] == sorted([*trees.LAYOUTS, "saved-table"])
    assert all(r.describe and "\n" not in r.describe for r in readers())


def test_a_saved_table_is_known_as_one(tmp_path: Path) -> None:
    read_samples(trees.csv_of_paths(tmp_path)).samples.save(tmp_path / "saved.parquet")
    assert matching(tmp_path / "saved.parquet") == ["saved-table"]


def test_a_folder_inside_or_around_the_root_is_known_too(tmp_path: Path) -> None:
    raf = trees.raf_db(tmp_path / "raf")
    kdef = trees.kdef(tmp_path / "kdef_and_akdef")
    lists = trees.affectnet_lists(tmp_path / "affectnet")
    jaffe = trees.jaffe(tmp_path / "outer" / "JAFFE")
    repacked = trees.raf_db_repacked(tmp_path / "archive")
    assert matching(raf / "basic") == ["raf-db"]
    assert matching(kdef / "KDEF") == matching(kdef / "KDEF" / "AF01") == ["kdef"]
    assert matching(lists / "Manually_Annotated_file_lists") == ["affectnet-csv"]
    assert matching(lists / "Manually_Annotated_file_lists" / "validation.csv") == ["affectnet-csv"]
    assert matching(jaffe.parent) == ["jaffe"]
    assert matching(repacked / "DATASET") == ["raf-db-repacked"]
    assert matching(repacked / "train_labels.csv") == ["csv-paths"]


@pytest.mark.parametrize("name", FILES)
def test_reading_twice_gives_the_same_table(tmp_path: Path, name: str) -> None:
    path = trees.LAYOUTS[name](tmp_path / "set")
    first, second = (
        read_samples(path, cache_file=tmp_path / "cache.sqlite"),
        read_samples(path, cache_file=tmp_path / "cache.sqlite"),
    )
    bare = read_samples(path)
    assert first.samples.table.equals(second.samples.table)
    assert first.samples.table.equals(bare.samples.table)
    assert first == second == bare
    assert first.problems == ()


@pytest.mark.parametrize("name", FILES)
def test_a_picture_that_cannot_be_read_stops_or_is_told(tmp_path: Path, name: str) -> None:
    path = trees.LAYOUTS[name](tmp_path / "set")
    taken = read_samples(path).samples
    broken, label = Path(taken.table["path"][0].as_py()), taken.table["label"][0].as_py()
    broken.write_bytes(b"\xff\xd8\xff cut short")
    with pytest.raises(DataError, match=r"begins like a JPEG picture but cannot be decoded.*on_error='skip'"):
        read_samples(path)
    result = read_samples(path, on_error="skip")
    assert [p.kind for p in result.problems] == ["unreadable"]
    assert result.problems[0].where == taken.table["sample_id"][0].as_py()
    assert result.samples.table["sample_id"].to_pylist() == taken.table["sample_id"].to_pylist()[1:], label


@pytest.mark.parametrize("name", FILES)
def test_classes_that_were_not_asked_for_are_left_out_and_counted(tmp_path: Path, name: str) -> None:
    path = trees.LAYOUTS[name](tmp_path / "set")
    every: SampleTable = read_samples(path).samples
    labels = every.table["label"].to_pylist()
    two = ClassSet("two", (labels[0], "boredom"))
    result = read_samples(path, classes=two)
    assert result.samples.classes == two
    assert result.samples.table["label"].to_pylist() == [label for label in labels if label == labels[0]]
    counted = {reason: n for reason, n in result.left_out.items() if "not among the classes" in reason}
    assert counted == {
        f"labelled {other}, which is not among the classes": labels.count(other)
        for other in sorted(set(labels) - {labels[0]}, key=labels.index)
    }


@pytest.mark.parametrize("name", [n for n in FILES if n != "csv-paths"])
def test_case_of_letters_does_not_matter(tmp_path: Path, name: str) -> None:
    path = trees.LAYOUTS[name](tmp_path / "set")
    as_published = read_samples(path).samples
    for below in sorted(path.rglob("*"), key=lambda p: -len(p.parts)):
        if below.name not in ("training.csv", "validation.csv", "train_labels.csv", "test_labels.csv"):
            below.rename(below.with_name(below.name.swapcase()))
    again = read_samples(path).samples
    assert matching(path) == [name]
    assert again.data_hash() == as_published.data_hash()
    assert again.table["subject_id"].to_pylist().count(None) == as_published.table["subject_id"].null_count

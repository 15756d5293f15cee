"""RAF-DB, as its authors give it and as it is repacked."""

from pathlib import Path

import pytest

from fer_core.data import read_samples
from fer_core.errors import DataError
from fer_core.labels import FER7
from tests.fer_core.data.readers.trees import picture, raf_db, raf_db_repacked

ALL_CODES = {f"train_{n:05d}.jpg": str(n) for n in range(1, 8)}
IN_ORDER = ["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"]


@pytest.mark.parametrize("below", ["", "basic"])
def test_known_rows(tmp_path: Path, below: str) -> None:
    result = read_samples(raf_db(tmp_path) / below)
    table = result.samples.table
    assert result.samples.classes == FER7
    assert table["sample_id"].to_pylist() == [
        "Image/aligned/test_0001_aligned.jpg",
        "Image/aligned/train_00001_aligned.jpg",
        "Image/aligned/train_00002_aligned.jpg",
    ]
    assert table["label"].to_pylist() == ["happy", "sad", "surprise"]
    assert table["split"].to_pylist() == ["test", "train", "train"]
    assert [int(face[5, 5]) for face in result.samples.faces()] == [42, 40, 41]
    assert table["subject_id"].null_count == 3


def test_every_code(tmp_path: Path) -> None:
    assert read_samples(raf_db(tmp_path, ALL_CODES)).samples.table["label"].to_pylist() == IN_ORDER


def test_original_pictures_where_there_are_no_aligned_ones(tmp_path: Path) -> None:
    raf_db(tmp_path)
    aligned = tmp_path / "basic" / "Image" / "aligned"
    for path in aligned.iterdir():
        path.rename(path.with_name(path.name.replace("_aligned", "")))
    aligned.rename(aligned.with_name("original"))
    table = read_samples(tmp_path).samples.table
    assert table["sample_id"].to_pylist()[0] == "Image/original/test_0001.jpg"
    assert table["label"].to_pylist() == ["happy", "sad", "surprise"]


def test_every_problem_is_told(tmp_path: Path) -> None:
    raf_db(tmp_path, ALL_CODES | {f"test_{n:04d}.jpg": "7" for n in range(1, 31)})
    listed = tmp_path / "basic" / "EmoLabel" / "list_patition_label.txt"
    more = [
        "",
        "train_00001.jpg 5",
        "train_09999.jpg 4",
        "val_1.jpg 4",
        "test_0001.jpg 9",
        "test_0002.jpg",
        "../x.jpg 3",
    ]
    listed.write_text(listed.read_text() + "\n".join(more))
    with pytest.raises(DataError, match=r"^list_patition_label.txt, line 40: there is no train_09999_aligned.jpg"):
        read_samples(tmp_path)
    result = read_samples(tmp_path, on_error="skip")
    assert len(result.samples) == 37
    assert [(p.kind, p.row) for p in result.problems] == [
        ("missing-file", 40),
        ("unknown-split", 41),
        ("unknown-code", 42),
        ("broken-row", 43),
        ("unknown-split", 44),
        ("doubled", 39),
    ]
    assert result.problems[0].what.startswith("there is no train_09999_aligned.jpg in ")
    assert str(result.problems[2]).startswith("list_patition_label.txt, line 42: the label of test_0001.jpg is '9'")
    assert "1 surprise, 2 fear, 3 disgust, 4 happy, 5 sad, 6 angry, 7 neutral" in result.problems[2].remedy


def test_the_compound_expressions_are_refused(tmp_path: Path) -> None:
    raf_db(tmp_path, {f"train_{n:05d}.jpg": str(n) for n in range(1, 12)})
    with pytest.raises(DataError, match=r"many codes above 7, as RAF-DB's compound expressions do"):
        read_samples(tmp_path, on_error="skip")


def test_no_pictures_beside_the_list(tmp_path: Path) -> None:
    raf_db(tmp_path)
    (tmp_path / "basic" / "Image").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"neither Image/aligned nor Image/original"):
        read_samples(tmp_path)


def test_repacked(tmp_path: Path) -> None:
    samples = read_samples(raf_db_repacked(tmp_path)).samples
    assert samples.table["sample_id"].to_pylist() == [
        "test/7/test_0001_aligned.jpg",
        "train/1/train_00002_aligned.jpg",
        "train/5/train_00001_aligned.jpg",
    ]
    assert samples.table["label"].to_pylist() == ["neutral", "surprise", "sad"]
    assert samples.splits() == {"train": 2, "test": 1}
    assert samples.classes == FER7


def test_repacked_with_something_missing_and_something_too_many(tmp_path: Path) -> None:
    raf_db_repacked(tmp_path)
    (tmp_path / "DATASET" / "train" / "1" / "train_00002_aligned.jpg").unlink()
    picture(tmp_path / "DATASET" / "train" / "8" / "train_00009_aligned.jpg")
    result = read_samples(tmp_path, on_error="skip")
    assert len(result.samples) == 2
    assert [(p.kind, p.where, p.row) for p in result.problems] == [
        ("misplaced", "train/8", None),
        ("missing-file", "train_labels.csv, row 2 (line 3)", 2),
    ]
    assert result.problems[1].what.startswith("there is no train/1/train_00002_aligned.jpg in ")

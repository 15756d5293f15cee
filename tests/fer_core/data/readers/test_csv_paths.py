"""Lists of files that people write themselves."""

from pathlib import Path

import numpy as np
import pytest

from fer_core.data import read_samples
from fer_core.errors import DataError
from fer_core.labels import FER7, ClassSet
from tests.fer_core.data.readers.trees import csv_of_paths, picture, text


def files(root: Path) -> None:
    for value, name in enumerate(("a/1.png", "a/2.png", "b/3.png")):
        picture(root / name, value)


def test_known_rows(tmp_path: Path) -> None:
    files(tmp_path)
    content = (
        "split,Label,image,subject,votes_happy,votes_sad\ntest,joy,b/3.png,Ann,7,3\nTraining,Sadness,a/1.png,,0,10\n"
    )
    samples = read_samples(text(tmp_path / "list.csv", content)).samples
    assert samples.table["sample_id"].to_pylist() == ["a/1.png", "b/3.png"]
    assert samples.table["label"].to_pylist() == ["sad", "happy"]
    assert samples.table["split"].to_pylist() == ["train", "test"]
    assert samples.table["subject_id"].to_pylist() == [None, "Ann"]
    assert samples.table["source"].to_pylist() == ["list.csv"] * 2
    assert samples.classes == FER7
    assert samples.vote_classes == ("happy", "sad")
    np.testing.assert_array_equal(samples.vote_matrix(FER7), [[0, 0, 0, 0, 10, 0, 0], [0, 0, 0, 7, 3, 0, 0]])
    assert [int(face[0, 0]) for face in samples.faces()] == [0, 2]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_byte_order_mark_and_windows(tmp_path: Path, separator: str) -> None:
    files(tmp_path)
    lines = ("filename,class", 'a\\2.PNG,"happy"', "", ".\\B\\3.png,sad")
    content = "\ufeff" + "\r\n".join(lines).replace(",", separator)
    (tmp_path / "list.tsv").write_bytes(content.encode())
    samples = read_samples(tmp_path / "list.tsv").samples
    assert samples.table["sample_id"].to_pylist() == ["a/2.png", "b/3.png"]
    assert samples.table["label"].to_pylist() == ["happy", "sad"]


@pytest.mark.parametrize("column", ["path", "file", "filename", "image", "image_path", "filepath", "img"])
@pytest.mark.parametrize("label", ["label", "emotion", "expression", "class"])
def test_names_of_columns(tmp_path: Path, column: str, label: str) -> None:
    files(tmp_path)
    path = text(tmp_path / "list.csv", f"{label},{column.upper()}\nsad,a/1.png\nhappy,a/2.png\n")
    assert read_samples(path).samples.table["label"].to_pylist() == ["sad", "happy"]


def test_numbers_need_names(tmp_path: Path) -> None:
    files(tmp_path)
    path = text(tmp_path / "list.csv", "path,label\na/1.png,1\na/2.png,0.0\nb/3.png,2\n")
    with pytest.raises(DataError, match=r"are numbers \(0.0, 1, 2\).*classes=ClassSet"):
        read_samples(path)
    own = ClassSet("own", ("happy", "sad"))
    result = read_samples(path, classes=own, on_error="skip")
    assert result.samples.classes == own
    assert result.samples.table["label"].to_pylist() == ["sad", "happy"]
    assert [(p.kind, p.what) for p in result.problems] == [
        ("unknown-code", "the label is 2, but the classes are numbered 0 to 1")
    ]


def test_paths_stay_in_the_folder_of_the_list(tmp_path: Path) -> None:
    root = tmp_path / "set"
    files(root)
    secret = picture(tmp_path / "secret" / "1.png")
    (root / "link.png").symlink_to(secret)
    (root / "door").symlink_to(secret.parent)
    (root / "twin.png").symlink_to(root / "a" / "1.png")
    wrong = [
        "../secret/1.png",
        "a/../../secret/1.png",
        "a\\..\\..\\secret\\1.png",
        str(secret),
        "C:\\secret\\1.png",
        "link.png",
        "door/1.png",
        "/etc/passwd",
        "..",
    ]
    good = ["a/../a/1.png", str(root / "a" / "2.png"), "twin.png"]
    path = text(root / "list.csv", "path,label\n" + "".join(f"{name},sad\n" for name in (*wrong, *good)))
    result = read_samples(path, on_error="skip")
    assert [(p.kind, p.row) for p in result.problems] == [("outside", n) for n in range(1, len(wrong) + 1)]
    assert result.samples.table["sample_id"].to_pylist() == ["a/1.png", "a/2.png", "twin.png"]
    with pytest.raises(DataError, match=r"list.csv, row 1 \(line 2\): \.\./secret/1.png: it leads out of"):
        read_samples(path)


def test_every_other_problem(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "b" / "4.png").write_bytes(b"no picture")
    rows = [
        "a/1.png,sad,train,1",
        "a/9.png,sad,train,1",
        "nowhere/1.png,sad,train,1",
        "a/2.png,,train,1",
        "a/2.png,sad,holdout,1",
        "a/2.png,sad,train,many",
        "a/2.png,sad,train,-1",
        "a/2.png,sad,train,nan",
        "a/2.png,sad",
        ",sad,train,1",
        "A/1.PNG,happy,train,1",
        "b/4.png,sad,train,1",
        "a,sad,train,1",
    ]
    path = text(tmp_path / "list.csv", "\n".join(["path,label,split,votes_sad", *rows]))
    result = read_samples(path, on_error="skip")
    assert result.samples.table["sample_id"].to_pylist() == ["a/1.png"]
    assert [(p.kind, p.row) for p in result.problems] == [
        ("broken-row", 9),
        ("missing-file", 2),
        ("missing-file", 3),
        ("unknown-code", 4),
        ("unknown-split", 5),
        ("unknown-code", 6),
        ("unknown-code", 7),
        ("unknown-code", 8),
        ("missing-file", 10),
        ("doubled", 11),
        ("unreadable", 13),
        ("unreadable", 12),
    ]


def test_names_differing_in_case_alone_are_two_files(tmp_path: Path) -> None:
    picture(tmp_path / "x.png", 1)
    picture(tmp_path / "X.png", 2)
    path = text(tmp_path / "list.csv", "path,label\nX.png,sad\nx.png,happy\n")
    samples = read_samples(path).samples
    assert samples.table["sample_id"].to_pylist() == ["X.png", "x.png"]
    assert [int(face[0, 0]) for face in samples.faces()] == [2, 1]


def test_a_cell_longer_than_any_name(tmp_path: Path) -> None:
    path = csv_of_paths(tmp_path)
    path.write_text(path.read_text() + "x" * 200_000 + ",sad\n")
    with pytest.raises(DataError, match=r"cannot be read as a list at line \d"):
        read_samples(path)


def test_progress_counts_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    read_samples(csv_of_paths(tmp_path), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 2)]

"""AffectNet, as one annotation per picture and as lists."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from fer_core.data import read_samples
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8, FER7
from tests.fer_core.data.readers.trees import AFFECTNET_HEADER, affectnet, affectnet_lists, affectnet_row, picture, text

IN_ORDER = ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"]


def test_known_annotations(tmp_path: Path) -> None:
    result = read_samples(affectnet(tmp_path))
    table = result.samples.table
    assert result.samples.classes == AFFECTNET8
    assert table["sample_id"].to_pylist() == [
        "train_set/images/0.jpg",
        "train_set/images/1.jpg",
        "train_set/images/2.jpg",
        "val_set/images/0.jpg",
    ]
    assert table["label"].to_pylist() == ["happy", "contempt", "neutral", "angry"]
    assert result.samples.splits() == {"train": 3, "validation": 1}
    assert [int(face[5, 5]) for face in result.samples.faces()] == [5, 15, 25, 5]


def test_every_code_whatever_its_type(tmp_path: Path) -> None:
    root = affectnet(tmp_path, {"train_set": tuple("01234567")})
    for code, array in ((1, np.array(1)), (2, np.array(["2"])), (3, np.array([3], dtype=np.int8))):
        np.save(root / "train_set" / "annotations" / f"{code}_exp.npy", array)
    assert read_samples(root).samples.table["label"].to_pylist() == IN_ORDER


def test_seven_classes(tmp_path: Path) -> None:
    result = read_samples(affectnet(tmp_path), classes=FER7)
    assert result.samples.classes == FER7
    assert result.samples.table["label"].to_pylist() == ["happy", "neutral", "angry"]
    assert result.left_out == {"labelled contempt, which is not among the classes": 1}


def test_annotations_that_are_no_numbers_of_a_class(tmp_path: Path) -> None:
    root = affectnet(tmp_path, {"train_set": tuple("0000000000")})
    held = root / "train_set" / "annotations"
    np.save(held / "1_exp.npy", np.array("11"))
    np.save(held / "2_exp.npy", np.array([1, 2]))
    np.save(held / "3_exp.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (held / "4_exp.npy").write_bytes(pickle.dumps("1"))
    (held / "5_exp.npy").write_bytes(b"")
    (held / "6_exp.npy").unlink()
    (root / "train_set" / "images" / "7.jpg").unlink()
    np.save(held / "8_exp.npy", np.array("8"))
    header = (held / "9_exp.npy").read_bytes()
    (held / "9_exp.npy").write_bytes(header.replace(b"'shape': (), ", b"'shape': (999999999999999,), ")[: len(header)])
    result = read_samples(root, on_error="skip")
    assert result.samples.table["sample_id"].to_pylist() == ["train_set/images/0.jpg"]
    assert result.left_out == {"none of the expressions (8)": 1}
    place = "train_set/annotations"
    assert [(p.kind, p.where) for p in result.problems] == [
        ("unknown-code", f"{place}/1_exp.npy"),
        ("unknown-code", f"{place}/2_exp.npy"),
        ("unreadable", f"{place}/3_exp.npy"),
        ("unreadable", f"{place}/4_exp.npy"),
        ("unreadable", f"{place}/5_exp.npy"),
        ("missing-file", f"{place}/7_exp.npy"),
        ("unreadable", f"{place}/9_exp.npy"),
        ("missing-file", "train_set/images/6.jpg"),
    ]
    assert result.problems[0].what == "the expression is '11'"
    assert "0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear, 5 disgust, 6 angry, 7 contempt" in result.problems[0].remedy
    assert "allow_pickle=False" in result.problems[2].what


def test_lists(tmp_path: Path) -> None:
    result = read_samples(affectnet_lists(tmp_path))
    table = result.samples.table
    assert table["sample_id"].to_pylist() == ["3/cc.jpg", "689/aa.jpg"]
    assert table["label"].to_pylist() == ["contempt", "happy"]
    assert table["split"].to_pylist() == ["validation", "train"]
    assert result.samples.classes == AFFECTNET8
    assert result.problems == ()
    assert result.left_out == {"uncertain (9)": 1, "none of the expressions (8)": 1, "no face (10)": 1}


def test_one_list_and_seven_classes(tmp_path: Path) -> None:
    root = affectnet_lists(tmp_path)
    lists = root / "Manually_Annotated_file_lists"
    assert read_samples(lists / "training.csv").samples.splits() == {"train": 1}
    with pytest.raises(DataError, match=r"1 left out: labelled contempt, which is not among the classes"):
        read_samples(lists / "validation.csv", classes=FER7)


def test_problems_of_lists(tmp_path: Path) -> None:
    root = affectnet_lists(tmp_path)
    outside = picture(tmp_path.parent / f"{tmp_path.name}-outside.jpg")
    rows = [
        affectnet_row("689\\aa.JPG", 1),
        affectnet_row("689/gone.jpg", 1),
        affectnet_row("689/aa.jpg", 11),
        affectnet_row(f"../../{outside.name}", 1),
        "689/aa.jpg,1",
        affectnet_row("12/bb.JPG", 2),
    ]
    text(root / "Manually_Annotated_file_lists" / "training.csv", "\n".join([AFFECTNET_HEADER, *rows]))
    result = read_samples(root, on_error="skip")
    assert result.samples.table["sample_id"].to_pylist() == ["12/bb.JPG", "3/cc.jpg", "689/aa.jpg"]
    assert [(p.kind, p.row) for p in result.problems] == [
        ("missing-file", 2),
        ("unknown-code", 3),
        ("outside", 4),
        ("broken-row", 5),
    ]
    assert result.problems[0].where == "training.csv, row 2 (line 3)"


def test_lists_without_pictures(tmp_path: Path) -> None:
    path = text(tmp_path / "training.csv", f"{AFFECTNET_HEADER}\n{affectnet_row('1/a.jpg', 1)}\n")
    with pytest.raises(DataError, match=r"None of the first pictures .* \(such as 1/a.jpg\) is there; unpack"):
        read_samples(path)

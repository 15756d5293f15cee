"""Parquet with pictures: what integer labels mean is read, told or refused, never guessed."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from fer_core.data import read_samples
from fer_core.errors import DataError
from fer_core.labels import FER7, FERPLUS8, ClassSet


def face(value: int) -> NDArray[np.uint8]:
    return np.full((16, 12), value, np.uint8)


def png(value: int) -> bytes:
    return cv2.imencode(".png", face(value))[1].tobytes()


def write(path: Path, columns: dict[str, Any], names: list[str] | None = None) -> Path:
    """A Parquet file; with `names`, the metadata that the `datasets` library writes for a ClassLabel."""
    table = pa.table(columns)
    if names is not None:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path)
    return path


def test_hugging_face_structs_and_class_label(tmp_path: Path) -> None:
    structs = [{"bytes": png(v), "path": f"{v}.png"} for v in (10, 20, 30)]
    path = write(
        tmp_path / "test-00000-of-00001.parquet",
        {"image": structs, "label": [2, 0, -1]},
        ["sadness", "Anger", "happiness"],
    )
    samples = read_samples(path).samples
    assert samples.classes.names == ("sad", "angry", "happy")
    assert samples.table["label"].to_pylist() == ["happy", "sad", None]  # -1 means "not labelled" there
    assert samples.splits() == {"test": 3}
    np.testing.assert_array_equal(samples.pixels(), np.stack([face(v) for v in (10, 20, 30)]))
    assert samples.table["width"].to_pylist() == [12, 12, 12]
    assert samples.table["height"].to_pylist() == [16, 16, 16]


def test_a_folder_of_parts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    names = ["angry", "happy"]
    write(tmp_path / "data" / "train-00001-of-00002.parquet", {"image": [png(3)], "label": [0]}, names)
    write(tmp_path / "data" / "train-00000-of-00002.parquet", {"image": [png(1), png(2)], "label": [1, 1]}, names)
    write(tmp_path / "data" / "validation-00000-of-00001.parquet", {"image": [png(4)], "label": [0]}, names)
    samples = read_samples(tmp_path).samples
    assert samples.pixels()[:, 0, 0].tolist() == [1, 2, 3, 4]
    assert samples.splits() == {"train": 3, "validation": 1}
    assert samples.table["label"].to_pylist() == ["happy", "happy", "angry", "angry"]

    write(tmp_path / "data" / "test-00000-of-00001.parquet", {"image": [png(4)], "label": [0]}, names[::-1])
    with pytest.raises(DataError, match="other columns or classes than the first part"):
        read_samples(tmp_path)


@pytest.mark.parametrize("column", ["label", "labels", "emotion"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_names_as_labels(tmp_path: Path, column: str, dictionary: bool) -> None:
    labels = pa.array(["Happiness", "anger", "Happiness"])
    path = write(
        tmp_path / "a.parquet",
        {"image": [png(1), png(2), png(3)], column: labels.dictionary_encode() if dictionary else labels},
    )
    samples = read_samples(path).samples
    assert samples.classes == FER7
    assert samples.table["label"].to_pylist() == ["happy", "angry", "happy"]
    assert samples.splits() == {"train": 3}


def test_integers_without_names_are_refused_with_the_ways_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": [png(1), png(2)], "label": [0, 1]})
    with pytest.raises(DataError) as caught:
        read_samples(path)
    for part in ("column label", "does not say which classes", "classes=ClassSet", "call the column emotion"):
        assert part in str(caught.value)

    told = read_samples(path, classes=FERPLUS8).samples
    assert told.table["label"].to_pylist() == ["neutral", "happy"]
    assert told.classes == FERPLUS8


def test_emotion_is_the_code_of_fer2013(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": [png(1), png(2)], "emotion": [6, 1], "usage": ["Training", "val"]})
    samples = read_samples(path).samples
    assert samples.table["label"].to_pylist() == ["neutral", "disgust"]
    assert samples.splits() == {"train": 1, "validation": 1}


def test_ferplus_columns_become_votes(tmp_path: Path) -> None:
    columns = {"image": [png(1), png(2)], "emotion": [0, 3], "ferplus_anger": [7, 1], "ferplus_nf": [3, None]}
    samples = read_samples(write(tmp_path / "a.parquet", columns)).samples
    assert samples.vote_classes == ("angry", "nf")
    assert samples.table["votes"].to_pylist() == [[7, 3], None]
    assert samples.vote_matrix(ClassSet("two", ("happy", "angry"))).tolist() == [[0, 7], [0, 0]]


@pytest.mark.parametrize(
    ("image", "label", "usage", "said"),
    [
        (b"\x89PNG\r\n\x1a\nnonsense", 3, "Training", "the picture begins like a PNG picture"),
        (png(5)[:50], 3, "Training", "the picture begins like a PNG picture"),
        (b"GIF", 3, "Training", "the picture seems to be text"),
        (None, 3, "Training", "the cell holds no picture"),
        (b"", 3, "Training", "the cell holds no picture"),
        (png(5), 7, "Training", "the label is 7, but the classes are numbered 0 to 6"),
        (png(5), 3, "Holdout", "the split is 'Holdout'"),
        (png(5), 3, None, "the split is None"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, image: bytes | None, label: int, usage: str | None, said: str) -> None:
    columns = {
        "image": [png(1), image, png(3)],
        "emotion": [0, label, 6],
        "usage": ["Training", usage, "PublicTest"],
    }
    path = write(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError) as caught:
        read_samples(path)
    assert str(caught.value).startswith(f"a.parquet, row 2: {said}")

    result = read_samples(path, on_error="skip")
    assert result.samples.table["sample_id"].to_pylist() == ["a.parquet:1", "a.parquet:3"]
    assert [(p.row, p.where) for p in result.problems] == [(2, "a.parquet, row 2")]


def test_wrong_columns_and_types(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has the columns picture, label; needed are image"):
        read_samples(write(tmp_path / "a.parquet", {"picture": [png(1)], "label": ["sad"]}))
    with pytest.raises(DataError, match=r"label of .* is of type double"):
        read_samples(write(tmp_path / "b.parquet", {"image": [png(1)], "label": [0.5]}))
    with pytest.raises(DataError, match="row 1: the cell holds int, not an encoded picture"):
        read_samples(write(tmp_path / "c.parquet", {"image": [7], "label": ["sad"]}))
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"d.parquet is not a readable Parquet file"):
        read_samples(tmp_path / "d.parquet")


def test_a_jpeg_is_the_same_picture_here_and_in_a_folder(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    for name in ("angry", "happy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(jpeg)
    path = write(tmp_path / "a.parquet", {"image": [jpeg, jpeg], "label": ["angry", "happy"]})
    assert read_samples(path).samples.data_hash() == read_samples(tmp_path / ".").samples.data_hash()


def test_progress_counts_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": [png(1)] * 600, "emotion": [3] * 600})
    seen: list[tuple[int, int]] = []
    read_samples(path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(512, 600), (600, 600)]

"""The sample table: what it accepts, what it gives back, and what survives Parquet."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_core.data import SCHEMA, SampleTable, canonical_split, read_samples
from fer_core.data.pictures import pack_grey, pixel_hash
from fer_core.errors import DataError, ImageError
from fer_core.labels import FER7, FERPLUS8, ClassSet

GREY = np.arange(80, dtype=np.uint8).reshape(8, 10)
VOTES = ("anger", "happiness", "unknown")


def columns(**changes: Any) -> dict[str, Any]:
    """Four rows: happy and sad to train on, one without a label to validate, one without votes to test."""
    base: dict[str, Any] = {
        "sample_id": ["a", "b", "c", "d"],
        "image": [pack_grey(GREY)] * 4,
        "label": ["happy", "sad", None, "angry"],
        "votes": [[1, 8, 1], [4, 3, 2], [0, 0, 9], None],
        "split": ["train", "train", "validation", "test"],
        "width": [10] * 4,
        "height": [8] * 4,
        "source": ["made up"] * 4,
        "sha256": ["1", "2", "3", "4"],
    }
    return base | changes


def table(**changes: Any) -> SampleTable:
    return SampleTable.from_columns(columns(**changes), FER7, VOTES)


def test_lengths_splits_and_labels() -> None:
    samples = table()
    assert len(samples) == 4
    assert samples.splits() == {"train": 2, "validation": 1, "test": 1}
    assert samples.label_indices().tolist() == [3, 4, -1, 0]
    assert samples.label_indices().dtype == np.int64
    assert samples.vote_classes == ("angry", "happy", "unknown")
    assert samples.table["phash"].to_pylist() == [None] * 4


@pytest.mark.parametrize("name", ["validation", "val", "PublicTest", " Validation "])
def test_a_split_by_any_spelling(name: str) -> None:
    part = table().split(name)
    assert part.table["sample_id"].to_pylist() == ["c"]
    assert part.classes == FER7
    assert part.vote_classes == ("angry", "happy", "unknown")


def test_an_absent_split_names_those_there_are() -> None:
    with pytest.raises(DataError, match=r"no split 'test' here. .*train \(2 samples\)") as caught:
        table().split("Training").split("test")
    assert "validation" not in str(caught.value)
    with pytest.raises(DataError, match="no split 'holdout'"):
        table().split("holdout")


def test_split_spellings() -> None:
    spellings = ("Training", "PublicTest", "PrivateTest", "dev", "holdout")
    assert [canonical_split(s) for s in spellings] == ["train", "validation", "test", "validation", None]


def test_votes_are_matched_by_name() -> None:
    matrix = table().vote_matrix(FER7)
    expected = np.zeros((4, 7))
    expected[0, [0, 3]] = [1, 8]
    expected[1, [0, 3]] = [4, 3]
    np.testing.assert_array_equal(matrix, expected)  # "unknown" is dropped; d has no votes
    assert matrix.dtype == np.float32
    plus = table().vote_matrix(FERPLUS8)
    assert plus[1].tolist() == [0, 3, 0, 0, 4, 0, 0, 0]


def test_no_votes_at_all() -> None:
    samples = SampleTable.from_columns(columns(votes=[None] * 4), FER7)
    np.testing.assert_array_equal(samples.vote_matrix(FER7), np.zeros((4, 7)))


def test_pixels_by_hand() -> None:
    samples = table()
    np.testing.assert_array_equal(samples.decode(2), GREY)
    assert samples.pixels().shape == (4, 8, 10)
    # 10 x 8 onto 4 x 4 by area: columns 0, 1 and half of 2, rows 0 and 1 (10 apart): (0 + 1 + 1) / 2.5 + 5 = 5.8.
    assert samples.pixels(4).shape == (4, 4, 4)
    assert samples.pixels(4)[0, 0, 0] == 6
    assert samples.pixels(40).shape == (4, 40, 40)


def test_pixels_of_different_sizes_need_a_size() -> None:
    other = table(image=[pack_grey(GREY)] * 3 + [pack_grey(GREY.T)])
    with pytest.raises(DataError, match=r"2 different sizes \(10 x 8, 8 x 10"):
        other.pixels()
    assert other.pixels(16).shape == (4, 16, 16)


def test_colour_stays_colour_and_turns_grey_by_bt601() -> None:
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[...] = (200, 100, 50)
    png = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    samples = table(image=[png] * 4)
    np.testing.assert_array_equal(samples.faces()[3], rgb)
    # 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 59.8 + 58.7 + 5.7 = 124.2
    assert samples.pixels()[0, 0, 0] == 124


def test_an_empty_table() -> None:
    empty = SampleTable.from_columns({}, FER7)
    assert len(empty) == 0
    assert empty.splits() == {}
    assert empty.faces() == []
    assert empty.pixels().shape == (0, 0, 0)
    assert empty.pixels(48).shape == (0, 48, 48)
    assert empty.label_indices().shape == (0,)
    assert empty.vote_matrix(FER7).shape == (0, 7)
    with pytest.raises(DataError, match="none, the table is empty"):
        empty.split("train")


def test_a_picture_that_cannot_be_read_names_its_sample() -> None:
    samples = table(image=[pack_grey(GREY), b"\x89PNG\r\n\x1a\nnonsense", b"", pack_grey(GREY)[:30]])
    for row, name in ((1, "b"), (2, "c"), (3, "d")):
        with pytest.raises(ImageError, match=f"Sample {name}: "):
            samples.decode(row)
    moved = table(image=[None] * 4, path=["/nowhere/x.png"] * 4)
    with pytest.raises(ImageError, match=r"Sample a \(/nowhere/x.png\): "):
        moved.faces()


def test_data_hash_by_hand() -> None:
    text = "1 happy train\n2 sad train\n3  validation\n4 angry test"
    assert table().data_hash() == hashlib.sha256(text.encode()).hexdigest()


def test_data_hash_ignores_order_and_ids_but_not_labels() -> None:
    samples = table()
    turned = dataclasses.replace(samples, table=samples.table.take([3, 1, 0, 2]))
    assert turned.data_hash() == samples.data_hash()
    assert table(sample_id=["p", "q", "r", "s"]).data_hash() == samples.data_hash()
    assert table(label=["happy", "sad", "sad", "angry"]).data_hash() != samples.data_hash()
    assert table(split=["train"] * 4).data_hash() != samples.data_hash()


def test_round_trip_through_parquet(tmp_path: Path) -> None:
    classes = ClassSet("mine", ("sad", "happy", "angry", "bored"))
    samples = SampleTable.from_columns(columns(), classes, VOTES)
    path = tmp_path / "deep" / "table.parquet"
    samples.save(path)
    for again in (SampleTable.load(path), read_samples(path).samples):
        assert again.classes == classes
        assert again.classes.name == "mine"
        assert again.vote_classes == ("angry", "happy", "unknown")
        assert again.table.equals(samples.table)
        assert again.table.schema.names == SCHEMA.names
        assert again.label_indices().tolist() == [1, 0, -1, 2]


def test_load_refuses_other_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"):
        SampleTable.load(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        SampleTable.load(tmp_path / "text.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="not a saved sample table"):
        SampleTable.load(tmp_path / "other.parquet")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sample_id": ["a", "b", "a", "d"]}, "'a' stands 2 times"),
        ({"label": ["happy", "bored", None, "angry"]}, r"label\(s\) bored are not among the classes angry"),
        ({"split": ["train", "train", "val", "test"]}, r"Unknown split\(s\) val; a split is one of train"),
        ({"image": [None] + [b"x"] * 3}, r"1 sample\(s\) have neither"),
        ({"votes": [[1, 2], [1, 2, 3], None, None]}, "A row has 2 votes, but there are 3 vote classes"),
        ({"width": [10, 10, None, 10]}, "column width has 1 empty"),
        ({"source": ["x"]}, "equally long"),
        ({"mood": [1, 2, 3, 4]}, "no column mood"),
    ],
)
def test_what_a_table_refuses(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(**changes)


def test_a_foreign_arrow_table_is_refused() -> None:
    with pytest.raises(DataError, match="has the columns sample_id, path"):
        SampleTable(pa.table({"a": [1]}), FER7)
    wrong = table().table
    wrong = wrong.set_column(9, "width", wrong["width"].cast(pa.int64()))
    with pytest.raises(DataError, match="column width of a sample table is of type int32, not int64"):
        SampleTable(wrong, FER7, VOTES)


def test_pixel_hash_by_hand() -> None:
    expected = hashlib.sha256(b"8 10 1\n" + bytes(range(80))).hexdigest()
    assert pixel_hash(GREY) == expected
    assert pixel_hash(np.repeat(GREY[:, :, None], 3, axis=2)) == expected
    assert pixel_hash(GREY.reshape(10, 8)) != expected
    colour = np.zeros((1, 1, 3), np.uint8)
    colour[0, 0] = (1, 2, 3)
    assert pixel_hash(colour) == hashlib.sha256(b"1 1 3\n\x01\x02\x03").hexdigest()


def test_a_side_that_shrinks_is_averaged_also_where_the_other_grows() -> None:
    # 64 columns to 16: each is the mean of four, (0 + 0 + 0 + 200) / 4; sampling between the middle two would give 0.
    picture = np.tile(np.array([0, 0, 0, 200], np.uint8), (8, 16))
    columns = {
        "sample_id": ["a"],
        "image": [pack_grey(picture)],
        "label": ["happy"],
        "split": ["train"],
        "width": [64],
        "height": [8],
        "source": ["made"],
        "sha256": ["0"],
    }
    table = SampleTable.from_columns(columns, FER7)
    np.testing.assert_array_equal(table.pixels(16), np.full((1, 16, 16), 50))

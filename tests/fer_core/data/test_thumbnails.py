"""Thumbnails: the sample's own picture, in its own colours, at most as large as asked for."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.data.pictures import pack_grey
from fer_core.data.store import DataSet, keep
from fer_core.data.thumbnails import data_uri, fitted, thumbnails
from fer_core.labels import FER7


def shown(uri: str | None) -> tuple[str, np.ndarray]:
    """Kind and pixels, grey or RGB, of a data URI."""
    assert uri is not None
    head, _, data = uri.partition(";base64,")
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(data, validate=True), np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return head.removeprefix("data:image/"), pixels if pixels.ndim == 2 else pixels[..., ::-1]


def kept(pictures: list[bytes | None], paths: list[str | None] | None = None) -> DataSet:
    n = len(pictures)
    columns = {
        "sample_id": [str(i) for i in range(n)], "image": pictures, "path": paths or [None] * n, "split": ["train"] * n,
        "width": [8] * n, "height": [8] * n, "source": ["made"] * n, "sha256": [str(i) for i in range(n)],
        "phash": ["0" * 16] * n,
    }  # fmt: skip
    return keep("made", SampleTable.from_columns(columns, FER7), "")


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture if picture.ndim == 2 else picture[..., ::-1])[1].tobytes()


def test_each_row_gets_its_own_picture(few: SampleTable) -> None:
    data_set = keep("few", few, "")
    faces = few.faces()
    rows = [7, 0, 7, 41]
    for row, uri in zip(rows, thumbnails(data_set, rows), strict=True):
        kind, pixels = shown(uri)
        assert kind == "png"
        assert np.array_equal(pixels, faces[row]), "small ones are not changed at all"
    assert thumbnails(data_set, []) == []


def test_colours_and_proportions() -> None:
    picture = np.zeros((200, 400, 3), np.uint8)
    picture[:, :200] = (220, 30, 60)
    picture[:, 200:] = (10, 90, 240)
    kind, pixels = shown(thumbnails(kept([png(picture)]), [0])[0])
    assert (kind, pixels.shape) == ("jpeg", (80, 160, 3))
    assert pixels[40, 30].tolist() == pytest.approx((220, 30, 60), abs=8)
    assert pixels[40, 130].tolist() == pytest.approx((10, 90, 240), abs=8)
    kind, pixels = shown(thumbnails(kept([png(picture)]), [0], side=96)[0])
    assert (kind, pixels.shape) == ("png", (48, 96, 3))


def test_shrinking_is_the_mean_of_what_is_covered() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    expected = picture.reshape(4, 2, 4, 2).mean((1, 3))
    assert fitted(picture, 4) == pytest.approx(expected, abs=0.5)
    assert fitted(picture, 8) is picture
    assert fitted(np.zeros((1, 1000), np.uint8), 100).shape == (1, 100), "no side becomes nothing"


@pytest.mark.parametrize(("side", "kind"), [(96, "png"), (97, "jpeg")])
def test_small_ones_stay_lossless(side: int, kind: str) -> None:
    assert shown(data_uri(np.full((10, side), 7, np.uint8)))[0] == kind


def test_what_cannot_be_read_is_none_and_the_others_are_shown(tmp_path: Path) -> None:
    grey = np.full((48, 48), 90, np.uint8)
    data_set = kept([None, b"nonsense", pack_grey(grey)], [str(tmp_path / "gone.png"), None, None])
    gone, broken, fine = thumbnails(data_set, [0, 1, 2])
    assert (gone, broken) == (None, None)
    assert np.array_equal(shown(fine)[1], grey)


def test_pictures_of_a_data_set_that_was_cut_down(few: SampleTable) -> None:
    data_set = keep("few", few, "")
    data_set.add_version(dataclasses.replace(few, table=few.table.slice(30, 5)), "five")
    assert np.array_equal(shown(thumbnails(data_set, [2])[0])[1], few.faces()[2]), "rows count from the import"

"""Class folders, and paths that hold nothing that can be read."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.data import read_samples, readers
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8, FER7


def picture(path: Path, value: int = 50, size: tuple[int, int] = (10, 12)) -> Path:
    """A grey picture of one value; `size` is (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full(size, value, np.uint8))
    return path


def test_classes_below_the_root(tmp_path: Path) -> None:
    picture(tmp_path / "Happiness" / "b.png", 2)
    picture(tmp_path / "Happiness" / "a.png", 1)
    picture(tmp_path / "fear" / "z.JPG", 3, (20, 30))
    picture(tmp_path / "fear" / ".hidden.png")
    picture(tmp_path / "__MACOSX" / "fear" / "x.png")
    (tmp_path / "fear" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "notes").mkdir()
    result = read_samples(tmp_path)
    samples = result.samples
    assert result.problems == ()
    assert samples.table["sample_id"].to_pylist() == ["Happiness/a.png", "Happiness/b.png", "fear/z.JPG"]
    assert samples.table["label"].to_pylist() == ["happy", "happy", "fear"]
    assert samples.table["split"].to_pylist() == ["train"] * 3
    assert samples.table["width"].to_pylist() == [12, 12, 30]
    assert samples.table["height"].to_pylist() == [10, 10, 20]
    assert samples.table["path"].to_pylist()[2] == str(tmp_path.resolve() / "fear" / "z.JPG")
    assert samples.table["image"].null_count == 3
    assert samples.classes == FER7
    assert [int(f[0, 0]) for f in samples.faces()] == [1, 2, 3]


def test_split_folders(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "angry" / "1.png", 1)
    picture(tmp_path / "train" / "contempt" / "1.png", 2)
    picture(tmp_path / "val" / "angry" / "1.png", 3)
    picture(tmp_path / "PrivateTest" / "sad" / "1.png", 4)
    samples = read_samples(tmp_path).samples
    assert samples.splits() == {"train": 2, "validation": 1, "test": 1}
    assert samples.classes == AFFECTNET8
    assert samples.split("val").table["sample_id"].to_pylist() == ["val/angry/1.png"]


def test_names_outside_the_known_sets_are_kept_in_alphabetical_order(tmp_path: Path) -> None:
    for name in ("zest", "bored", "joy"):
        picture(tmp_path / name / "1.png")
    assert read_samples(tmp_path).samples.classes.names == ("bored", "happy", "zest")


def test_unreadable_pictures_are_problems(tmp_path: Path) -> None:
    picture(tmp_path / "sad" / "1.png", 1)
    picture(tmp_path / "happy" / "1.png", 2)
    (tmp_path / "happy" / "0.png").write_bytes(b"")
    cut = picture(tmp_path / "sad" / "2.png")
    cut.write_bytes(cut.read_bytes()[:40])
    with pytest.raises(DataError, match=r"^happy/0.png: the picture is empty \(0 bytes\)"):
        read_samples(tmp_path)
    result = read_samples(tmp_path, on_error="skip")
    assert result.samples.table["sample_id"].to_pylist() == ["happy/1.png", "sad/1.png"]
    assert [(p.where, p.row) for p in result.problems] == [("happy/0.png", None), ("sad/2.png", None)]
    assert "begins like a PNG picture but cannot be decoded" in result.problems[1].what


def test_links_out_of_the_data_set_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "set"
    picture(root / "sad" / "1.png", 1)
    picture(root / "happy" / "1.png", 2)
    secret = picture(tmp_path / "elsewhere" / "secret.png", 3)
    (root / "sad" / "link.png").symlink_to(secret)
    (root / "angry").symlink_to(secret.parent)
    (root / "happy" / "twin.png").symlink_to(root / "sad" / "1.png")
    with pytest.raises(DataError, match=r"angry: it leads out of .*copy the pictures into it"):
        read_samples(root)
    result = read_samples(root, on_error="skip")
    assert sorted(p.where for p in result.problems) == ["angry", "sad/link.png"]
    assert result.samples.table["sample_id"].to_pylist() == ["happy/1.png", "happy/twin.png", "sad/1.png"]


def test_nothing_with_pictures_is_lost_silently(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "sad" / "1.png")
    picture(tmp_path / "train" / "happy" / "1.png")
    picture(tmp_path / "train" / "happy" / "more" / "1.png")
    picture(tmp_path / "train" / "angry" / "session1" / "1.png")
    picture(tmp_path / "fear" / "1.png")
    picture(tmp_path / "holdout" / "sad" / "1.png")
    picture(tmp_path / "preview.png")
    picture(tmp_path / "train" / "loose.png")
    result = read_samples(tmp_path, on_error="skip")
    assert {p.where: p.what for p in result.problems} == {
        "fear": "it holds pictures but belongs to no split",
        "holdout": "it holds pictures but belongs to no split",
        "preview.png": "it is a picture outside the class folders",
        "train/loose.png": "it is a picture outside the class folders",
        "train/happy/more": "it is a folder of pictures inside a class folder",
        "train/angry/session1": "it is a folder of pictures inside a class folder",
    }
    assert result.samples.table["sample_id"].to_pylist() == ["train/happy/1.png", "train/sad/1.png"]


def test_progress_counts_files(tmp_path: Path) -> None:
    for i in range(101):
        picture(tmp_path / ("sad" if i % 2 else "happy") / f"{i}.png")
    seen: list[tuple[int, int]] = []
    read_samples(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(100, 101), (101, 101)]


def test_folders_that_do_not_say_what_they_hold(tmp_path: Path) -> None:
    picture(tmp_path / "one" / "images" / "1.png")
    with pytest.raises(DataError, match=r"pictures of fewer than two classes \(images\)"):
        read_samples(tmp_path / "one")
    picture(tmp_path / "rafdb" / "train" / "1" / "1.png")
    picture(tmp_path / "rafdb" / "train" / "2" / "1.png")
    with pytest.raises(DataError, match=r"class folders 1, 2 of .* are numbers.*rename the folders"):
        read_samples(tmp_path / "rafdb")


def test_every_way_to_hold_nothing(tmp_path: Path) -> None:
    layouts = [r.describe for r in readers()]

    def said(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            read_samples(path)
        assert all(layout in str(caught.value) for layout in layouts)
        return str(caught.value)

    assert said(tmp_path / "nowhere").startswith(f"There is no file or folder {tmp_path / 'nowhere'}")
    (tmp_path / "empty").mkdir()
    assert f"The folder {tmp_path / 'empty'} is empty" in said(tmp_path / "empty")
    (tmp_path / "flat").mkdir()
    picture(tmp_path / "flat" / "1.png")
    assert "has no class folders with pictures in them; it holds 1.png" in said(tmp_path / "flat")
    for name in ("sad", "happy"):
        picture(tmp_path / "archive" / "images" / "train" / name / "1.png")
    assert f"but {tmp_path / 'archive' / 'images'} does; choose that one" in said(tmp_path / "archive")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    assert "ends in '.zip' and has no known layout" in said(tmp_path / "a.zip")
    (tmp_path / "other.csv").write_text("age,name\n1,2\n")
    assert "has the columns age, name, which fit no known layout" in said(tmp_path / "other.csv")
    (tmp_path / "nil.csv").write_text("")
    assert "is empty (0 bytes)" in said(tmp_path / "nil.csv")


def test_the_names_of_known_data_sets_tell_who_is_on_a_picture(tmp_path: Path) -> None:
    picture(tmp_path / "angry" / "AF01ANS.JPG")
    picture(tmp_path / "happy" / "S010_004_00000017.png")
    picture(tmp_path / "happy" / "KL.HA1.158.tiff.png")
    picture(tmp_path / "sad" / "YM.SA1.55.png")
    picture(tmp_path / "sad" / "holiday.png")
    samples = read_samples(tmp_path).samples
    assert dict(zip(samples.table["sample_id"].to_pylist(), samples.table["subject_id"].to_pylist(), strict=True)) == {
        "angry/AF01ANS.JPG": "F01",
        "happy/S010_004_00000017.png": "S010",
        "happy/KL.HA1.158.tiff.png": None,
        "sad/YM.SA1.55.png": "YM",
        "sad/holiday.png": None,
    }


def test_a_name_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "1.png")
    picture(tmp_path / "sad" / "2.png")
    data = (tmp_path / "sad" / "2.png").read_bytes()
    Path(os.fsdecode(bytes(tmp_path / "sad") + b"/caf\xe9.png")).write_bytes(data)
    result = read_samples(tmp_path, on_error="skip", cache_file=tmp_path / "cache" / "looks.sqlite")
    assert [(p.kind, p.where, p.what) for p in result.problems] == [
        ("misnamed", "sad/caf?.png", "its name is not written in UTF-8")
    ]
    assert result.samples.table["sample_id"].to_pylist() == ["happy/1.png", "sad/2.png"]

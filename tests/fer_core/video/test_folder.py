"""Folders and archives of pictures, with stand-in models; and both commands with the shipped one."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fer_core.__main__ import app
from fer_core.errors import DataError
from fer_core.live import LiveOptions
from fer_core.predict import get_predictor, predict_image
from fer_core.sample import sample_photograph
from fer_core.video import Job, Result, analyse_pictures
from tests.fer_core.live.standins import HAPPY, Brightest, Classifier, frame
from tests.fer_core.video.films import film


class Model(Classifier):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.card.temperature, self.model_hash = 1.0, "0" * 64


def job(answer: Any = HAPPY, **how: Any) -> Job:
    return Job(Model(answer), Brightest(), LiveOptions(mirror=False, bars=False), **how)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures with a face, one without, one damaged, and what is no picture."""
    place = tmp_path / "pictures"
    (place / "more").mkdir(parents=True)
    Image.fromarray(frame(100, 60)).save(place / "b.png")
    Image.fromarray(frame(20, 30)).save(place / "more" / "001.png")
    Image.fromarray(np.full((60, 80, 3), 30, np.uint8)).save(place / "a, dark.png")
    (place / "c.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (place / "notes.txt").write_text("no picture")
    (place / "film.mp4").write_bytes(b"")
    (place / ".hidden.png").write_bytes(b"")
    (place / "link.png").symlink_to(place / "b.png")
    return place


def test_every_picture_is_told_of(folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    summary = analyse_pictures(folder, tmp_path / "out", job(progress=lambda *at: told.append(at)))
    found = Result(tmp_path / "out").rows()
    assert [(row["file"], row["face"], row["label"], row["p_happy"]) for row in found] == [
        ("b.png", 1, "happy", 0.9),
        ("more/001.png", 1, "happy", 0.9),
    ]
    assert [found[1][side] for side in ("x", "y", "width", "height")] == [20, 30, 96, 96]
    pictures = {row["file"]: row for row in Result(tmp_path / "out").pictures()}
    assert list(pictures) == ["a, dark.png", "b.png", "c.jpg", "more/001.png"]
    assert (pictures["a, dark.png"]["faces"], pictures["a, dark.png"]["shown"]) == (0, None)
    assert (pictures["b.png"]["faces"], pictures["b.png"]["shown"]) == (1, "1 happy")
    assert "cannot be decoded" in pictures["c.jpg"]["problem"]
    drawn = np.asarray(Image.open(tmp_path / "out" / pictures["b.png"]["drawn"]))
    assert drawn.shape == (240, 320, 3)
    assert np.abs(drawn[46:58, 106:150].astype(int) - (0xE6, 0x9F, 0)).max(2).min() < 60  # the tag above the box
    counted = {key: summary[key] for key in ("frames", "faces", "frames_without_face", "unreadable")}
    assert counted == {"frames": 4, "faces": 2, "frames_without_face": 1, "unreadable": 1}
    assert summary["notes"] == ["Left out as no pictures: 1 x video, 1 x .txt."]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_below_the_threshold_a_face_is_unsure(folder: Path, tmp_path: Path) -> None:
    answer = np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1])
    analyse_pictures(folder, tmp_path / "out", job(answer, annotated=False))
    (first, _) = Result(tmp_path / "out").rows()
    assert (first["label"], first["shown"]) == ("angry", "unsure")
    assert Result(tmp_path / "out").shares() == {"unsure": 1.0}
    assert not (tmp_path / "out" / "annotated").exists()


def test_archives(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(folder / "b.png", "one/b.png")
        packed.write(folder / "more" / "001.png", "two/001.png")
    assert analyse_pictures(archive, tmp_path / "out", job())["faces"] == 2
    assert [row["file"] for row in Result(tmp_path / "out").rows()] == ["one/b.png", "two/001.png"]
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(folder / "b.png", "../b.png")
    with pytest.raises(DataError, match=r"\.\./b\.png"):
        analyse_pictures(archive, tmp_path / "out", job())
    assert not (tmp_path / "b.png").exists()


def test_nothing_to_read(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"empty holds no picture \(it is empty\)"):
        analyse_pictures(empty, tmp_path / "out", job())
    (empty / "film.mp4").touch()
    with pytest.raises(DataError, match=r"empty holds no picture \(1 x video\)"):
        analyse_pictures(empty, tmp_path / "out", job())
    with pytest.raises(DataError, match="There is no folder and no archive"):
        analyse_pictures(tmp_path / "missing", tmp_path / "out", job())
    with pytest.raises(DataError, match="would lie among the pictures"):
        analyse_pictures(folder, folder / "out", job())


def test_only_uploads_are_ever_deleted(folder: Path, home: Path) -> None:
    before = sorted(folder.rglob("*"))
    said = CliRunner().invoke(app, ["folder", str(folder), "--out", str(home / "out"), "--discard"])
    assert said.exit_code == 2
    assert "is no upload of this workspace and is not deleted" in said.stderr
    (home / "uploads").mkdir(parents=True)
    (home / "uploads" / "mine").symlink_to(folder)
    said = CliRunner().invoke(app, ["folder", str(home / "uploads" / "mine"), "--out", str(home / "out"), "--discard"])
    assert said.exit_code == 2
    assert sorted(folder.rglob("*")) == before
    assert not (home / "out").exists()


def test_commands_with_the_shipped_model(tmp_path: Path, home: Path) -> None:
    picture = sample_photograph()[20:260, 80:400]
    (tmp_path / "in").mkdir()
    Image.fromarray(picture).save(tmp_path / "in" / "astronaut.png")
    said = CliRunner().invoke(app, ["folder", str(tmp_path / "in"), "--out", str(tmp_path / "o1"), "--json"])
    assert said.exit_code == 0, said.output
    (row,) = Result(tmp_path / "o1").rows()
    from fer_core.faces import get_detector

    (face,) = predict_image(picture, get_predictor("compact"), get_detector())
    assert row["p_happy"] == pytest.approx(face.probabilities[3], abs=1e-6)
    assert json.loads(said.stdout)["shares"] == {"happy": 1.0}

    (home / "uploads").mkdir(parents=True)
    path = film(home / "uploads" / "a.mkv", [picture] * 4, codec="mjpeg")
    arguments = ["video", str(path), "--out", str(tmp_path / "o2"), "--discard"]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    assert "a.mkv: 4 frames, 4 faces, 0 frames without" in said.stdout
    assert "face 1: 0.0 to 0.1 s, happy in 100.0 % of 4 frames" in said.stdout
    with (tmp_path / "o2" / "faces.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            assert float(line["p_happy"]) == pytest.approx(face.probabilities[3], abs=0.02)  # what the codec loses
    assert not path.exists()
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 2
    assert "is not a file; give the path of a video." in said.stderr

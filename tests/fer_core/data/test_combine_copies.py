"""Augmented copies: bound to their originals, repeatable, and changed by what was asked for alone."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.data.combine import CopyStyle, augmented_copies, split_samples
from fer_core.data.looks import LOOK_COLUMNS, looks
from fer_core.data.pictures import pack_grey, pixel_hash
from fer_core.errors import DataError
from fer_core.labels import FER7

STILL = {"rotate_deg": 0.0, "shift": 0.0, "scale": 0.0}


def rows(samples: SampleTable, start: int) -> list[dict[str, object]]:
    return list(samples.table.slice(start).to_pylist())


def one_face(face: np.ndarray, suffix: str = "pgm", **columns: object) -> SampleTable:
    data = pack_grey(face) if suffix == "pgm" else cv2.imencode(f".{suffix}", face[..., ::-1])[1].tobytes()
    base = {
        "sample_id": ["a"],
        "image": [data],
        "label": ["fear"],
        "split": ["train"],
        "subject_id": ["S1"],
        "width": [face.shape[1]],
        "height": [face.shape[0]],
        "source": ["made"],
        "sha256": [pixel_hash(face)],
    }
    return SampleTable.from_columns(base | columns, FER7, ("fear", "sad") if "votes" in columns else ())


def test_copies_are_bound_to_their_originals(drawn: SampleTable) -> None:
    result = augmented_copies(drawn, {"Disgusted": 20, "fear": 3}, seed=4)
    assert result.table.slice(0, len(drawn)).equals(drawn.table)
    own = {row["sample_id"]: row for row in rows(drawn, 0)}
    made = rows(result, len(drawn))
    assert Counter(row["label"] for row in made) == {"disgust": 20, "fear": 3}
    for row in made:
        parent = own[row["parent_id"]]
        assert parent["split"] == row["split"] == "train"
        assert str(row["sample_id"]).startswith(f"{row['parent_id']}#aug")
        assert (row["source"], row["subject_id"], row["path"]) == (parent["source"], parent["subject_id"], None)
        assert row["sha256"] != parent["sha256"]
    copied = Counter(row["parent_id"] for row in made if row["label"] == "disgust")
    assert sorted(copied.values()) == [1] * 12 + [2] * 4  # 16 originals, 20 copies


def test_looks_are_those_of_the_copy(drawn: SampleTable) -> None:
    result = augmented_copies(drawn, {"sad": 2})
    for at, row in enumerate(rows(result, len(drawn)), start=len(drawn)):
        face = result.decode(at)
        seen = looks([face])[0]
        assert row["sha256"] == pixel_hash(face)
        assert [row[c] for c in LOOK_COLUMNS] == pytest.approx([getattr(seen, c) for c in LOOK_COLUMNS])


def test_a_target_fills_up_and_counts_copies(drawn: SampleTable) -> None:
    result = augmented_copies(drawn, 18)
    assert Counter(result.split("train").table["label"].to_pylist()) == dict.fromkeys(FER7.names, 18)
    assert result.splits() == {"train": 126, "validation": 56, "test": 28}
    again = augmented_copies(result, 19)
    assert len(again) == len(result) + 7
    assert not any("#aug" in str(row["parent_id"]) for row in rows(again, len(result)))
    assert augmented_copies(result, 18).table.equals(result.table)


def test_seeds(drawn: SampleTable) -> None:
    first, same, other = (augmented_copies(drawn, {"happy": 5}, seed=s) for s in (1, 1, 2))
    assert first.table.equals(same.table)
    assert set(first.table["sha256"].to_pylist()) != set(other.table["sha256"].to_pylist())


def test_a_mirror_image_alone() -> None:
    face = np.random.default_rng(0).integers(0, 256, (12, 10), dtype=np.uint8)
    samples = augmented_copies(one_face(face, votes=[[3, 7]]), {"fear": 1}, style=CopyStyle(1.0, 0, 0, 0, 0))
    np.testing.assert_array_equal(samples.decode(1), face[:, ::-1])
    assert rows(samples, 1)[0]["votes"] == [3, 7]
    assert rows(samples, 1)[0]["subject_id"] == "S1"


def test_noise_has_the_deviation_asked_for() -> None:
    face = np.full((200, 200), 128, np.uint8)
    samples = augmented_copies(one_face(face), {"fear": 1}, style=CopyStyle(flip=0, **STILL, noise_sd=6))
    difference = samples.decode(1).astype(float) - 128
    assert difference.mean() == pytest.approx(0, abs=0.15)  # 5 standard errors
    assert difference.std() == pytest.approx(6, rel=0.03)


def test_a_shift_keeps_to_its_limit() -> None:
    """A bright dot in the middle lands at most 10 % of the side away, along each axis."""
    face = np.zeros((41, 41), np.uint8)
    face[19:22, 19:22] = 255
    style = CopyStyle(flip=0, rotate_deg=0, shift=0.1, scale=0, noise_sd=0)
    samples = augmented_copies(one_face(face), {"fear": 20}, style=style)
    grid = np.mgrid[:41, :41]
    centres = [(grid * samples.decode(i)).sum((1, 2)) / samples.decode(i).sum() for i in range(1, 21)]
    offsets = np.array(centres) - 20
    assert np.abs(offsets).max() <= 4.1 + 0.1
    assert np.abs(offsets).max() > 2


def test_colour_stays_colour() -> None:
    face = np.zeros((16, 16, 3), np.uint8)
    face[..., 0] = 200  # red
    samples = augmented_copies(one_face(face, "png"), {"fear": 1}, style=CopyStyle(flip=0, noise_sd=0))
    np.testing.assert_array_equal(samples.decode(1), face)


def test_copies_of_files_are_pictures_in_the_table(tmp_path: Path) -> None:
    face = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), face)
    samples = augmented_copies(one_face(face, image=[None], path=[str(tmp_path / "a.png")]), {"fear": 2})
    (tmp_path / "a.png").unlink()
    assert samples.decode(1).shape == (20, 20)
    assert [row["sample_id"] for row in rows(samples, 1)] == ["a#aug1", "a#aug2"]


def test_copies_move_with_their_originals(drawn: SampleTable) -> None:
    result = split_samples(augmented_copies(drawn, 30), seed=1, keep=())
    where = dict(
        zip(result.samples.table["sample_id"].to_pylist(), result.samples.table["split"].to_pylist(), strict=True)
    )
    pairs = [(r["sample_id"], r["parent_id"]) for r in rows(result.samples, 0) if r["parent_id"]]
    assert len(pairs) == 98
    assert all(where[copy] == where[parent] for copy, parent in pairs)
    assert len({where[copy] for copy, _ in pairs}) == 3


def test_refusals(drawn: SampleTable) -> None:
    with pytest.raises(DataError, match="no class 'boredom' to copy"):
        augmented_copies(drawn, {"boredom": 1})
    with pytest.raises(DataError, match="-1 copies of happy"):
        augmented_copies(drawn, {"happy": -1})
    with pytest.raises(DataError, match="no training picture of happy"):
        augmented_copies(drawn.split("test"), {"happy": 1})
    with pytest.raises(DataError, match="cannot have -5 samples"):
        augmented_copies(drawn, -5)
    with pytest.raises(DataError, match="rotate_deg of an augmented copy is 90"):
        CopyStyle(rotate_deg=90)
    with pytest.raises(DataError, match="without any change"):
        CopyStyle(0, 0, 0, 0, 0)

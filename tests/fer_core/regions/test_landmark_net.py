"""The landmark network that is shipped: exact on drawn faces, alike in a mirror, silent where there is no face."""

from __future__ import annotations

import numpy as np
import pytest

from fer_core.checkpoint import list_checkpoints
from fer_core.data.schematic import SchematicSpec, draw_face
from fer_core.data.schematic.spoiling import no_face
from fer_core.errors import CheckpointError, DataError
from fer_core.regions import MeanFace, NetworkPoints, find_regions, named_sources, usual_sources
from fer_core.regions.landmark_net import WEIGHTS, LandmarkNet, find_five, shipped
from fer_core.regions.sources import LARGEST_ERROR

GREY = (0.299, 0.587, 0.114)
SPEC = SchematicSpec(seed=901, subjects=12, per_subject_and_class=1, size_px=48)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """84 drawn faces, (84, 48, 48), of people the network has not seen, and their true points (84, 5, 2)."""
    faces = [draw_face(SPEC, i) for i in range(84)]
    grey = np.stack([np.rint(face.image @ np.array(GREY)).astype(np.uint8) for face in faces])
    return grey, np.stack([face.landmarks[:5] / 48 for face in faces])


def apart(five: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(N,) mean distance of points over the distance of the eyes, worked out anew."""
    eyes = np.linalg.norm(true[:, 1] - true[:, 0], axis=1)
    return np.linalg.norm(five - true, axis=2).mean(1) / eyes


def test_the_points_of_drawn_faces_are_found(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, true = drawn
    five, expected = find_five(pixels)
    error = apart(five, true)
    assert error.mean() < 0.08
    (mean,) = MeanFace().find([pixels[0]], [""])
    assert mean is not None
    assert error.mean() < apart(np.stack([mean.five] * 84), true).mean() / 2.5
    assert (expected <= LARGEST_ERROR).mean() > 0.9
    sure = np.argsort(expected)
    assert error[sure[:42]].mean() < error[sure[42:]].mean()  # it knows where it errs


def test_a_turned_head_has_turned_points(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, true = drawn
    five, _ = find_five(pixels)
    tilt, told = (np.degrees(np.arctan2(*(p[:, 1] - p[:, 0]).T[::-1])) for p in (true, five))
    assert np.ptp(tilt) > 20  # the drawn heads are turned
    assert np.polyfit(tilt, told, 1)[0] == pytest.approx(1, abs=0.1)


def test_a_mirrored_face_has_mirrored_points(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    five, expected = find_five(drawn[0][:8])
    mirrored, again = find_five(drawn[0][:8, :, ::-1])
    right, left = mirrored[:, 0].copy(), mirrored[:, 1].copy()
    np.testing.assert_allclose(np.stack([1 - left[:, 0], left[:, 1]], 1), five[:, 0], atol=1e-5)
    np.testing.assert_allclose(np.stack([1 - right[:, 0], right[:, 1]], 1), five[:, 1], atol=1e-5)
    np.testing.assert_allclose(np.stack([1 - mirrored[:, 4, 0], mirrored[:, 4, 1]], 1), five[:, 3], atol=1e-5)
    np.testing.assert_allclose(again, expected, rtol=1e-4)


def test_light_does_not_matter(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    bright = drawn[0][:8].astype(np.float64).clip(40, 215)
    dim = np.rint((bright - 40) / 175 * 100 + 20).astype(np.uint8)
    np.testing.assert_allclose(find_five(dim)[0], find_five(bright.astype(np.uint8))[0], atol=0.02)


def test_the_same_faces_have_the_same_points(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    once, again = find_five(drawn[0][:4])[0], find_five(drawn[0][:4])[0]
    np.testing.assert_array_equal(once, again)
    np.testing.assert_allclose(find_five(drawn[0][2:3])[0][0], once[2], atol=1e-5)  # whatever stands beside it


def test_where_there_is_no_face_the_mean_face_is_used_and_said() -> None:
    chance = np.random.default_rng(3)
    empty = [np.full((48, 48), level, np.uint8) for level in (0, 128, 255)]
    rows, columns = np.mgrid[:48, :48]
    stripes = (128 + 90 * np.sign(np.sin(rows / 2))).astype(np.uint8)
    board = (rows // 6 % 2 * 100 + columns // 6 % 2 * 100).astype(np.uint8)
    noise = chance.integers(0, 256, (48, 48)).astype(np.uint8)
    nothing = [*empty, stripes, board, noise, *(no_face(48, i, chance) for i in range(30))]
    masks = find_regions(nothing, 48, usual_sources())
    assert masks.source_counts() == {"mean face": 36}


def test_who_has_no_detector_gets_landmarks(
    drawn: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FERSCOPE_YUNET", raising=False)
    faces = [*drawn[0][:20], np.zeros((48, 48), np.uint8)]
    found = find_regions(faces, 48, usual_sources()).source_counts()
    assert found["landmark network"] >= 18
    assert sum(found.values()) == 21
    large = np.repeat(np.repeat(drawn[0][:3], 4, 1), 2, 2)  # 192 x 96, RGB
    points = NetworkPoints().find([np.stack([face] * 3, 2) for face in large], ["", "", ""])
    five, _ = find_five(drawn[0][:3])
    for place, one in enumerate(points):
        assert one is None or np.abs(one.five - five[place]).max() < 0.02


def test_the_file_is_small_and_no_classifier() -> None:
    assert WEIGHTS.stat().st_size < 300_000
    assert sum(p.numel() for p in LandmarkNet().parameters()) == 99_310
    assert "landmarks" not in {c.folder.name for c in list_checkpoints()}


def test_names_of_sources() -> None:
    assert [s.name for s in named_sources("network")] == ["landmark network", "mean face"]
    assert [s.name for s in named_sources("mean")] == ["mean face"]
    with pytest.raises(DataError, match="no source of points 'dlib'; choose network, yunet, mean"):
        named_sources("dlib")


def test_no_faces_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    five, expected = find_five(np.empty((0, 48, 48), np.uint8))
    assert (five.shape, expected.shape) == ((0, 5, 2), (0,))
    monkeypatch.setattr("fer_core.regions.landmark_net.WEIGHTS", WEIGHTS.with_name("gone.safetensors"))
    shipped.cache_clear()
    try:
        with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
            find_five(np.zeros((1, 48, 48), np.uint8))
    finally:
        shipped.cache_clear()

"""How the landmark network is taught: points move with their pictures, and the teacher's looks are brought together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from fer_core.faces import Face
from fer_core.regions import REGIONS
from training.landmarks.changes import Range, changed, spoilt
from training.landmarks.error import calibration, distances, errors, overlap
from training.landmarks.fit import Plan, drawn_faces, fit, pictures_without
from training.landmarks.teacher import FOUR, TWO, teach

FIVE = np.array([(0.3, 0.35), (0.7, 0.4), (0.52, 0.6), (0.36, 0.78), (0.64, 0.8)])
LEVELS = (250, 210, 170, 130, 90)  # of the five dots


def dotted(size: int = 48) -> np.ndarray:
    """A dark picture with a bright dot at each of the five points, each of its own brightness."""
    large = np.zeros((size * 8, size * 8), np.uint8)
    for (x, y), level in zip(FIVE * size * 8, LEVELS, strict=True):
        cv2.circle(large, (round(x - 0.5), round(y - 0.5)), 14, level, -1)
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


def turned_over(points: np.ndarray) -> bool:
    """Whether the mouth's right corner lies on the wrong side of the line from the right eye to the left."""
    across, down = points[1] - points[0], points[3] - points[0]
    return bool(across[0] * down[1] < across[1] * down[0])


class Dots:
    """A detector that finds the dots of `dotted` by their brightness: it knows nothing of how it is called."""

    def __init__(self, off: float = 0.0, score: float = 0.9) -> None:
        self.off, self.score = off, score

    def look(self, image: np.ndarray) -> list[Face]:
        grey = image[..., 0].astype(int)
        count, labels, _, centres = cv2.connectedComponentsWithStats((grey > 45).astype(np.uint8))
        spots = sorted((-np.percentile(grey[labels == i], 90), *centres[i]) for i in range(1, count))
        points = np.array([spot[1:] for spot in spots[:5]]) + 0.5
        if len(points) < 5:
            return []
        if turned_over(points):  # in a mirror the eye on the left is the right
            points = points[[1, 0, 2, 4, 3]]
        points[0] += self.off * image.shape[0]
        x, y, side = 0.2 * image.shape[1], 0.2 * image.shape[0], 0.6 * image.shape[0]
        return [Face((x, y, side, side), self.score, points.astype(np.float32))]


def test_the_teachers_looks_are_brought_back_to_the_crop() -> None:
    for views in (TWO, FOUR):
        found = teach([dotted()] * 3, [Dots(), Dots()], views)
        np.testing.assert_allclose(found.five, np.stack([FIVE] * 3), atol=0.006)
        assert found.apart.max() < 0.02
        assert found.sure().all()


def test_a_lean_to_one_side_is_shared_by_both_sides() -> None:
    # Each look puts the eye on its picture's left 0.04 too far to the right. In the mirror that is the other eye, and
    # the other way: the mean of both has half of it at either eye.
    found = teach([dotted()], [Dots(off=0.04)], TWO)
    np.testing.assert_allclose(found.five[0, :2] - FIVE[:2], [(0.02, 0.02), (-0.02, 0.02)], atol=0.008)
    np.testing.assert_allclose(found.five[0, 2:], FIVE[2:], atol=0.006)
    assert found.apart[0] == pytest.approx(2 * 0.02 * 2**0.5 / 5 / 0.36, rel=0.25)


def test_what_the_teacher_is_not_sure_of() -> None:
    blind = teach([np.zeros((48, 48), np.uint8)], [Dots()])
    assert np.isnan(blind.five).all()
    assert blind.score.tolist() == [0]
    unsure = teach([dotted()], [Dots(score=0.6)])
    assert not unsure.sure().any()
    assert unsure.sure(score=0.5).all()
    assert not blind.sure().any()


def test_points_move_with_their_faces() -> None:
    pixels = torch.from_numpy(dotted())[None, None].expand(24, 1, 48, 48)
    five = torch.from_numpy(FIVE).float().expand(24, 5, 2)
    still = torch.Generator().manual_seed(4)
    faces, points = changed(pixels, five, still, Range(20.0, 0.05, 1.2))
    mirrored, near = 0, 0
    for face, own in zip(faces[:, 0].numpy(), points.numpy() * 48 - 0.5, strict=True):
        around = [face[max(0, round(y) - 1) : round(y) + 2, max(0, round(x) - 1) : round(x) + 2].max() for x, y in own]
        near += sum(level > 0.35 * max(around) and level > np.median(face) + 8 for level in around)
        mirrored += not turned_over(own)
    assert near > 0.85 * 120  # some are covered
    assert mirrored == 24  # right stays right: the frame never turns over
    again, _ = changed(pixels, five, torch.Generator().manual_seed(4), Range(20.0, 0.05, 1.2))
    torch.testing.assert_close(faces, again)


def test_pictures_without_a_face() -> None:
    pixels = torch.from_numpy(np.stack([dotted()] * 8))[:, None]
    made = spoilt(pixels, torch.Generator().manual_seed(0))
    assert made.shape == (8, 1, 48, 48)
    assert 0 <= made.min() <= made.max() <= 255
    nothing = pictures_without(14, 0)
    assert nothing.shape == (14, 48, 48)
    assert len({picture.tobytes() for picture in nothing}) == 14


def test_errors_by_hand() -> None:
    true = np.stack([FIVE] * 4)
    found = true.copy()
    found[1, 2] += (0.3, 0.4)
    eyes = np.hypot(0.4, 0.05)
    np.testing.assert_allclose(distances(found, true)[1], [0, 0, 0.5 / eyes, 0, 0], atol=1e-12)
    told = errors(found, true, np.array([0.1, 0.9, 0.1, 0.1]))
    assert told["error"]["mean"] == pytest.approx(0.1 / eyes / 4, abs=1e-4)
    assert told["failed"]["mean"] == 0.25
    assert told["points"]["nose tip"]["mean"] == pytest.approx(0.5 / eyes / 4, abs=1e-4)
    assert (told["used"]["mean"], told["error_where_used"]["mean"]) == (0.75, 0)
    parts = calibration(np.array([0.4, 0.1, 0.2, 0.3]), np.array([4.0, 1.0, 2.0, 3.0]), 2)
    assert [p["error"] for p in parts] == [1.5, 3.5]
    assert [p["n"] for p in parts] == [2, 2]


def test_regions_of_the_same_points_are_the_same() -> None:
    same = overlap(np.stack([FIVE] * 2), np.stack([FIVE] * 2))
    assert {same[region]["mean"] for region in REGIONS} == {1.0}
    moved = overlap(np.stack([FIVE + 0.05] * 2), np.stack([FIVE] * 2))
    assert moved["eyes"]["mean"] < moved["cheeks"]["mean"] < 1


def test_steps_bring_the_points_nearer() -> None:
    drawn = drawn_faces(3, 5)
    told: list[tuple[int, float]] = []
    plan = Plan(steps=200, taught=8, drawn=8, without=4)
    network = fit(drawn, drawn, plan, lambda step, _, error, __: told.append((step, error)))
    assert [step for step, _ in told] == [100, 200]
    assert told[1][1] < 0.9 * told[0][1]
    assert not network.training

"""Regions of a single map, by hand."""

import math

import numpy as np
import pytest

from fer_core.explain import SaliencyMap, Target
from fer_core.faces import Face
from fer_core.preprocess import Preprocess
from fer_core.regions import REGIONS, MeanFace, find_regions
from fer_core.regions.one import detected_points, region_shares, regions_of

CROP = np.zeros((48, 48), np.uint8)


def saliency(raw: np.ndarray) -> SaliencyMap:
    return SaliencyMap("gradcam", "l", Target(0, "a"), raw.astype(np.float32), (48, 48), 1.0, 0.5, ("a", "b"))


def test_all_evidence_in_the_mouth() -> None:
    masks = find_regions([CROP], 48, (MeanFace(),))
    mouth = masks.mask("mouth")[0]
    rows = {row.region: row for row in region_shares(saliency(np.where(mouth, 2.0, -1.0)), masks)}
    assert list(rows) == list(REGIONS)
    assert rows["mouth"].share == 1
    assert rows["mouth"].density == pytest.approx(1 / mouth.mean())
    assert rows["eyes"].share == rows["eyes"].density == 0
    assert {row.reason for row in rows.values()} == {""}  # a cell is a pixel


def test_a_coarse_map_says_what_it_cannot_tell_and_no_evidence_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FERSCOPE_YUNET", raising=False)
    masks = regions_of(CROP, 48)
    assert masks.sources == ("mean face",)
    rows = {row.region: row for row in region_shares(saliency(np.ones((3, 3))), masks)}
    assert rows["eyes"].reason.startswith("A cell of the 3 x 3 map covers 16 x 16 pixels")
    assert rows["cheeks"].density == pytest.approx(1, abs=1e-5)
    nothing = region_shares(saliency(np.zeros((3, 3))), masks)
    assert all(math.isnan(row.share) for row in nothing)


def test_a_detectors_points_are_used_in_the_crop_that_it_led_to() -> None:
    # A box of 100 pixels at (200, 100) with a margin of 0.1: the crop is 120 pixels, its corner at (190, 90). The eyes
    # are level, so that the crop is not turned.
    five = np.array([(230, 130), (270, 130), (250, 150), (235, 175), (265, 175)], np.float32)
    how = Preprocess(crop_margin=0.1)
    points = detected_points(Face((200, 100, 100, 100), 0.9, five), how)
    assert points is not None
    np.testing.assert_allclose(points.five, (five - (190, 90)) / 120, atol=1e-6)
    masks = regions_of(CROP, 48, points)
    assert masks.sources == ("detected points",)
    assert masks.points[0] is points
    assert detected_points(Face((200, 100, 100, 100), 0.9), how) is None
    assert detected_points(Face((200, 100, 100, 100), 0.9, five[[3, 4, 2, 0, 1]]), how) is None  # upside down


def test_a_tilted_face_is_level_in_its_crop() -> None:
    five = np.array([(230, 130), (270, 150), (245, 155), (220, 165), (250, 180)], np.float32)
    points = detected_points(Face((200, 100, 100, 100), 0.9, five), Preprocess())
    assert points is not None
    assert points.five[0, 1] == pytest.approx(points.five[1, 1])
    apart = np.hypot(*(points.five[1] - points.five[0]))
    assert apart == pytest.approx(np.hypot(40, 20) / 100)

"""Regions of a single map, by hand."""

import math

import numpy as np
import pytest

from fer_core.explain import SaliencyMap, Target
from fer_core.regions import REGIONS, MeanFace, find_regions
from fer_core.regions.one import region_shares, regions_of

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

"""Shares, densities and their intervals, by hand."""

import math

import numpy as np
import pytest

from fer_core.errors import DataError
from fer_core.evaluate.bootstrap import Resampling, mean_with_interval, resampled_means
from fer_core.regions import REGIONS, MeanFace, find_regions
from fer_core.regions.attribution import (
    Attribution,
    evidence,
    gaussian_prior,
    groups_of,
    mean_prior,
    shares,
)
from fer_core.regions.resolution import piece_sizes
from fer_core.regions.table import region_table

# A picture of 4 x 4: brows in the first row, mouth (3) in the last, cheeks (4) between, two pixels outside (7).
LABELS = np.array([[0, 0, 0, 0], [4, 4, 4, 4], [4, 4, 4, 4], [7, 3, 3, 7]], np.uint8)


def made(maps: np.ndarray, labels: np.ndarray, predicted: np.ndarray, prior: np.ndarray | None = None) -> Attribution:
    masks = np.stack([LABELS] * len(maps)) if len(maps) else np.empty((0, 4, 4), np.uint8)
    prior = np.full((4, 4), 1 / 16, np.float32) if prior is None else prior
    return Attribution(
        share=shares(maps, masks),
        area=shares(np.ones(maps.shape, np.float32), masks),
        prior=shares(np.broadcast_to(prior, maps.shape).astype(np.float32), masks),
        labels=labels,
        predicted=predicted,
        sample_ids=tuple(str(i) for i in range(len(maps))),
        sources=("mean face",) * len(maps),
        classes=("angry", "happy", "sad"),
        model="m",
        explained="predicted",
        method="gradcam",
        layer="l",
        map_hw=(4, 4),
        size_px=4,
        boxes=piece_sizes(masks),
        mean_maps=np.full((3, 4, 4), np.nan, np.float32),
        mean_faces=np.full((3, 4, 4), np.nan, np.float32),
    )


def test_shares_by_hand() -> None:
    one = np.zeros((4, 4), np.float32)
    one[0, 0], one[3, 1], one[3, 3] = 1, 2, 5
    found = shares(np.stack([one, one * 0, one * np.nan]), np.stack([LABELS] * 3))
    expected = np.zeros(8)
    expected[[0, 3, 7]] = (1 / 8, 2 / 8, 5 / 8)
    np.testing.assert_allclose(found[0], expected)
    assert np.isnan(found[1:]).all()


def test_a_constant_map_has_density_one_everywhere() -> None:
    masks = find_regions([np.zeros((48, 48), np.uint8)] * 2, 48, (MeanFace(),))
    even = evidence(np.full((2, 6, 6), 3, np.float32), 48)
    density = shares(even, masks.labels) / masks.areas()
    np.testing.assert_allclose(density, 1, rtol=1e-5)
    np.testing.assert_allclose(shares(even, masks.labels).sum(1), 1)


def test_the_prior_itself_has_prior_density_one() -> None:
    prior = gaussian_prior(4, 0.3)
    found = made(prior[None] * 7, np.array([0]), np.array([0]), prior)
    np.testing.assert_allclose(found.prior_density[0, [0, 3, 4, 7]], 1, rtol=1e-5)
    assert np.isnan(found.prior_density[0, 1])  # no eyes in this picture


def test_gaussian_prior_by_hand() -> None:
    prior = gaussian_prior(4, 0.25)
    # Pixel centres lie 0.125 and 0.375 of the side from the middle: half and one and a half sigma.
    ratio = math.exp(-0.5 * (0.5**2 + 1.5**2)) / math.exp(-0.5 * (0.5**2 + 0.5**2))
    assert prior.sum() == pytest.approx(1)
    assert prior[1, 0] / prior[1, 1] == pytest.approx(ratio)
    with pytest.raises(DataError, match="sigma must be above 0"):
        gaussian_prior(4, 0)


def test_mean_prior_weighs_maps_alike() -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    maps[0, 0, 0], maps[1, 1, 1] = 10, 1
    np.testing.assert_allclose(mean_prior(maps), [[0.5, 0], [0, 0.5]])
    with pytest.raises(DataError, match="all zero"):
        mean_prior(maps[2:])


def test_evidence_is_cut_before_it_is_enlarged() -> None:
    raw = np.array([[[1, -1]]], np.float32)
    np.testing.assert_allclose(evidence(raw, 4)[0, 0], [1, 0.75, 0.25, 0])
    np.testing.assert_allclose(evidence(raw, 4, "absolute")[0, 0], 1)
    assert evidence(raw[:0], 4).shape == (0, 4, 4)


def test_groups() -> None:
    labels, predicted = np.array([0, 0, 0, 0, 1, -1]), np.array([0, 2, 1, 2, 1, 0])
    titles = {g.title: g.rows.tolist() for g in groups_of(labels, predicted, ("angry", "happy", "sad"))}
    assert titles == {
        "all": [0, 1, 2, 3, 4, 5],
        "angry": [0, 1, 2, 3],
        "angry, right": [0],
        "angry, wrong": [1, 2, 3],
        "angry taken for sad": [1, 3],
        "angry taken for happy": [2],
        "happy": [4],
        "happy, right": [4],
        "happy, wrong": [],
        "sad": [],
        "sad, right": [],
        "sad, wrong": [],
    }


def test_table_by_hand() -> None:
    maps = np.zeros((3, 4, 4), np.float32)
    maps[0, 0, 0] = 1  # all in the brows
    maps[1, 3, 1] = maps[1, 0, 0] = 1  # half in the mouth, half in the brows
    rows = {(r.group, r.region): r for r in region_table(made(maps, np.array([0, 0, 0]), np.array([0, 1, 0])))}
    angry = rows["angry", "brows"]
    assert (angry.n, angry.share, angry.density) == (2, 0.75, 3.0)  # brows are a quarter of the picture
    assert angry.share_interval == (0.5, 1.0)
    assert angry.density_interval == (2.0, 4.0)
    mouth = rows["angry, wrong", "mouth"]
    assert (mouth.n, mouth.share, mouth.density) == (1, 0.5, 4.0)  # two pixels of 16
    assert all(math.isnan(end) for end in mouth.share_interval)
    nobody = rows["sad", "brows"]
    assert nobody.n == 0
    assert math.isnan(nobody.share)
    assert math.isnan(rows["angry", "eyes"].density)
    assert rows["angry", "eyes"].share == 0
    assert nobody.as_json()["share"] is None
    shares_of_all = [rows["angry", region].share for region in REGIONS]
    assert sum(shares_of_all) == pytest.approx(1)


def test_no_faces() -> None:
    found = made(np.empty((0, 4, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.int64))
    rows = region_table(found)
    assert {row.n for row in rows} == {0}
    assert all(math.isnan(row.share) and math.isnan(row.density) for row in rows)
    assert found.source_shares() == {}


def test_bootstrap_against_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    mean, (low, high), n = mean_with_interval(np.append(values, np.nan), Resampling(4000))
    half = 1.96 * values.std() / 20
    assert n == 400
    assert mean == pytest.approx(values.mean())
    assert low == pytest.approx(mean - half, abs=0.03)
    assert high == pytest.approx(mean + half, abs=0.03)


def test_resampled_means_are_those_of_drawn_rows() -> None:
    values = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    draws = resampled_means(values, Resampling(500))
    possible = {round((a + b + c) / 3, 6) for a in (1, 2, 4) for b in (1, 2, 4) for c in (1, 2, 4)}
    assert {round(v, 6) for v in draws[:, 0]} == possible
    np.testing.assert_allclose(draws[:, 1], 10 * draws[:, 0])  # the same rows for every column
    assert np.isnan(resampled_means(values[:0], Resampling(3))).all()

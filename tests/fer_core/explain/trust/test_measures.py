"""What is measured of maps, by hand or by another way to compute it."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from fer_core.explain.trust import baselines, road, stability, truth
from fer_core.explain.trust.removal import removal_curves
from fer_core.explain.trust.similarity import spearman, ssim

FACE = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])


def total(inputs: torch.Tensor) -> np.ndarray:
    """Two "probabilities": nothing, and the sum of all pixels."""
    s = inputs.sum((1, 2, 3)).double().numpy()
    return np.stack([0 * s, s], 1)


def test_deletion_and_insertion_by_hand() -> None:
    order = np.array([[[3, 2], [1, 0]]])  # the largest pixel first
    found = removal_curves(total, FACE, [1], order, torch.zeros(1, 1, 2, 2), np.array([0, 0.5, 1]))
    np.testing.assert_allclose(found.deletion, [[15, 3, 0]])
    np.testing.assert_allclose(found.insertion, [[0, 12, 15]])
    assert found.deletion_area()[0] == pytest.approx((15 + 3) / 4 + 3 / 4)
    assert found.insertion_area()[0] == pytest.approx(12 / 4 + 27 / 4)


def test_a_removed_pixel_is_the_mean_of_its_neighbours_by_the_papers_weights() -> None:
    picture = np.arange(9, dtype=np.float64).reshape(1, 3, 3) ** 2
    hole = np.zeros((3, 3), bool)
    hole[1, 1] = True
    found = road.imputed(picture, hole, np.random.default_rng(0), noise=0)
    sides, corners = 1 + 9 + 25 + 49, 0 + 4 + 36 + 64
    assert found[0, 1, 1] == pytest.approx(sides / 6 + corners / 12)
    np.testing.assert_array_equal(found[0][~hole], picture[0][~hole])


def test_removed_neighbours_share_one_system() -> None:
    picture = np.random.default_rng(1).normal(size=(1, 4, 4))
    hole = np.zeros((4, 4), bool)
    hole[1, 1] = hole[1, 2] = True
    found = road.imputed(picture, hole, np.random.default_rng(0), noise=0)[0]
    known = np.where(hole, 0, picture[0])

    def around(r: int, c: int) -> float:
        near = {(dy, dx): (1 / 6 if 0 in (dy, dx) else 1 / 12) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx}
        return sum(weight * known[r + dy, c + dx] for (dy, dx), weight in near.items())

    a, b = around(1, 1), around(1, 2)  # x = a + y / 6 and y = b + x / 6
    x = (a + b / 6) / (1 - 1 / 36)
    np.testing.assert_allclose(found[1, 1:3], [x, b + x / 6], rtol=1e-5)
    everything = road.imputed(picture, np.ones((4, 4), bool), np.random.default_rng(0), noise=0)
    np.testing.assert_allclose(everything, picture.mean(), rtol=1e-5)


def test_road_tells_a_true_map_from_its_opposite() -> None:
    inputs = torch.zeros(3, 1, 6, 6)
    inputs[:, :, 2, 2:4] = 10.0

    def peak(x: torch.Tensor) -> np.ndarray:
        p = (x[:, 0, 2, 2] / 10).clamp(0, 1).double().numpy()
        return np.stack([1 - p, p], 1)

    right = baselines.ranks(inputs[:, 0].numpy(), 0)
    found = road.road(peak, inputs, [1] * 3, right, 0, parts=(0.1,))
    # Four of 36 pixels go: the two bright ones with their surroundings, which are dark; or four dark ones.
    assert (found > 0.35).all()
    np.testing.assert_allclose(road.road(peak, inputs, [1] * 3, 35 - right, 0, parts=(0.1,)), -found, atol=0.02)


def test_spearman_against_scipy() -> None:
    chance = np.random.default_rng(0)
    one, other = chance.integers(0, 5, (4, 3, 4)).astype(float), chance.normal(size=(4, 3, 4))
    expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(spearman(one, other), expected)
    one[0], one[1, 0, 0] = 3, np.nan
    found = spearman(one, other)
    assert np.isnan(found[:2]).all()
    np.testing.assert_allclose(found[2:], expected[2:])
    assert np.isnan(one[1, 0, 0])  # the caller's maps stay as they are
    assert spearman(one[:0], other[:0]).shape == (0,)


def test_ssim_does_not_look_at_scale() -> None:
    one = np.random.default_rng(0).normal(size=(2, 9, 9))
    np.testing.assert_allclose(ssim(one, 7 * one), 1)
    assert np.isnan(ssim(one, 0 * one)).all()
    assert np.isnan(ssim(one[:, :2, :2], one[:, :2, :2])).all()


def test_ssim_of_one_window_by_its_formula() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 7, 7))
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    (var_a, cov), (_, var_b) = np.cov(a.ravel(), b.ravel())
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    above = (2 * a.mean() * b.mean() + c1) * (2 * cov + c2)
    expected = above / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (var_a + var_b + c2))
    assert ssim(a[None], 3 * b[None])[0] == pytest.approx(expected)


def test_pointing_and_mass_by_hand() -> None:
    evidence = np.array([[[True, False], [False, False]]] * 4)
    maps = np.zeros((4, 2, 2))
    maps[0] = [[4, 3], [-1, 0]]
    maps[1] = [[4, 4], [0, 0]]
    maps[2] = [[1, 2], [0, 1]]
    np.testing.assert_array_equal(truth.pointing(maps, evidence), [1, 0.5, 0, np.nan])
    np.testing.assert_allclose(truth.mass_density(maps, evidence), [4 / 7 * 4, 2, 1, np.nan])
    assert np.isnan(truth.mass_density(maps, ~evidence & evidence)).all()
    assert np.isnan(truth.pointing(maps, ~evidence & evidence)).all()
    assert truth.pointing(maps[:0], evidence[:0]).shape == truth.mass_density(maps[:0], evidence[:0]).shape == (0,)


def test_a_shifted_face() -> None:
    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert stability.shifted(x, 1, 0)[0, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert stability.shifted(x, 0, -1)[0, 0].tolist() == [[1, 2, 2], [4, 5, 5], [7, 8, 8]]


def test_a_map_that_moves_with_the_face_is_stable_and_one_that_stays_is_not() -> None:
    inputs = torch.randn(3, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    maps = inputs[:, 0].numpy()
    np.testing.assert_allclose(stability.stability(lambda x: x[:, 0].numpy(), inputs, maps, 2), 1)
    assert (stability.stability(lambda _x: maps, inputs, maps, 2) < 0.2).all()


def test_agreement_of_methods() -> None:
    one = np.random.default_rng(0).normal(size=(5, 4, 4))
    found = stability.agreement({"a": one, "b": -one, "c": 0 * one})
    np.testing.assert_allclose(found[:2, :2], [[1, -1], [-1, 1]])
    assert np.isnan(found[0, 2])
    assert found[2, 2] == 1


def test_ranks_follow_the_map_and_break_ties_by_chance() -> None:
    found = baselines.ranks(np.array([[[0.1, 0.9], [0.5, 0.2]]]), 0)
    assert found.tolist() == [[[3, 0], [1, 2]]]
    flat = baselines.ranks(np.zeros((200, 4, 4)), 0)
    assert (np.sort(flat.reshape(200, 16)) == np.arange(16)).all()
    np.testing.assert_allclose(flat.mean(0), 7.5, atol=1.5)  # no pixel is preferred
    assert baselines.ranks(np.empty((0, 4, 4)), 0).shape == (0, 4, 4)


def test_baseline_maps() -> None:
    centre = baselines.centre_maps(2, 6)
    np.testing.assert_allclose(centre, centre[:, ::-1, ::-1])
    assert centre[0].argmax() in (14, 15, 20, 21)
    np.testing.assert_array_equal(baselines.random_maps(2, (3, 4), 5), baselines.random_maps(2, (3, 4), 5))
    assert baselines.random_maps(2, (3, 4), 5).shape == (2, 3, 4)

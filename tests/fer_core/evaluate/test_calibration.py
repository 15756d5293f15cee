"""Temperatures against arithmetic by hand and against a search of every one on a fine grid."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.evaluate.calibration import cross_fit_temperature, fit_temperature

# Every answer is (2, 0) in logits, that is class 0 with the probability 1 / (1 + exp(-2 / T)); some are right.
SURE = 1 / (1 + math.exp(-2))


def answers(right: int, wrong: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return np.tile(np.float32([2, 0]), (1, right + wrong, 1)), np.array([0] * right + [1] * wrong)


def test_fitted_by_hand() -> None:
    """Eight of ten are right: the probability of class 0 becomes 0.8, which is T = 2 / ln(0.8 / 0.2)."""
    found = fit_temperature(*answers(8, 2))
    assert found.value == pytest.approx(2 / math.log(4), rel=1e-4)
    assert found.log_loss_before == pytest.approx(-(0.8 * math.log(SURE) + 0.2 * math.log(1 - SURE)))
    assert found.log_loss_after == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))
    assert found.ece_before == pytest.approx(SURE - 0.8)
    assert found.ece_after == pytest.approx(0, abs=1e-4)
    assert found.n == 10


def test_cross_fitted_by_hand() -> None:
    """Of eleven right and three wrong answers one half gets six and one, the other five and two, whatever the chance.

    Each half is then measured at the probability that the other one had: 6/7 of class 0 in the one, 5/7 in the other.
    """
    for seed in (0, 1, 2):
        found = cross_fit_temperature(*answers(11, 3), seed=seed)
        log = math.log
        of_the_second = -(5 * log(6 / 7) + 2 * log(1 / 7))
        of_the_first = -(6 * log(5 / 7) + log(2 / 7))
        assert found.log_loss_after == pytest.approx((of_the_first + of_the_second) / 14, rel=1e-4)
        # Seven answers of the confidence 5/7, of which six are right, and seven of 6/7, of which five are.
        assert found.ece_after == pytest.approx((abs(6 - 5) + abs(5 - 6)) / 14, abs=1e-3)
        assert found.value == pytest.approx(math.sqrt(2 / log(6) * 2 / log(2.5)), rel=1e-4)
        assert found.log_loss_before == pytest.approx(-(11 * log(SURE) + 3 * log(1 - SURE)) / 14)
        assert found.log_loss_after > fit_temperature(*answers(11, 3)).log_loss_after
        assert found.n == 14


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def world(views: int, scale: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A classifier whose logits are `scale` times too large; its views differ a little."""
    chance = np.random.default_rng(views)
    true = chance.normal(0, 1.5, (2000, 5))
    labels = np.array([chance.choice(5, p=row) for row in softmax(true)])
    return scale * (true + chance.normal(0, 0.3, (views, 2000, 5)) * (views > 1)), labels


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_no_temperature_of_a_fine_grid_is_better(views: int, scale: float) -> None:
    logits, labels = world(views, scale)
    temperatures = np.geomspace(0.05, 20, 3000)  # steps of 0.2 %
    losses = []
    for temperature in temperatures:
        shares = softmax(logits / temperature).mean(0)
        losses.append(-np.mean([math.log(shares[i, label]) for i, label in enumerate(labels)]))
    found = fit_temperature(logits.astype(np.float32), labels)
    assert found.value == pytest.approx(temperatures[np.argmin(losses)], rel=0.003)
    assert found.log_loss_after <= min(losses) + 1e-7
    assert found.value == pytest.approx(scale, rel=0.15)
    apart = cross_fit_temperature(logits, labels)
    assert apart.value == pytest.approx(found.value, rel=0.05)
    assert apart.log_loss_before == pytest.approx(found.log_loss_before)
    assert found.log_loss_after < apart.log_loss_after < found.log_loss_after + 0.01


def test_the_deeper_of_two_valleys() -> None:
    """Over two views the loss may have two minima: 0.614 at 2.22, where a plain search ends, and 0.423 at 0.0714."""
    logits = np.array([[[0.1, 0], [0.3, 0], [5.7, 0]], [[-0.2, 0], [-1.9, 0], [0.7, 0]]])
    labels = np.array([1, 0, 0])
    temperatures = np.geomspace(0.05, 20, 20_000)
    losses = [-np.log(softmax(logits / t).mean(0)[range(3), labels]).mean() for t in temperatures]
    valleys = [i for i in range(1, 19_999) if losses[i] < min(losses[i - 1], losses[i + 1])]
    assert temperatures[valleys] == pytest.approx([0.0714, 2.22], rel=1e-3)
    found = fit_temperature(logits, labels)
    assert found.value == pytest.approx(0.0714, rel=1e-3)
    assert found.log_loss_after == pytest.approx(min(losses), abs=1e-7)
    assert min(losses) == pytest.approx(0.423, abs=1e-3)


GOOD = (np.zeros((1, 4, 2), np.float32), np.array([0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("logits", "labels", "said"),
    [
        (np.zeros((1, 0, 3)), np.array([], int), "on no samples"),
        (np.zeros((1, 3, 3)), np.array([2, 2, 2]), r"3 sample\(s\) of one class"),
        (GOOD[0], GOOD[1][:3], r"3 labels need logits of the shape \(views, 3, classes\), not \(1, 4, 2\)"),
        (GOOD[0][0], GOOD[1], r"not \(4, 2\)"),
        (GOOD[0], np.array([0, 1, 2, 0]), r"Labels lie in 0\.\.2, but the logits are of 2 classes"),
        (np.full((1, 4, 2), np.nan), GOOD[1], "not finite"),
        (np.array([[[1.0, 0], [0, 1], [1, 0], [0, 1]]]), GOOD[1], "right too often"),
        (np.array([[[0.0, 1], [1, 0], [0, 1], [1, 0]]]), GOOD[1], "hardly better than chance"),
    ],
)
def test_what_cannot_be_fitted(logits: NDArray[np.floating], labels: NDArray[np.int64], said: str) -> None:
    for fit in (fit_temperature, cross_fit_temperature):
        with pytest.raises(DataError, match=said):
            fit(logits, labels)


def test_a_half_of_one_class_cannot_be_fitted() -> None:
    logits, labels = answers(9, 1)
    assert fit_temperature(logits, labels).value == pytest.approx(2 / math.log(9), rel=1e-4)
    with pytest.raises(DataError, match=r"5 sample\(s\) of one class"):
        cross_fit_temperature(logits, labels)

"""Over-fitting is named where it starts, and noise is not taken for it."""

from __future__ import annotations

import math
import random

import pytest

from training.overfitting import noise_of, overfitting

FALLING = [(epoch, 2.0 - 0.1 * epoch) for epoch in range(1, 16)]


def curve(*losses: float) -> list[tuple[int, float]]:
    return list(enumerate(losses, 1))


def test_noise_by_hand() -> None:
    # Each value lies 0.2 off the mean of its neighbours, up and down in turns.
    assert noise_of([0.0, 0.2, 0.0, 0.2, 0.0]) == pytest.approx(1.4826 * 0.2 / math.sqrt(1.5))
    assert noise_of([3.0, 2.0, 1.0, 0.0]) == 0, "a straight course is no noise"
    assert noise_of([1.0, 0.8, 0.6, 5.0, 0.2, 0.0, -0.2, -0.4, -0.6]) == pytest.approx(0, abs=1e-9), "nor is one jump"
    assert math.isnan(noise_of([1.0, 2.0]))


def test_noise_is_that_of_the_normal_distribution() -> None:
    chance = random.Random(3)  # noqa: S311
    values = [0.01 * i + chance.gauss(0, 0.25) for i in range(20_000)]
    assert noise_of(values) == pytest.approx(0.25, rel=0.03)


def test_it_is_named_with_the_epoch_of_the_lowest_loss() -> None:
    # Neighbours differ from a straight course by 0.1 at the bend and by 0 elsewhere, so the noise is 0.
    found = overfitting(curve(1.0, 0.9, 0.8, 0.7, 0.8, 0.9, 1.0, 1.1), FALLING)
    assert found is not None
    assert (found.epoch, found.lowest) == (4, 0.7)
    assert found.rise == pytest.approx(0.9 - 0.7), "the least of the last three epochs"
    assert found.noise == pytest.approx(0, abs=1e-12)
    assert "Over-fitting since epoch 4" in found.as_text()


def test_a_rise_within_the_noise_is_none() -> None:
    # 0.1 up and down: noise 1.4826 * 0.1 / sqrt(1.5) = 0.121, so that 0.61 of a rise would have to be exceeded.
    wave = [0.95 if i % 2 else 1.05 for i in range(8)]
    assert overfitting(curve(*wave, 1.05, 1.05, 1.05), FALLING) is None
    assert overfitting(curve(*wave, 1.7, 1.7, 1.7), FALLING) is not None


def test_what_has_to_be_there() -> None:
    rising = (1.0, 0.9, 0.8, 0.7, 0.8, 0.9, 1.0, 1.1)
    assert overfitting(curve(*rising[:7]), FALLING) is None, "seven epochs do not tell"
    assert overfitting(curve(*rising), curve(*[1.0] * 8)) is None, "training does not get better: it has diverged"
    assert overfitting(curve(*rising), []) is None
    assert overfitting([], []) is None
    assert overfitting(curve(*rising, 0.6), FALLING) is None, "the lowest is among the last"
    assert overfitting(curve(*rising[:5], math.nan, *rising[5:]), FALLING) is not None, "NaN is left out"


def test_false_alarms_of_flat_noise_are_few() -> None:
    chance = random.Random(0)  # noqa: S311
    alarms = 0
    for _ in range(100):
        losses = [(epoch, 1 + chance.gauss(0, 0.05)) for epoch in range(1, 61)]
        training = [(epoch, 2 - 0.01 * epoch) for epoch in range(1, 61)]
        alarms += any(overfitting(losses[:n], training[:n]) for n in range(8, 61))
    assert alarms <= 10

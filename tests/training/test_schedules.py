"""Rates step by step: by formula, by hand, and against torch's own schedulers."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from training.recipe import OptimiserSpec, parse_recipe
from training.schedules import Plateau, group_rates, rate_at


def rates(schedule: str, peak: float, steps: int, warmup: float = 0.2) -> list[float]:
    spec = OptimiserSpec(schedule=schedule, warmup=warmup)  # type: ignore[arg-type]
    return [rate_at(spec, peak, step, steps) for step in range(steps)]


def by_torch(peak: float, steps: int, warmup: float) -> list[float]:
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=peak)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, peak, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


@pytest.mark.parametrize(("peak", "steps", "warmup"), [(0.1, 70, 0.2), (0.5, 70, 0.3), (0.03, 11, 0.5), (1, 400, 0.05)])
def test_one_cycle_is_torch_s_bit_for_bit(peak: float, steps: int, warmup: float) -> None:
    """Runs that were begun under torch's scheduler go on under ours."""
    assert rates("one-cycle", peak, steps, warmup) == by_torch(peak, steps, warmup)


def test_one_cycle_by_formula() -> None:
    """Cosine from a 25th of the highest rate up, then down to a 250,000th; 70 steps."""
    found = rates("one-cycle", 0.5, 70, 0.3)
    rise = 0.3 * 70 - 1

    def by_formula(step: int) -> float:
        low, part = (0.5 / 25, step / rise) if step <= rise else (0.5 / 25e4, 1 - (step - rise) / (69 - rise))
        return low + (0.5 - low) * (1 - math.cos(math.pi * part)) / 2

    np.testing.assert_allclose(found, [by_formula(i) for i in range(70)], rtol=1e-6, atol=1e-9)
    assert found.index(max(found)) == 20
    assert max(found) == pytest.approx(0.5)


@pytest.mark.parametrize(("steps", "warmup"), [(5, 0.2), (10, 0.1), (1, 0.2), (2, 0.5), (4, 0.0), (3, 0.99)])
@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_the_shortest_runs_have_a_rate(schedule: str, steps: int, warmup: float) -> None:
    """The steps of the rise are one or none, which is a division by zero if taken literally."""
    found = rates(schedule, 0.1, steps, warmup)
    assert len(found) == steps
    assert all(0 <= rate <= 0.1 + 1e-9 for rate in found)
    assert steps == 1 or max(found) > 0.04


def test_cosine_with_warm_up_by_hand() -> None:
    # Two of ten steps rise: a half, the whole; then eight steps of half a cosine, its middle at the fourth.
    found = rates("cosine", 0.8, 10, 0.2)
    assert found[:3] == pytest.approx([0.4, 0.8, 0.8])
    assert found[6] == pytest.approx(0.4)
    assert found[4] == pytest.approx(0.4 * (1 + math.cos(math.pi / 4)))
    assert found[9] == pytest.approx(0.4 * (1 + math.cos(math.pi * 7 / 8)))
    assert rates("cosine", 0.8, 4, 0.0)[0] == pytest.approx(0.8)


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_constant(schedule: str) -> None:
    assert rates(schedule, 0.01, 5) == [0.01] * 5


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_the_plateau_is_torch_s(patience: int) -> None:
    chance = np.random.default_rng(patience)
    losses = [*np.linspace(2, 1, 6), *(1 + 0.2 * chance.random(20)), math.nan, 0.99995, 0.9998, *chance.random(9)]
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.1, patience=patience, eps=0)
    ours = Plateau(patience, 0.1)
    for loss in losses:
        ours.see(float(loss))
        theirs.step(float(loss))
        assert ours.factor == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
    assert ours.factor < 0.1  # it was lowered more than once
    assert Plateau(**ours.state()) == ours  # type: ignore[arg-type]


def test_the_plateau_by_hand() -> None:
    plateau = Plateau(patience=1, by=0.5)
    found = []
    for loss in (3, 2, 2, 2, 2, 2, 1):  # the second epoch in a row that is no better halves it; then the count is new
        plateau.see(loss)
        found.append(plateau.factor)
    assert found == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_rates_of_groups_by_phase() -> None:
    recipe = parse_recipe(
        {
            "name": "x",
            "model": {"architecture": "compact"},
            "groups": [
                {"name": "early", "layers": ["a"], "rate": 0.01},
                {"name": "middle", "layers": ["b"], "rate": 0.1},
            ],
            "phases": [{"name": "one", "epochs": 1}, {"name": "two", "epochs": 1, "rates": {"early": 0.5}}],
        }
    )
    assert group_rates(recipe, recipe.phases[0]) == {"early": 0.01, "middle": 0.1}
    assert group_rates(recipe, recipe.phases[1]) == {"early": 0.5, "middle": 0.1}

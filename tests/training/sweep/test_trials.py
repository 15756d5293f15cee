"""Trials with stand-ins for training: the optimum, pruning worked out by hand, breaks, ownership."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fer_core.errors import RecipeError, SweepError, TrainingError
from training.recipe.loading import recipe_values
from training.sweep.results import importance, sweep_result, sweep_results
from training.sweep.study import Plan, create_sweep, open_sweep
from training.sweep.trial import attempt, best_of_epochs, report

Make = Callable[..., Any]


class PulledPlugError(BaseException):
    """The machine is switched off."""


def test_the_optimum_of_a_parabola(make: Make) -> None:
    """(epochs - 12)^2 is 0 at 12; the width of a second key has no part in it."""
    space = {"epochs": {"low": 1, "high": 20}, "batch_size": [32, 64]}
    sweep = make(14, space=space, metric="val_loss")
    drawn = []
    for number in range(14):
        attempt(sweep, number, lambda d, _: drawn.append(d["epochs"]) or (d["epochs"] - 12) ** 2)
    found = sweep_result("s")
    assert [t.drawn["epochs"] for t in found.trials] == drawn
    assert [t.value for t in found.trials] == [(epochs - 12) ** 2 for epochs in drawn]
    assert len(set(drawn)) > 5  # trials of one seed do not all draw the same
    assert found.best is not None
    assert abs(drawn[found.best] - 12) <= 1
    assert found.best == min(range(14), key=lambda i: (drawn[i] - 12) ** 2)
    parts = importance("s")
    assert sum(parts.values()) == pytest.approx(1)
    assert next(iter(parts)) == "epochs"


def test_too_few_trials_say_nothing_of_importance(make: Make) -> None:
    sweep = make(2)
    attempt(sweep, 0, lambda *_: 1.0)
    assert importance("s") == {}
    assert sweep_results()[0].count("broken off") == 1


def test_pruning_by_the_median(make: Make) -> None:
    """Two finished trials with 0.4 and 0.6 after the second epoch: the median is 0.5. The first epoch is warm-up."""
    sweep = make(4, pruning={"startup_trials": 2, "warmup_epochs": 1})
    curves = [(0.1, 0.4, 0.5), (0.2, 0.6, 0.9), (0.0, 0.45, 0.99), (0.0, 0.55, 0.5)]
    seen: list[list[float]] = [[], [], [], []]

    def train(number: int) -> Callable[..., float]:
        def objective(_: Any, trial: Any) -> float:
            for epoch, value in enumerate(curves[number]):
                seen[number].append(value)
                report(trial, epoch, value, last=epoch == 2)
            return best_of_epochs(sweep, number) or 0

        return objective

    assert [attempt(sweep, i, train(i)) for i in range(4)] == ["complete", "complete", "pruned", "complete"]
    assert [len(values) for values in seen] == [3, 3, 2, 3]  # the last one's fall to 0.5 comes after its last epoch
    trials = sweep_result("s").trials
    assert [t.value for t in trials] == [0.5, 0.9, 0.45, 0.55]
    assert trials[2].curve == (0.0, 0.45)
    assert sweep_result("s").best == 1


def test_without_pruning_every_trial_runs_to_its_end(make: Make) -> None:
    sweep = make(3, pruning="none", metric="val_loss")

    def objective(_: Any, trial: Any) -> float:
        for epoch in range(4):
            report(trial, epoch, float(trial.number * 10 + (epoch - 1) ** 2), last=False)
        return best_of_epochs(sweep, trial.number) or 0.0

    assert [attempt(sweep, i, objective) for i in range(3)] == ["complete"] * 3
    assert [t.value for t in sweep_result("s").trials] == [0, 10, 20]  # the lowest of the epochs


def test_a_trial_that_was_broken_off_goes_on_with_its_values(make: Make) -> None:
    """It is neither lost nor counted twice, and what it has told already is told again without harm."""
    make(2)
    drawn: list[int] = []

    def objective(d: dict[str, Any], trial: Any) -> float:
        drawn.append(d["epochs"])
        report(trial, 0, 0.25, last=False)
        if len(drawn) == 1:
            raise PulledPlugError
        report(trial, 1, 0.75, last=True)
        return 0.75

    with pytest.raises(PulledPlugError):
        attempt(open_sweep("s"), 0, objective)
    assert [t.state for t in sweep_result("s").trials] == ["broken off", "broken off"]
    assert attempt(open_sweep("s"), 0, objective) == "complete"
    assert drawn[0] == drawn[1]
    assert attempt(open_sweep("s"), 0, objective) == "complete"  # it is over, and nothing is done
    assert len(drawn) == 2
    found = sweep_result("s")
    assert [t.state for t in found.trials] == ["complete", "broken off"]
    assert found.trials[0].curve == (0.25, 0.75)


def test_what_goes_wrong_fails_the_trial_and_stays_to_be_read(make: Make) -> None:
    def objective(*_: Any) -> float:
        raise TrainingError("The loss is no finite number.")

    sweep = make(1)
    with pytest.raises(TrainingError):
        attempt(sweep, 0, objective)
    found = sweep_result("s")
    assert (found.trials[0].state, found.trials[0].error) == ("fail", "The loss is no finite number.")
    assert found.best is None


def test_two_at_once_work_on_their_own_trials(make: Make) -> None:
    make(4)
    worked: list[tuple[int, int]] = []

    def objective(d: dict[str, Any], trial: Any) -> float:
        worked.append((trial.number, d["epochs"]))
        return float(d["epochs"])

    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda n: attempt(open_sweep("s"), n, objective), range(4)))
    assert sorted(number for number, _ in worked) == [0, 1, 2, 3]
    assert {t.number: t.value for t in sweep_result("s").trials} == dict(worked)


def test_workspaces_that_share_a_storage_leave_each_other_their_trials(
    make: Make, elsewhere: Callable[[str], None]
) -> None:
    elsewhere("one")
    make(1)
    elsewhere("two")
    sweep = make(1)
    assert [t.number for t in sweep.own_open_trials()] == [1]
    with pytest.raises(SweepError, match="belongs to another workspace"):
        attempt(sweep, 0, lambda *_: 1.0)
    assert attempt(sweep, 1, lambda *_: 1.0) == "complete"


def test_a_name_stands_for_one_sweep(make: Make) -> None:
    make(1)
    assert len(make(1).trials()) == 2  # the same again goes on
    with pytest.raises(SweepError, match="of another recipe, space or data set"):
        make(1, space={"epochs": [1, 2]})
    plan = Plan(recipe=recipe_values("compact"), sweep={"space": {"epochs": {"low": 1, "high": 40}}}, data="other")
    with pytest.raises(SweepError, match="data set"):
        create_sweep("s", plan)
    with pytest.raises(SweepError, match="not a name for a sweep"):
        create_sweep("../s", plan)
    with pytest.raises(SweepError, match="no trial 7; it has 2"):
        attempt(open_sweep("s"), 7, lambda *_: 1.0)


def test_unknown_sweeps_and_storages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sweep_results() == []
    with pytest.raises(SweepError, match="There is no sweep 'x' here"):
        open_sweep("x")
    monkeypatch.setenv("FERSCOPE_SWEEPS", "postgresql+psycopg2://user:secret@nowhere.invalid/sweeps")
    with pytest.raises(SweepError, match=r"cannot be opened") as caught:
        open_sweep("x")
    assert "secret" not in str(caught.value)


def test_a_combination_that_the_recipe_does_not_take(make: Make) -> None:
    """Each key alone is tried before; together they may not fit, which fails the trial."""
    sweep = make(1, space={"phases": [[{"name": "a", "epochs": 2}]], "epochs": [3]})
    with pytest.raises(RecipeError, match="phases have 2 together"):
        attempt(sweep, 0, lambda d, _: float(sweep.recipe(d).epochs))
    assert sweep_result("s").trials[0].state == "fail"

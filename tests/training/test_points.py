"""Points within an epoch: means by hand, as rarely as is said, and each once however often a run was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fer_core.data import SampleTable
from tests.training.runs import same, weights
from training.fit import Run, fit
from training.keeping import LAST
from training.module import FERModule
from training.points import Points
from training.recipe import Recipe
from training.tracking.files import STEPS

Make = Callable[..., Recipe]
EVERY = 10  # steps between two points


class Clock:
    """A time that goes on by as much with each look."""

    def __init__(self, step_s: float) -> None:
        self.now, self.step_s = 0.0, step_s

    def monotonic(self) -> float:
        """As that of `time`."""
        self.now += self.step_s
        return self.now


class Killed(BaseException):
    """The machine was switched off."""


def fit_and_kill(run: Run, step: int) -> None:
    """Goes on with it and is switched off before this step."""
    real = FERModule.training_step

    def training_step(self: FERModule, batch: Any, index: int) -> torch.Tensor:
        if self.global_step == step:
            raise Killed
        return real(self, batch, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FERModule, "training_step", training_step)
        with pytest.raises(Killed):
            fit(run)


def points(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / STEPS).read_text().splitlines()]


def recipe(tiny_recipe: Make) -> Recipe:
    """Three epochs whose ends are between two points."""
    return tiny_recipe(epochs=3, batch_size=2, optimiser={"learning_rate": 0.1}, target={"label_smoothing": 0.1})


@pytest.fixture(scope="module")
def whole(
    few: SampleTable, tiny_recipe: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, list[tuple[float, float, float]]]:
    """A run that nothing interrupted, and of each of its steps loss, share of right answers and rate."""
    folder = tmp_path_factory.mktemp("whole")
    run = Run(recipe(tiny_recipe), few, "drawn", folder / "run", folder / "out", 0)
    seen: list[tuple[float, float, float]] = []
    real = FERModule.loss_on

    def loss_on(self: FERModule, pixels: torch.Tensor, targets: torch.Tensor, step: int) -> Any:
        loss, logits, shown = real(self, pixels, targets, step)
        if self._trainer is None:  # a step that is only tried, to see what memory it takes
            return loss, logits, shown
        right = sum(int(a.argmax() == b.argmax()) for a, b in zip(logits, shown, strict=True))
        rate = self.trainer.optimizers[0].param_groups[-1]["lr"]
        seen.append((float(loss.detach()), right / len(logits), rate))
        return loss, logits, shown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FERModule, "loss_on", loss_on)
        patch.setattr("training.points.time", Clock(60))
        fit(run)
    return run, seen


def test_each_point_is_the_mean_of_the_steps_since_the_one_before(
    whole: tuple[Run, list[tuple[float, float, float]]],
) -> None:
    run, seen = whole
    a_epoch = len(seen) // 3
    assert a_epoch % EVERY, "the ends of the epochs are to lie between points"
    found = points(run.folder)
    assert [row["step"] for row in found] == list(range(EVERY, len(seen) + 1, EVERY))
    for place, row in enumerate(found):
        steps = seen[place * EVERY : (place + 1) * EVERY]
        assert row["epoch"] == pytest.approx((place + 1) * EVERY / a_epoch)
        assert row["train_loss"] == pytest.approx(sum(loss for loss, _, _ in steps) / EVERY, rel=1e-5)
        assert row["train_accuracy"] == pytest.approx(sum(right for _, right, _ in steps) / EVERY)
        assert row["learning_rate"] == steps[-1][2]


@pytest.mark.parametrize(("keep", "steps"), [(0, [19]), (4, [12, 31]), (7, [11, 20, 34])])
def test_a_run_that_was_killed_has_each_point_once(
    keep: int,
    steps: list[int],
    whole: tuple[Run, list[tuple[float, float, float]]],
    few: SampleTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed after these steps, with points behind the state that it goes on from, and half a line more."""
    run = Run(whole[0].recipe, few, "drawn", tmp_path / "run", tmp_path / "out", keep)
    monkeypatch.setattr("training.points.time", Clock(60))
    for step in steps:
        fit_and_kill(run, step)
        assert [row["step"] for row in points(run.folder)] == list(range(EVERY, step + 1, EVERY))
        with (run.folder / STEPS).open("a") as stream:
            stream.write('{"step": 12, "epo')

    kept: list[int] = []
    begin = Points.on_train_start

    def on_train_start(self: Points, trainer: Any, module: Any) -> None:
        begin(self, trainer, module)
        kept.append(trainer.global_step)
        assert all(row["step"] <= trainer.global_step for row in points(run.folder))

    monkeypatch.setattr(Points, "on_train_start", on_train_start)
    fit(run)
    assert 0 < kept[0] < steps[-1]
    assert (run.folder / STEPS).read_bytes() == (whole[0].folder / STEPS).read_bytes()
    assert same(weights(run.checkpoint_folder), weights(whole[0].checkpoint_folder))


def test_a_state_of_before_there_were_points(
    whole: tuple[Run, list[tuple[float, float, float]]], few: SampleTable, tmp_path: Path
) -> None:
    """It has three sums, those of the epoch, and the run ends as it would have."""
    run = Run(whole[0].recipe, few, "drawn", tmp_path / "run", tmp_path / "out", 4)
    fit_and_kill(run, 9)
    state = torch.load(run.folder / LAST, weights_only=False)
    assert state["ferscope"]["sums"].shape == (2, 3)
    state["ferscope"]["sums"] = state["ferscope"]["sums"][0]
    torch.save(state, run.folder / LAST)
    fit(run)
    assert (run.folder / "history.jsonl").read_bytes() == (whole[0].folder / "history.jsonl").read_bytes()


@pytest.mark.parametrize(("a_look_s", "expected"), [(0.1, []), (2.6, [20, 40]), (60, [10, 20, 30, 40, 50])])
def test_every_so_many_steps_but_not_more_often_than_every_few_seconds(
    a_look_s: float, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is looked at after each tenth step alone."""
    monkeypatch.setattr("training.points.time", Clock(a_look_s))
    module: Any = SimpleNamespace(take_point=lambda: {"train_loss": 1.5})
    told = Points(tmp_path, every_steps=10, every_s=5.0)
    trainer: Any = SimpleNamespace(global_step=0, num_training_batches=25)
    told.on_train_start(trainer, module)
    for trainer.global_step in range(1, 51):
        told.on_train_batch_end(trainer, module)
    found = points(tmp_path) if expected else []
    assert [row["step"] for row in found] == expected
    assert [row["epoch"] for row in found] == [step / 25 for step in expected]
    assert (tmp_path / STEPS).exists() == bool(expected)

"""Runs that were killed within an epoch end bit for bit like one that was not, whatever the recipe remembers."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch

from fer_core.data import SampleTable
from tests.training.runs import history, same, weights
from training.fit import Run, fit
from training.keeping import LAST
from training.module import FERModule
from training.progress import Progress
from training.recipe import Recipe

Make = Callable[..., Recipe]
A_EPOCH, STEPS = 5, 20

# What a run remembers from one step to the next: momentum or Adam's moments, the moving average, the plateau, frozen
# layers and their normalisation, rates by phase, early stopping, repeated samples, and chance in the batch.
RECIPES: dict[str, dict[str, Any]] = {
    "one-cycle": {"epochs": 4, "optimiser": {"learning_rate": 0.3}},
    "phases": {
        "epochs": 4,
        "phases": [
            {"name": "head", "epochs": 1, "freeze": ["*", "!head"], "learning_rate": 0.1},
            {"name": "upper", "epochs": 2, "freeze_before": 2},
            {"name": "everything", "epochs": 1, "rates": {"early": 0.5}},
        ],
        "groups": [{"name": "early", "layers": ["features"], "rate": 0.1}],
        "optimiser": {"name": "adam", "learning_rate": 0.01, "schedule": "cosine"},
        "average_decay": 0,
    },
    "plateau": {
        "epochs": 4,
        "optimiser": {"name": "adamw", "learning_rate": 0.03, "schedule": "plateau", "plateau_patience": 0},
        "sampling": "balanced",
        "loss": {"name": "focal", "class_weights": "balanced"},
        "augment": {"mixup": 0.4, "cutmix": 1.0, "random_ops": 2, "noise": 0.02, "noise_copies": 0},
        "stopping": {"patience": 3, "monitor": "val_accuracy"},
        "preprocess": {"mean": "from-data", "std": "from-data"},
        "select": "last",
    },
}


class Killed(BaseException):
    """The machine was switched off."""


@pytest.fixture(scope="module", params=sorted(RECIPES))
def whole(
    request: pytest.FixtureRequest, few: SampleTable, tiny_recipe: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, Path, Path]:
    """A recipe and the folders of a run that nothing interrupted."""
    recipe = tiny_recipe(batch_size=5, seed=3, **RECIPES[request.param])
    folder = tmp_path_factory.mktemp(request.param)
    fit(Run(recipe, few, "drawn", folder / "run", folder / "checkpoint", keep_every_steps=0))
    assert len(history(folder / "run")) == 4
    return recipe, folder / "run", folder / "checkpoint"


def run_until(step: int, run: Run, after: bool = False) -> list[int]:
    """Runs, kills it in the step of that number (from 0), or just after; gives the steps that were begun."""
    begun: list[int] = []
    real_step, real_end = FERModule.training_step, Progress.on_train_batch_end

    def training_step(self: FERModule, batch: Any, index: int) -> torch.Tensor:
        begun.append(self.global_step)
        if self.global_step == step and not after:
            raise Killed
        return real_step(self, batch, index)

    def on_train_batch_end(self: Progress, trainer: Any, *others: Any) -> None:
        real_end(self, trainer, *others)
        if after and trainer.global_step == step + 1:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FERModule, "training_step", training_step)
        patch.setattr(Progress, "on_train_batch_end", on_train_batch_end)
        if step < STEPS:
            with pytest.raises(Killed):
                fit(run)
        else:
            fit(run)
    return begun


def check(run: Run, whole: tuple[Recipe, Path, Path]) -> None:
    assert same(weights(run.checkpoint_folder), weights(whole[2]))
    assert history(run.folder) == history(whole[1])


@pytest.mark.parametrize("every", [1, 2, 3])
def test_killed_anywhere_and_gone_on(
    every: int, whole: tuple[Recipe, Path, Path], few: SampleTable, tmp_path: Path
) -> None:
    """Each time it is killed at a step drawn anew, until it comes through."""
    chance = random.Random(every)  # noqa: S311
    run = Run(whole[0], few, "drawn", tmp_path / "run", tmp_path / "checkpoint", keep_every_steps=every)
    kept = 0
    for step in sorted(chance.sample(range(1, STEPS), 4)):
        begun = run_until(step, run, after=chance.random() < 0.5)
        assert begun == list(range(kept, step + 1))
        done = torch.load(run.folder / LAST, weights_only=False)["global_step"] if step >= every else 0
        assert done >= step - every  # no more was lost than the steps since
        kept = done
    assert run_until(STEPS, run) == list(range(kept, STEPS))
    check(run, whole)


@pytest.mark.parametrize("step", [0, A_EPOCH - 1, A_EPOCH, 2 * A_EPOCH - 1, STEPS - 1])
def test_killed_at_the_seams(step: int, whole: tuple[Recipe, Path, Path], few: SampleTable, tmp_path: Path) -> None:
    run = Run(whole[0], few, "drawn", tmp_path / "run", tmp_path / "checkpoint", keep_every_steps=1)
    run_until(step, run, after=True)
    run_until(STEPS, run)
    check(run, whole)


def test_killed_while_the_state_was_written(whole: tuple[Recipe, Path, Path], few: SampleTable, tmp_path: Path) -> None:
    """Half a file beside the whole one of the step before."""
    run = Run(whole[0], few, "drawn", tmp_path / "run", tmp_path / "checkpoint", keep_every_steps=1)
    run_until(7, run)
    (run.folder / f".{LAST}").write_bytes((run.folder / LAST).read_bytes()[:1000])
    assert run_until(STEPS, run) == list(range(7, STEPS))
    check(run, whole)


def test_a_run_may_be_kept_more_often_than_before(
    whole: tuple[Recipe, Path, Path], few: SampleTable, tmp_path: Path
) -> None:
    run = Run(whole[0], few, "drawn", tmp_path / "run", tmp_path / "checkpoint", keep_every_steps=0)
    assert run_until(8, run) == list(range(9))
    assert torch.load(run.folder / LAST, weights_only=False)["global_step"] == A_EPOCH
    run = Run(whole[0], few, "drawn", tmp_path / "run", tmp_path / "checkpoint", keep_every_steps=1)
    assert run_until(STEPS, run) == list(range(A_EPOCH, STEPS))
    check(run, whole)


class Counter(lightning.Callback):
    """Counts steps, and keeps the count with the run."""

    def __init__(self) -> None:
        self.steps, self.accuracies = 0, list[float]()

    def on_train_batch_end(self, *_: Any) -> None:
        self.steps += 1

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        self.accuracies.append(float(trainer.callback_metrics["val_accuracy"]))

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "accuracies": self.accuracies}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self.accuracies = state["steps"], state["accuracies"]


def test_who_watches_a_run_is_kept_with_it(whole: tuple[Recipe, Path, Path], few: SampleTable, tmp_path: Path) -> None:
    run = Run(whole[0], few, "drawn", tmp_path / "run", tmp_path / "checkpoint", keep_every_steps=1)

    class Plug(lightning.Callback):
        def on_train_batch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
            if trainer.global_step == 12:
                raise Killed

    with pytest.raises(Killed):
        fit(run, [Counter(), Plug()])
    counter = Counter()
    fit(run, [counter])
    assert counter.steps == STEPS
    assert counter.accuracies == [row["val_accuracy"] for row in history(whole[1])]
    check(run, whole)

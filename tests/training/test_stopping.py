"""Runs that end before their last epoch, and what they keep."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fer_core.data import SampleTable
from tests.training.runs import history, same, weights
from training.fit import Run, fit
from training.keeping import Stopping
from training.module import FERModule
from training.recipe import Recipe

Make = Callable[..., Recipe]


class Trainer:
    """What a run would tell the callback."""

    def __init__(self) -> None:
        self.should_stop, self.current_epoch = False, 0
        self.callback_metrics: dict[str, torch.Tensor] = {}


def epochs_until_the_end(stopping: Stopping, values: list[float]) -> int:
    trainer: Any = Trainer()
    for epoch, value in enumerate(values):
        trainer.current_epoch = epoch
        trainer.callback_metrics = {stopping.spec.monitor: torch.tensor(value)}
        stopping.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
        if trainer.should_stop:
            return epoch + 1
    return 0


@pytest.mark.parametrize(
    ("spec", "values", "ends"),
    [
        ({"patience": 2}, [3, 2, 2.5, 2.1, 1, 1], 4),
        ({"patience": 3}, [3, 2, 2.5, 2.1, 1, 1, 1], 0),
        ({"patience": 2}, [3, 3, 3], 3),  # as good as before is not better
        ({"patience": 1, "min_delta": 0.5}, [3, 2.4, 2], 3),
        ({"patience": 2, "monitor": "val_accuracy"}, [0.1, 0.5, 0.4, 0.3], 4),
        ({"patience": 2, "monitor": "val_accuracy"}, [0.1, 0.2, 0.3, 0.4], 0),
        ({"patience": 0}, [1, 2, 3, 4], 0),
        ({"patience": 2}, [3, float("nan"), float("nan")], 3),
    ],
)
def test_patience_by_hand(spec: dict[str, Any], values: list[float], ends: int, tiny_recipe: Make) -> None:
    assert epochs_until_the_end(Stopping(tiny_recipe(stopping=spec)), values) == ends


def test_only_the_last_phase_counts(tiny_recipe: Make) -> None:
    phases = [{"name": "a", "epochs": 3}, {"name": "b", "epochs": 5}]
    recipe = tiny_recipe(epochs=8, phases=phases, stopping={"patience": 2})
    assert epochs_until_the_end(Stopping(recipe), [1, 2, 3, 4, 5, 6, 7, 8]) == 6


@pytest.fixture
def worse_and_worse(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Validation losses rise with every epoch; gives the steps that are made."""
    steps: list[int] = []
    real = FERModule.training_step
    monkeypatch.setattr(FERModule, "training_step", lambda self, *a: steps.append(self.global_step) or real(self, *a))

    def rising(_answers: torch.Tensor, labels: torch.Tensor, **_how: str) -> torch.Tensor:
        return torch.full((len(labels),), float(len(steps)))

    monkeypatch.setattr("training.module.functional.nll_loss", rising)
    return steps


def test_a_run_ends_early_and_ships_its_best_epoch(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], worse_and_worse: list[int]
) -> None:
    recipe = tiny_recipe(epochs=9, batch_size=8, stopping={"patience": 2}, optimiser={"learning_rate": 0.3})
    run = prepare(recipe, few)
    card = fit(run).card
    rows = history(run.folder)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert worse_and_worse == list(range(9))
    best = max(rows, key=lambda row: row["val_accuracy"])["epoch"]
    assert card.trained is not None
    assert card.trained.selected_on == f"best validation accuracy, epoch {best} of 9"
    before = weights(run.checkpoint_folder)
    fit(run)  # it had ended; nothing is trained any more
    assert worse_and_worse == list(range(9))
    assert same(weights(run.checkpoint_folder), before)
    assert history(run.folder) == rows

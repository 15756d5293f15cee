"""Runs in phases: what stands still stands still, and learns afterwards at its rate."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from fer_core.data import SampleTable
from fer_core.models import create_model
from tests.training.runs import history, same, weights
from training.fit import Run, fit
from training.fit import prepare as prepared
from training.module import FERModule
from training.recipe import Recipe

Make = Callable[..., Recipe]
PHASES = [
    {"name": "head", "epochs": 2, "freeze": ["*", "!head"], "learning_rate": 0.2},
    {"name": "everything", "epochs": 2},
]
GROUPS = [{"name": "early", "layers": ["features.stage1"], "rate": 0.1}]


def in_phases(tiny_recipe: Make, **changes: Any) -> Recipe:
    values = {
        "phases": PHASES,
        "groups": GROUPS,
        "optimiser": {"learning_rate": 0.05, "schedule": "constant"},
        "average_decay": 0,
        "batch_size": 8,
        "select": "last",
    }
    return tiny_recipe(**(values | changes))  # four epochs, as the tiny recipe has them


class Seen:
    """What a run was before each of its steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []
        self.rates: list[dict[str, float]] = []
        real = FERModule.training_step

        def training_step(module: FERModule, batch: Any, index: int) -> torch.Tensor:
            self.weights.append({k: v.clone() for k, v in module.model.state_dict().items()})
            optimiser: Any = module.optimizers(use_pl_optimizer=False)
            self.rates.append({g["name"]: g["lr"] for g in optimiser.param_groups})
            return real(module, batch, index)

        monkeypatch.setattr(FERModule, "training_step", training_step)


def test_what_is_frozen_does_not_move(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(monkeypatch)
    run = prepare(in_phases(tiny_recipe), few)
    fit(run)
    assert len(seen.weights) == 12  # four epochs of three batches
    first, unfrozen = seen.weights[0], seen.weights[6]
    torch.manual_seed(0)
    fresh = create_model("compact", num_classes=7, in_channels=1, widths=[8, 16, 16], depths=[1, 1, 1]).state_dict()
    assert same(first, fresh)
    body = [name for name in first if name.startswith("features")]
    assert any("running_mean" in name for name in body)
    assert any("num_batches_tracked" in name for name in body)
    for name in body:  # weights, biases and running statistics
        assert torch.equal(first[name], unfrozen[name]), name
    assert not torch.equal(first["head.weight"], unfrozen["head.weight"])
    shipped = weights(run.checkpoint_folder)
    for name in body:
        assert not torch.equal(shipped[name], unfrozen[name]), name


def test_rates_by_phase_and_group(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(monkeypatch)
    run = prepare(in_phases(tiny_recipe), few)
    fit(run)
    assert seen.rates[:6] == [{"early": pytest.approx(0.02), "rest": 0.2}] * 6
    assert seen.rates[6:] == [{"early": pytest.approx(0.005), "rest": 0.05}] * 6
    assert [row["learning_rate"] for row in history(run.folder)] == pytest.approx([0.2, 0.2, 0.05, 0.05])


def test_the_schedule_begins_anew_with_each_phase(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(monkeypatch)
    fit(prepare(in_phases(tiny_recipe, optimiser={"learning_rate": 0.05, "schedule": "cosine", "warmup": 0.5}), few))
    rest = [rates["rest"] for rates in seen.rates]
    assert rest[:3] == pytest.approx([0.2 / 3, 0.4 / 3, 0.2])
    assert rest[6:9] == pytest.approx([0.05 / 3, 0.1 / 3, 0.05])
    assert rest[3:6] == pytest.approx([0.2, 0.15, 0.05])  # half a cosine in three steps: 1, 3/4, 1/4


def test_a_rate_of_nothing_is_frozen_too(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(monkeypatch)
    phases = [{"name": "all", "epochs": 1, "rates": {"early": 0}}]
    fit(prepare(in_phases(tiny_recipe, phases=phases, epochs=1), few))
    name = "features.stage1.0.conv.weight"
    assert torch.equal(seen.weights[0][name], seen.weights[2][name])
    assert not torch.equal(seen.weights[0]["head.weight"], seen.weights[2]["head.weight"])


def test_the_plateau_lowers_the_rate_of_the_next_epoch(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a loss that rises from the first epoch on and no patience every epoch is lowered but the first two."""
    seen = Seen(monkeypatch)

    def rising(_answers: torch.Tensor, labels: torch.Tensor, **_how: str) -> torch.Tensor:
        return torch.full((len(labels),), 1.0 + len(seen.rates))

    monkeypatch.setattr("training.module.functional.nll_loss", rising)
    spec = {"learning_rate": 0.1, "schedule": "plateau", "plateau_patience": 0, "plateau_factor": 0.5}
    fit(prepare(tiny_recipe(epochs=4, batch_size=8, optimiser=spec), few))
    assert [rates["rest"] for rates in seen.rates] == pytest.approx([0.1] * 6 + [0.05] * 3 + [0.025] * 3)


def test_mean_and_deviation_of_the_training_split_stand_in_the_card(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    recipe = tiny_recipe(epochs=1, preprocess={"mean": "from-data", "std": "from-data"}, average_decay=0)
    card = fit(prepare(recipe, few)).card
    pixels = np.stack(few.split("train").faces()) / 255
    assert card.preprocess.mean == pytest.approx((pixels.mean(),), abs=1e-6)
    assert card.preprocess.std == pytest.approx((pixels.std(),), abs=1e-6)
    assert card.trained is not None
    assert card.trained.recipe["preprocess"]["mean"] == "from-data"
    assert card.trained.started_from == "random weights"


def test_copies_are_trained_on_and_not_validated_on(few: SampleTable, tiny_recipe: Make) -> None:
    module, _ = prepared(tiny_recipe(augment={"noise_copies": 1}), few.split("train"), few.split("validation"))
    assert (len(module.training_data), len(module.validation_data)) == (56, 14)

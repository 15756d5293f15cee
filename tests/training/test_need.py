"""What a run notes of the memory that it will take, against sizes counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest
import torch

from fer_core.data import SampleTable
from training.fit import Run, fit, prepare
from training.memory import estimated_need
from training.need import need_of
from training.recipe import Recipe

Make = Callable[..., Recipe]


def module_of(recipe: Recipe, samples: SampleTable) -> Any:
    return prepare(recipe, samples.split("train"), samples.split("validation"))[0]


def test_sizes_counted_by_hand(few: SampleTable, tiny_recipe: Make) -> None:
    """One convolution of 3x3, 1 to 4 channels; pooling by two; one linear layer of 4 x 24 x 24 numbers.

    Each face keeps for the way back: itself, the convolution's map, which pixels the pooling took (8 bytes each), its
    result, and the same once more as a row for the linear layer; and half as much is taken beside it.
    """
    recipe = tiny_recipe(
        model={"architecture": "fec-cnn", "arguments": {"filters": [4], "hidden": [], "kernel": 3, "map_px": 24}},
        optimiser={"name": "adam", "learning_rate": 0.001},
        batch_size=12,
    )
    module = module_of(recipe, few)
    before_mb = psutil.Process().memory_info().rss / 1e6
    need = estimated_need(module, autocast=False)
    assert need is not None
    assert (need.batch_size, need.processes) == (12, 1)
    kept = 4 * 48 * 48 + 4 * 4 * 48 * 48 + 8 * 4 * 24 * 24 + 2 * 4 * 4 * 24 * 24
    assert need.face_mb == pytest.approx(1.5 * kept / 1e6, rel=0.01)
    weights_mb = 4 * (4 * 9 + 4 + 7 * 4 * 24 * 24 + 7) / 1e6  # 0.06
    copies = 4  # gradients, Adam's two moments, the moving average
    assert need.fixed_mb == pytest.approx(before_mb + copies * weights_mb, abs=30)


def test_nothing_of_the_run_is_changed_by_it(few: SampleTable, tiny_recipe: Make) -> None:
    module = module_of(tiny_recipe(), few)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert any("running_mean" in name for name in before)
    estimated_need(module, autocast=True)
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in module.parameters())


def test_a_run_notes_it_before_its_first_step(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lightning.Trainer.fit", killed)
    run = prepare(tiny_recipe(batch_size=14), few)
    with pytest.raises(KeyboardInterrupt):
        fit(run)
    need = need_of(run.folder)
    assert need is not None
    assert need.batch_size == 14
    size = need.fitting(need.fixed_mb + 10 * need.face_mb + 1e-6)
    assert size == 10

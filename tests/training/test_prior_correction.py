"""Rare classes are said more often: what the network says, divided by a power of the classes' frequencies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fer_core.data import SampleTable
from fer_core.errors import ModelError, RecipeError
from fer_core.models.surgery import shift_logits
from fer_core.predict import Predictor
from training.checks import check_recipe
from training.fit import Run, fit
from training.losses import prior_shift
from training.recipe import LossSpec, Recipe

Make = Callable[..., Recipe]


def test_by_hand() -> None:
    # Frequencies of 1/2, 1/4, 1/4; minus half of their logs is half the log of 2, 4, 4.
    shift = prior_shift(LossSpec(prior_correction=0.5), torch.tensor([0, 1, 0, 2]), 3)
    assert shift.tolist() == pytest.approx([0.5 * np.log(2), np.log(2), np.log(2)])


@pytest.fixture
def uneven(drawn: SampleTable) -> SampleTable:
    """The drawn faces with 4 of the 16 disgusted ones that there are to train on."""
    rows = drawn.table.to_pylist()
    rare = [i for i, row in enumerate(rows) if row["split"] == "train" and row["label"] == "disgust"][4:]
    return replace(drawn, table=drawn.table.take([i for i in range(len(rows)) if i not in rare]))


def test_probabilities_are_those_of_the_run_divided_by_a_power_of_the_frequencies(
    tiny_recipe: Make, uneven: SampleTable, tmp_path: Path
) -> None:
    found = []
    for correction in (0.0, 0.7):
        recipe = tiny_recipe(loss={"prior_correction": correction}, epochs=1, flip_at_test=False)
        folder = tmp_path / str(correction)
        checkpoint = fit(Run(recipe, uneven, "uneven", folder / "run", folder / "out"))
        found.append(Predictor(checkpoint).probabilities(uneven.split("test").faces()))
    frequencies = np.array([16, 4, 16, 16, 16, 16, 16]) / 100  # in the order of FER7
    expected = found[0] / frequencies**0.7
    np.testing.assert_allclose(found[1], expected / expected.sum(1, keepdims=True), rtol=1e-4, atol=1e-6)
    assert (found[1][:, 1] > found[0][:, 1]).all()


def test_a_network_without_such_a_layer_is_refused_before_it_is_trained(
    tiny_recipe: Make, drawn: SampleTable, tmp_path: Path
) -> None:
    model: dict[str, Any] = {"architecture": "torchvision/squeezenet1_1", "arguments": {}}
    recipe = tiny_recipe(model=model, loss={"prior_correction": 1.0})
    said = r"SqueezeNet does not end in a linear layer with a bias .* Set loss\.prior_correction to 0\."
    with pytest.raises(RecipeError, match=said):
        check_recipe(recipe)
    with pytest.raises(RecipeError, match=said):
        fit(Run(recipe, drawn, "drawn", tmp_path / "run", tmp_path / "out"))
    check_recipe(tiny_recipe(model=model))
    with pytest.raises(ModelError, match="bias for each of its outputs"):
        shift_logits(torch.nn.Linear(2, 3, bias=False), torch.zeros(3))

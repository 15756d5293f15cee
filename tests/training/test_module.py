"""One step, one validation, one optimiser: each against the formula."""

import math
from collections.abc import Callable

import lightning
import numpy as np
import pytest
import torch
from torch import nn

from fer_core.data import SampleTable
from fer_core.models import create_model
from fer_core.preprocess import Preprocess
from training.augment import augment
from training.batches import InOrder
from training.data import load_tensors
from training.layers import make_optimiser
from training.module import FERModule, balanced_accuracy
from training.recipe import OptimiserSpec, Recipe

Make = Callable[..., Recipe]


def module_of(samples: SampleTable, recipe: Recipe, validation: str = "validation") -> FERModule:
    torch.manual_seed(recipe.seed)
    model = create_model(recipe.model.architecture, num_classes=7, in_channels=1, **recipe.model.arguments)
    data = (load_tensors(samples.split(name), recipe) for name in ("train", validation))
    return FERModule(model, recipe, *data)


def test_forward_normalises(few: SampleTable, tiny_recipe: Make) -> None:
    how = Preprocess(mean=(0.2,), std=(0.4,))
    module = module_of(few, tiny_recipe(preprocess=how.model_dump())).eval()
    pixels = module.training_data.pixels[:3]
    with torch.no_grad():
        expected = module.model((pixels / 255 - 0.2) / 0.4)
        torch.testing.assert_close(module(pixels), expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_cross_entropy_against_the_targets(few: SampleTable, tiny_recipe: Make) -> None:
    recipe = tiny_recipe(target={"label_smoothing": 0.2}, seed=5)
    module = module_of(few, recipe).train()
    module.model.dropout.p = 0.0
    pixels, targets = next(iter(module.train_dataloader()))
    loss = module.training_step((pixels, targets), 0)
    chance = torch.Generator().manual_seed(5 * 1_000_003)  # seed 5, step 0
    with torch.no_grad():
        logits = module(augment(pixels, recipe.augment, chance)).double().numpy()
    log_probability = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    by_hand = -(targets.numpy() * log_probability).sum(1).mean()
    assert loss.item() == pytest.approx(by_hand, rel=1e-4)
    assert loss.requires_grad


def test_the_chance_of_a_step_is_that_of_seed_and_step(few: SampleTable, tiny_recipe: Make) -> None:
    def loss(seed: int, noise: int) -> float:
        module = module_of(few, tiny_recipe()).train()  # the same weights each time
        module.recipe = tiny_recipe(seed=seed)
        torch.manual_seed(noise)
        return module.training_step((module.training_data.pixels[:8], module.training_data.targets[:8]), 0).item()

    assert loss(1, noise=1) == loss(1, noise=2)  # dropout included
    assert len({loss(seed, noise=1) for seed in range(5)}) == 5
    assert math.isfinite(loss(2**31 - 1, noise=1))  # the largest seed that a recipe may have


@pytest.mark.parametrize("flip", [False, True])
def test_validation_by_hand(flip: bool, drawn: SampleTable, tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of(drawn, tiny_recipe(flip_at_test=flip))
    monkeypatch.setattr(module, "val_dataloader", lambda: InOrder(module.validation_data, 15))  # 56 in four batches
    pixels = module.validation_data.pixels
    pixels += torch.linspace(0, 40, 48).to(torch.uint8)  # no face is its own mirror image
    with torch.no_grad():
        module.model.head.weight.mul_(20)
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False,
    )  # fmt: skip
    (found,) = trainer.validate(module, verbose=False)
    module.eval()
    with torch.no_grad():
        probabilities = module(pixels).softmax(1)
        if flip:
            probabilities = (probabilities + module(pixels.flip(3)).softmax(1)) / 2
    labels = module.validation_data.labels
    right = (probabilities.argmax(1) == labels).float().mean().item()
    assert found["val_accuracy"] == pytest.approx(right, abs=1e-6)
    loss = -np.log(probabilities.numpy()[np.arange(56), labels]).mean()
    assert found["val_loss"] == pytest.approx(loss, rel=1e-4)


def test_weights_are_decayed_and_biases_are_not() -> None:
    model = create_model("vggnet-670k", num_classes=7, in_channels=3)
    optimiser = make_optimiser(model, OptimiserSpec(learning_rate=0.3, weight_decay=0.01, momentum=0.8))
    assert isinstance(optimiser, torch.optim.SGD)
    decayed, plain = optimiser.param_groups
    weights = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    others = [m.bias for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    others += [p for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in (m.weight, m.bias)]
    assert {id(p) for p in decayed["params"]} == {id(p) for p in weights}
    assert {id(p) for p in plain["params"]} == {id(p) for p in others}
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.01, 0.0)
    for group in optimiser.param_groups:
        assert (group["lr"], group["momentum"], group["nesterov"]) == (0.3, 0.8, True)


def test_other_optimisers() -> None:
    model = nn.Linear(2, 2)
    assert type(make_optimiser(model, OptimiserSpec(name="adamw"))) is torch.optim.AdamW
    assert type(make_optimiser(model, OptimiserSpec(name="adam"))) is torch.optim.Adam
    plain = make_optimiser(model, OptimiserSpec(nesterov=False))
    assert (plain.param_groups[0]["nesterov"], plain.param_groups[0]["momentum"]) == (False, 0.9)
    still = make_optimiser(model, OptimiserSpec(momentum=0))
    assert still.param_groups[0]["nesterov"] is False  # Nesterov's momentum needs momentum


def test_a_step_of_nesterov_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    optimiser = make_optimiser(model, OptimiserSpec(learning_rate=0.1, weight_decay=0.5, momentum=0.9))
    model.weight.grad = torch.full((1, 1), 2.0)
    optimiser.step()
    # g = 2 + 0.5 * 1; v = g; step g + 0.9 v = 4.75.
    assert model.weight.item() == pytest.approx(1 - 0.1 * 4.75)


def test_batches_follow_epoch_and_seed(few: SampleTable, tiny_recipe: Make) -> None:
    module = module_of(few, tiny_recipe(seed=7, batch_size=5))
    batches = module.train_dataloader()
    assert (batches.seed, batches.epoch, batches.batch_size) == (7, 0, 5)
    assert len(batches) == 5  # 28 faces, three are left out
    assert sum(len(labels) for _, labels in module.val_dataloader()) == 14


def test_balanced_accuracy_by_hand() -> None:
    """Recalls 2/3 and 0/1; the second and third class do not occur."""
    assert float(balanced_accuracy(torch.tensor([2, 0, 0, 0]), torch.tensor([3, 0, 0, 1]))) == pytest.approx(1 / 3)
    assert float(balanced_accuracy(torch.tensor([3, 0, 1]), torch.tensor([3, 0, 1]))) == 1.0
    assert torch.isnan(balanced_accuracy(torch.zeros(3), torch.zeros(3)))

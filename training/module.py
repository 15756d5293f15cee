"""The Lightning module: one network, one recipe."""

from __future__ import annotations

from typing import Any, cast

import lightning
import torch
from torch import nn
from torch.nn import functional

from training.augment import augment
from training.data import Batches, InOrder, Tensors
from training.recipe import OptimiserSpec, Recipe

Batch = tuple[torch.Tensor, torch.Tensor]


class FERModule(lightning.LightningModule):
    """A classifier under a recipe.

    All chance in a step (augmentation, dropout) is seeded by the recipe's seed and the step's number, so that a run
    that was resumed draws the same faces as one that was never interrupted.

    Args:
        model: maps (N, C, S, S) to logits (N, K).
        recipe: how it is trained.
        training: the training split.
        validation: the split that is evaluated after each epoch.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, training: Tensors, validation: Tensors) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last)
        self.recipe = recipe
        self.training_data = training
        self.validation_data = validation
        self._logged: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of pixels (N, C, S, S) in 0..255."""
        x = self.recipe.preprocess.normalise(pixels).contiguous(memory_format=torch.channels_last)
        return cast("torch.Tensor", self.model(x))

    def train_dataloader(self) -> Batches:
        """Batches of the current epoch; Lightning asks anew for each (`reload_dataloaders_every_n_epochs=1`)."""
        return Batches(self.training_data, self.recipe.batch_size, self.recipe.seed, self.current_epoch)

    def val_dataloader(self) -> InOrder:
        """The validation split in order."""
        return InOrder(self.validation_data, 512)

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        """Mean cross-entropy against the targets' distribution."""
        pixels, targets = batch
        seed = self.recipe.seed * 1_000_003 + self.global_step  # of its 64 bits a CPU's generator takes the lower 32
        torch.manual_seed(seed)
        generator = torch.Generator(device=pixels.device).manual_seed(seed)
        logits = self(augment(pixels, self.recipe.augment, generator))
        loss = functional.cross_entropy(logits.float(), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(pixels))
        return loss

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Keeps probabilities; what is evaluated is what the shipped checkpoint would answer."""
        pixels, labels = batch
        logits = self(pixels).float()
        probabilities = logits.softmax(1)
        if self.recipe.flip_at_test:
            probabilities = (probabilities + self(pixels.flip(3)).float().softmax(1)) / 2
        self._logged.append((probabilities, labels))

    def on_validation_epoch_end(self) -> None:
        """Logs `val_accuracy` (top-1) and `val_loss` (nats) over the whole split."""
        probabilities = torch.cat([p for p, _ in self._logged])
        labels = torch.cat([y for _, y in self._logged])
        self._logged.clear()
        self.log("val_accuracy", (probabilities.argmax(1) == labels).float().mean())
        self.log("val_loss", functional.nll_loss(probabilities.clamp(min=1e-15).log(), labels))

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser under a one-cycle rate (Smith and Topin 2019, arXiv 1708.07120)."""
        spec = self.recipe.optimiser
        optimiser = make_optimiser(self.model, spec)
        steps = self.recipe.epochs * len(self.train_dataloader())
        warmup = spec.warmup if spec.warmup * steps > 1 else 0.0  # to rise within one step is a division by zero
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, spec.learning_rate, total_steps=steps, pct_start=warmup, cycle_momentum=False
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def make_optimiser(model: nn.Module, spec: OptimiserSpec) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW; biases and normalisation are not decayed."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": spec.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    if spec.name == "adamw":
        return torch.optim.AdamW(groups, lr=spec.learning_rate)
    return torch.optim.SGD(groups, lr=spec.learning_rate, momentum=spec.momentum, nesterov=spec.momentum > 0)

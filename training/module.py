"""The Lightning module: one network, one recipe."""

from __future__ import annotations

from typing import Any, cast

import lightning
import numpy as np
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn
from torch.nn import functional

from training.augment import augment
from training.batches import Batches, InOrder
from training.data import Tensors
from training.layers import make_optimiser, set_phase
from training.losses import class_weights, loss_of
from training.mixing import mix
from training.recipe import PhaseSpec, Recipe
from training.schedules import Plateau, group_rates, rate_at

Batch = tuple[torch.Tensor, torch.Tensor]
_OWN_STATE = "ferscope"  # our part of Lightning's checkpoints
_LOOKS_EVERY = 50  # steps between two looks at a loss that lies on another device, since each look waits for it


class DivergedError(Exception):
    """The loss or the weights are no finite numbers any more; `step` counts from 1."""

    def __init__(self, step: int) -> None:
        super().__init__(f"step {step}")
        self.step = step


class FERModule(lightning.LightningModule):
    """A classifier under a recipe.

    All chance in a step (augmentation, dropout) is seeded by the recipe's seed and the step's number, and the batches
    of an epoch by seed and epoch, so that a run that was resumed goes on as one that was never interrupted.

    Args:
        model: maps (N, C, S, S) to logits (N, K).
        recipe: how it is trained; its preprocessing is resolved.
        training: the training split.
        validation: the split that is evaluated after each epoch.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, training: Tensors, validation: Tensors) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last)
        self.recipe = recipe
        self.training_data = training
        self.validation_data = validation
        self.class_weights = class_weights(recipe.loss, training.labels, recipe.classes)
        self.plateau = self._new_plateau()
        self._phase_from = 0  # first epoch of the phase that the plateau belongs to
        self._frozen_in: int | None = None  # first epoch of the phase whose layers are frozen; not known after a resume
        self._still: list[nn.Module] = []
        self._rate = 0.0  # of the last step
        self._sums = torch.zeros(3, device=training.labels.device)  # of losses, of right answers, of faces
        self._bad_step = torch.zeros((), dtype=torch.int64, device=training.labels.device)
        self._answers: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of pixels (N, C, S, S) in 0..255."""
        x = self.recipe.preprocess.normalise(pixels).contiguous(memory_format=torch.channels_last)
        return cast("torch.Tensor", self.model(x))

    def train(self, mode: bool = True) -> FERModule:
        """As every module, but that normalisation which stands still works as in evaluation."""
        super().train(mode)
        for layer in self._still:
            layer.eval()
        return self

    def train_dataloader(self) -> Batches:
        """Batches of the current epoch that are still to come.

        Lightning asks anew for each epoch (`reload_dataloaders_every_n_epochs=1`).
        """
        recipe, epoch = self.recipe, self.current_epoch
        batches = Batches(self.training_data, recipe.batch_size, recipe.seed, epoch, recipe.sampling)
        batches.start = self.global_step - epoch * len(batches)
        return batches

    def val_dataloader(self) -> InOrder:
        """The validation split in order."""
        return InOrder(self.validation_data, 512)

    def on_train_batch_start(self, _batch: Batch, _index: int) -> None:
        """Enters the phase that this step is in, and sets the rate of each group."""
        phase, first = self.recipe.phase_at(self.current_epoch)
        if first != self._phase_from:
            self.plateau, self._phase_from = self._new_plateau(), first
        if self.recipe.phases and first != self._frozen_in:
            self.enter(phase)
            self._frozen_in = first
        rate, rates = self.rate(phase, first), group_rates(self.recipe, phase)
        self._rate = rate
        for group in cast("torch.optim.Optimizer", self.optimizers(use_pl_optimizer=False)).param_groups:
            group["lr"] = rate * rates.get(group["name"], 1.0)

    def enter(self, phase: PhaseSpec) -> None:
        """Freezes what stands still in a phase; everything else learns."""
        self._still = set_phase(self.model, phase)
        self.train(self.training)

    def rate(self, phase: PhaseSpec, first: int) -> float:
        """The learning rate of the next step, before the groups' factors; `first` is the phase's first epoch."""
        a_epoch = len(Batches(self.training_data, self.recipe.batch_size, 0, 0))
        spec = self.recipe.optimiser
        peak = phase.learning_rate or spec.learning_rate
        rate = rate_at(spec, peak, self.global_step - first * a_epoch, phase.epochs * a_epoch)
        return rate * self.plateau.factor

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        """The recipe's loss on a random variant of each face.

        Raises:
            DivergedError: it is no finite number; on a GPU up to 50 steps later.
        """
        loss, logits, targets = self.loss_on(*batch, self.global_step)
        right = (logits.argmax(1) == targets.argmax(1)).sum()
        n = len(logits)
        self._sums += torch.stack([loss.detach() * n, right.float(), torch.full_like(loss.detach(), n)])
        worse = ~torch.isfinite(loss.detach()) & (self._bad_step == 0)
        self._bad_step = torch.where(worse, self.global_step + 1, self._bad_step)
        if loss.device.type == "cpu" or self.global_step % _LOOKS_EVERY == 0:
            self.check_finite()
        return loss

    def loss_on(
        self, pixels: torch.Tensor, targets: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, logits (N, K) and targets (N, K), mixed where the recipe mixes, of a batch shown in a step."""
        seed = self.recipe.seed * 1_000_003 + step  # of its 64 bits a CPU's generator takes the lower 32
        torch.manual_seed(seed)
        generator = torch.Generator(device=pixels.device).manual_seed(seed)
        faces = augment(pixels, self.recipe.augment, generator)
        faces, targets = mix(faces, targets, self.recipe.augment, np.random.default_rng(seed))
        logits = self(faces)
        return loss_of(logits, targets, self.recipe.loss, self.class_weights), logits, targets

    def check_finite(self) -> None:
        """Looks whether a loss so far was no finite number, or a weight is none.

        Raises:
            DivergedError: the first step at which it was so.
        """
        if int(self._bad_step):
            raise DivergedError(int(self._bad_step))

    def check_weights(self) -> None:
        """As `check_finite`, and whether all weights and statistics are finite, before they are kept.

        Raises:
            DivergedError: as `check_finite`.
        """
        self.check_finite()
        if not all(torch.isfinite(t).all() for t in self.state_dict().values() if t.is_floating_point()):
            raise DivergedError(self.global_step)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Keeps probabilities; what is evaluated is what the shipped checkpoint would answer."""
        pixels, labels = batch
        self._answers.append((self.probabilities(pixels), labels))

    def probabilities(self, pixels: torch.Tensor) -> torch.Tensor:
        """float32 (N, K) of pixels (N, C, S, S) in 0..255, the mean with the mirror images where the recipe says so."""
        answers = self(pixels).float().softmax(1)
        if self.recipe.flip_at_test:
            answers = (answers + self(pixels.flip(3)).float().softmax(1)) / 2
        return answers  # type: ignore[no-any-return]  # nn.Module's call knows no types

    def on_validation_epoch_end(self) -> None:
        """Logs figures of the whole split, and of the training since the last time.

        `val_accuracy` (top-1), `val_balanced_accuracy` (mean recall of the classes) and `val_loss` (nats); `train_loss`
        and `train_accuracy` are means over the augmented faces as they were shown, the accuracy by the most probable
        class of their targets; `learning_rate` is that of the last step, before the groups' factors.

        Raises:
            DivergedError: an answer is no finite number, though the weights may still be.
        """
        probabilities = torch.cat([p for p, _ in self._answers])
        labels = torch.cat([y for _, y in self._answers])
        self._answers.clear()
        loss = functional.nll_loss(probabilities.clamp(min=1e-15).log(), labels)
        answers = probabilities.argmax(1)
        self.log("val_accuracy", (answers == labels).float().mean())
        self.log("val_balanced_accuracy", balanced_accuracy(answers, labels))
        self.log("val_loss", loss)
        if self.trainer.state.fn != TrainerFn.FITTING:
            return
        if not torch.isfinite(loss):
            raise DivergedError(self.global_step)
        losses, right, n = self._sums.unbind()
        self.log("train_loss", losses / n)
        self.log("train_accuracy", right / n)
        self.log("learning_rate", self._rate)
        self._sums = torch.zeros_like(self._sums)
        if self.recipe.optimiser.schedule == "plateau":
            self.plateau.see(float(loss))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what a run needs to go on within an epoch as if nothing had been."""
        checkpoint[_OWN_STATE] = {
            "sums": self._sums.cpu(),
            "plateau": self.plateau.state(),
            "phase_from": self._phase_from,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes it back."""
        state = checkpoint[_OWN_STATE]
        self._sums = state["sums"].to(self._sums.device)
        self.plateau = Plateau(**state["plateau"])
        self._phase_from = state["phase_from"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The recipe's optimiser; its rates are set before each step."""
        return make_optimiser(self.model, self.recipe.optimiser, self.recipe.groups)

    def _new_plateau(self) -> Plateau:
        return Plateau(self.recipe.optimiser.plateau_patience, self.recipe.optimiser.plateau_factor)


def balanced_accuracy(answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean recall of the classes that occur, a scalar; NaN of no samples.

    Args:
        answers: int64 (N,), the classes given.
        labels: int64 (N,), the right ones.
    """
    counts = torch.bincount(labels)
    hits = torch.bincount(labels[answers == labels], minlength=len(counts))
    return (hits / counts)[counts > 0].mean()

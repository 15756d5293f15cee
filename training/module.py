"""The Lightning module: one network, one recipe."""

from __future__ import annotations

import math
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
from training.distributed.group import ALONE, Group
from training.layers import make_optimiser, set_phase
from training.losses import class_weights, loss_of
from training.mixing import mix
from training.recipe import PhaseSpec, Recipe
from training.schedules import Plateau, group_rates, rate_at
from training.teachers import Teachers

Batch = tuple[torch.Tensor, torch.Tensor]
_OWN_STATE = "ferscope"  # our part of Lightning's checkpoints
_NEVER = 1 << 62  # no run has as many steps
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
        group: the processes that share each batch and the validation split; all of them have all data.
        teachers: those that are asked about each picture as it is shown; None: the targets hold all that is taught.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        training: Tensors,
        validation: Tensors,
        group: Group = ALONE,
        teachers: Teachers | None = None,
    ) -> None:
        super().__init__()
        self.teachers = teachers
        self.group = group
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
        # Of losses, of right answers, of faces: since the epoch began, and since a point of the curves was last taken.
        self._sums = torch.zeros(2, 3, device=training.labels.device)
        self._bad_step = torch.zeros((), dtype=torch.int64, device=training.labels.device)
        self._tally = self._new_tally()

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
        """The validation split in order; of several processes each has its share."""
        return InOrder(self.validation_data, 512, self.group.share(len(self.validation_data)))

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
        """The recipe's loss on a random variant of each face, or of each in the share of this process.

        The mean of the processes' losses, by which they all go, is the mean over the samples of the whole batch.
        """
        loss, logits, targets = self.loss_on(*batch, self.global_step)
        right = (logits.argmax(1) == targets.argmax(1)).sum()
        n = len(logits)
        self._sums += torch.stack([loss.detach() * n, right.float(), torch.full_like(loss.detach(), n)])
        worse = ~torch.isfinite(loss.detach()) & (self._bad_step == 0)
        self._bad_step = torch.where(worse, self.global_step + 1, self._bad_step)
        return loss * (n * self.group.world / len(batch[0]))

    def on_before_optimizer_step(self, _optimizer: torch.optim.Optimizer) -> None:
        """Lets no loss that is no finite number get into the weights.

        Raises:
            DivergedError: there was one, in whichever process; on a GPU up to 50 steps later.
        """
        if self._bad_step.device.type == "cpu" or self.global_step % _LOOKS_EVERY == 0:
            self.check_finite()

    def loss_on(
        self, pixels: torch.Tensor, targets: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, logits (N, K) and targets (N, K) of a batch shown in a step, mixed and taught as the recipe says.

        Of several processes each draws the variants of the whole batch, as one alone would, and answers its share.
        """
        seed = self.recipe.seed * 1_000_003 + step  # of its 64 bits a CPU's generator takes the lower 32
        torch.manual_seed(seed + 0x9E3779B1 * self.group.rank)  # dropout: other units in each process
        generator = torch.Generator(device=pixels.device).manual_seed(seed)
        faces = augment(pixels, self.recipe.augment, generator)
        faces, targets = mix(faces, targets, self.recipe.augment, np.random.default_rng(seed))
        mine = self.group.share(len(faces))
        faces, targets = faces[mine], targets[mine]
        if self.teachers:
            targets = self.teachers.mixed_in(faces, targets)
        logits = self(faces)
        return loss_of(logits, targets, self.recipe.loss, self.class_weights), logits, targets

    def check_finite(self) -> None:
        """Looks whether a loss so far was no finite number, or a weight is none.

        Raises:
            DivergedError: the first step at which it was so.
        """
        first = self.group.lowest(int(self._bad_step) or _NEVER)
        if first < _NEVER:
            raise DivergedError(first)

    def check_weights(self) -> None:
        """As `check_finite`, and whether all weights and statistics are finite, before they are kept.

        Raises:
            DivergedError: as `check_finite`.
        """
        self.check_finite()
        fine = all(torch.isfinite(t).all() for t in self.state_dict().values() if t.is_floating_point())
        if self.group.any(not fine):
            raise DivergedError(self.global_step)

    def on_validation_epoch_start(self) -> None:
        """What is evaluated is the first process's network: statistics of batch normalisation differ between them."""
        self.group.same(self.model.buffers())

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Counts the answers; what is evaluated is what the shipped checkpoint would answer."""
        pixels, labels = batch
        if not len(labels):  # of fewer samples than processes
            return
        probabilities = self.probabilities(pixels)
        answers, classes = probabilities.argmax(1), len(self.recipe.classes)
        losses = functional.nll_loss(probabilities.clamp(min=1e-15).log(), labels, reduction="none")
        hits = torch.bincount(labels[answers == labels], minlength=classes)
        counts = torch.bincount(labels, minlength=classes)
        self._tally += torch.cat([hits.double(), counts.double(), losses.double().sum()[None]])

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
        tally, classes = self.group.total(self._tally), len(self.recipe.classes)
        hits, counts = tally[:classes], tally[classes:-1]
        self._tally = self._new_tally()
        loss = (tally[-1] / counts.sum()).float()
        self.log("val_accuracy", (hits.sum() / counts.sum()).float())
        self.log("val_balanced_accuracy", balanced_accuracy(hits, counts).float())
        self.log("val_loss", loss)
        if self.trainer.state.fn != TrainerFn.FITTING:
            return
        if not torch.isfinite(loss):
            raise DivergedError(self.global_step)
        train_losses, right, n = self.group.total(self._sums[0]).unbind()
        self.log("train_loss", train_losses / n)
        self.log("train_accuracy", right / n)
        self.log("learning_rate", self._rate)
        self._sums[0] = 0
        if self.recipe.optimiser.schedule == "plateau":
            self.plateau.see(float(loss))

    def take_point(self) -> dict[str, float]:
        """`train_loss`, `train_accuracy` and `learning_rate` as above, the means over the steps since the last call.

        Of several processes all must ask, after the same step; each has the same answer. NaN if there was no step.
        """
        losses, right, n = self.group.total(self._sums[1]).tolist()
        self._sums[1] = 0
        loss, accuracy = (losses / n, right / n) if n else (math.nan, math.nan)
        return {"train_loss": loss, "train_accuracy": accuracy, "learning_rate": self._rate}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what a run needs to go on within an epoch as if nothing had been."""
        checkpoint[_OWN_STATE] = {
            "sums": self.group.total(self._sums).cpu(),
            "plateau": self.plateau.state(),
            "phase_from": self._phase_from,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes it back."""
        state = checkpoint[_OWN_STATE]
        if self.group.first:  # it goes on with the sums of all, however many they were
            # A state of before there were points has the epoch's sums alone; the first point is then of them.
            self._sums = state["sums"].to(self._sums.device).expand(2, 3).clone()
        self.plateau = Plateau(**state["plateau"])
        self._phase_from = state["phase_from"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The recipe's optimiser; its rates are set before each step."""
        return make_optimiser(self.model, self.recipe.optimiser, self.recipe.groups)

    def _new_tally(self) -> torch.Tensor:
        """float64 (2K + 1,): right answers and samples of each class, and the sum of losses."""
        labels = self.validation_data.labels
        return torch.zeros(2 * len(self.recipe.classes) + 1, dtype=torch.float64, device=labels.device)

    def _new_plateau(self) -> Plateau:
        return Plateau(self.recipe.optimiser.plateau_patience, self.recipe.optimiser.plateau_factor)


def balanced_accuracy(hits: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean recall of the classes that occur, a scalar; NaN of no samples.

    Args:
        hits: (K,), right answers among the samples of each class.
        counts: (K,), samples of each class.
    """
    return (hits / counts)[counts > 0].mean()

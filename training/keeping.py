"""What a run keeps while it goes: its state for going on, the best weights, and the patience after which it ends."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from fer_core.whole import whole
from training.module import FERModule
from training.recipe import Recipe

LAST, BEST = "last.ckpt", "best.ckpt"


class StateFiles(TorchCheckpointIO):
    """Writes states straight to their place, until they are on the disk.

    Lightning's own way takes a second copy in memory and another one in the folder for temporary files.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """As Lightning asks for it; there are no options."""
        with Path(path).open("wb") as stream:
            torch.save(checkpoint, stream)
            stream.flush()
            os.fsync(stream.fileno())


class Keeper(lightning.Callback):
    """Keeps `last.ckpt` every so many steps and after every epoch, and `best.ckpt` of the epoch that validates best.

    It stands after all callbacks that have a state of their own, so that theirs is kept whole. Each file is written
    beside its place and then moved there, so that whoever pulls the plug finds the old state or the new one. Nothing is
    kept of a state whose weights are not finite.

    Args:
        folder: where.
        every_steps: 0 keeps after epochs alone.
    """

    def __init__(self, folder: Path, every_steps: int) -> None:
        self.folder = folder
        self.every_steps = every_steps
        self.best: float | None = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, _out: Any, _batch: Any, index: int
    ) -> None:
        """Within an epoch; its last step is kept with the epoch."""
        due = self.every_steps and trainer.global_step % self.every_steps == 0
        if due and index + 1 < trainer.num_training_batches:
            self.keep(trainer, module, LAST)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """After an epoch; of two equally good ones the first is the best."""
        accuracy = float(trainer.callback_metrics["val_accuracy"])
        if self.best is None or accuracy > self.best:
            self.best = accuracy
            self.keep(trainer, module, BEST, LAST)
        else:
            self.keep(trainer, module, LAST)

    def keep(self, trainer: lightning.Trainer, module: lightning.LightningModule, *names: str) -> None:
        """Writes the state once and gives it these names, one after the other; the last of them is `LAST`.

        Raises:
            DivergedError: weights are not finite; nothing is written.
            OSError, RuntimeError: it cannot be written, as where the disk is full; what was kept before is still there.
        """
        if isinstance(module, FERModule):
            module.check_weights()
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.folder / f".{LAST}")  # gives its part; nothing is written here
            return
        with whole(self.folder / LAST) as scratch:
            trainer.save_checkpoint(scratch)
            for name in names[:-1]:
                second_name(scratch, self.folder / name)

    def state_dict(self) -> dict[str, Any]:
        """The best accuracy so far."""
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes it back."""
        self.best = state["best"]


def second_name(file: Path, name: Path) -> None:
    """Makes a file known by another name as well, in the place of what had that name; copies it only if need be."""
    with whole(name) as scratch:
        scratch.unlink(missing_ok=True)
        try:
            os.link(file, scratch)
        except OSError:  # file systems without such names
            shutil.copyfile(file, scratch)


class Stopping(lightning.Callback):
    """Ends a run whose validation has not improved for `stopping.patience` epochs in a row.

    With phases it counts in the last one alone, where everything that is to learn learns.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.spec = recipe.stopping
        self.first = recipe.phase_at(recipe.epochs - 1)[1]
        self.best: float | None = None
        self.waited = 0

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """A run that had ended is not gone on with."""
        trainer.should_stop = trainer.should_stop or self._enough()

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Compares the epoch with the best one."""
        if not self.spec.patience or trainer.current_epoch < self.first:
            return
        value = float(trainer.callback_metrics[self.spec.monitor])
        value = -value if self.spec.monitor == "val_loss" else value
        if self.best is None or value > self.best + self.spec.min_delta:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        trainer.should_stop = trainer.should_stop or self._enough()

    def _enough(self) -> bool:
        return 0 < self.spec.patience <= self.waited

    def state_dict(self) -> dict[str, Any]:
        """The best value (a loss negative) and the epochs since."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes them back."""
        self.best, self.waited = state["best"], state["waited"]

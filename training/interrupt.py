"""A run that is asked to end, by SIGTERM, keeps its state first."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any

import lightning

from training.distributed.group import ALONE, Group
from training.keeping import LAST, Keeper
from training.remote.place import LEAVE

ASKED_TO_END = 143  # exit status: 128 and the number of SIGTERM
_LOOK_EVERY_S = 0.5


class Leaving(lightning.Callback):
    """Ends the process with `ASKED_TO_END` after the step that it is at, with its state kept.

    While no step is being made (data are read, a checkpoint is written) the signal does what it did before: there is
    nothing to keep then that is not kept already. It stands after the callbacks that keep and tell. Where several
    processes train together all of them leave after the same step, even if only one was asked.
    """

    def __init__(self, keeper: Keeper, group: Group = ALONE) -> None:
        self.keeper = keeper
        self.group = group
        self.asked = False
        self._before: Any = None
        self._looked = 0.0

    def on_train_start(self, *_: Any) -> None:
        """Listens; the main thread alone can."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, _out: Any, _batch: Any, index: int
    ) -> None:
        """Leaves within an epoch; after its last step it is left when it has been evaluated."""
        if index + 1 < trainer.num_training_batches and self.group.any(self._is_asked()):
            self.keeper.keep(trainer, module, LAST)
            raise SystemExit(ASKED_TO_END)

    def on_train_epoch_end(self, *_: Any) -> None:
        """Leaves after an epoch, which has just been kept."""
        if self.group.any(self._is_asked()):
            raise SystemExit(ASKED_TO_END)

    def _is_asked(self) -> bool:
        """By a signal; on a cluster, where signals do not get, by a file for the first process."""
        if self.group.starter == "ray" and self.group.first and time.monotonic() - self._looked > _LOOK_EVERY_S:
            self._looked = time.monotonic()
            self.asked = self.asked or (self.keeper.folder / LEAVE).exists()
        return self.asked

    def on_train_end(self, *_: Any) -> None:
        """Listens no more; what it has heard just before still counts."""
        self._restore()
        self.on_train_epoch_end()

    def on_exception(self, *_: Any) -> None:
        """Listens no more."""
        self._restore()

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

"""Points of the curves within an epoch: where training is while an epoch of half an hour has not ended."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import lightning

from fer_core.whole import whole
from training.distributed.group import ALONE, Group
from training.tracking.files import STEPS

if TYPE_CHECKING:
    from training.module import FERModule


class Points(lightning.Callback):
    """Adds a line to `steps.jsonl` every so many steps, but not more often than every few seconds.

    A line has `step` (steps done), `epoch` (the same in epochs, a fraction) and what `FERModule.take_point` says of the
    steps since the line before. The loss and the right answers are summed up by each step anyway; only a line waits for
    a graphics card, or for the other processes. It stands before the callback that keeps the run's state, in which the
    sums since the last line are: a run that goes on has each line once.

    Args:
        folder: the run's.
        group: the processes that train together; the first alone writes, and its clock counts.
        every_steps: lines stand after multiples of it.
        every_s: seconds between two lines at least.
    """

    def __init__(self, folder: Path, group: Group = ALONE, every_steps: int = 10, every_s: float = 5.0) -> None:
        self.file = folder / STEPS
        self.group = group
        self.every_steps = every_steps
        self.every_s = every_s
        self._last = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Drops the lines of steps after the state that the run goes on from, and a line that is half written."""
        self._last = time.monotonic()
        if self.group.first and self.file.exists():
            lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
            ended = [line for line in lines if line.endswith("\n")]
            with whole(self.file) as scratch:
                kept = (line for line in ended if _step(line) <= trainer.global_step)
                scratch.write_text("".join(kept), encoding="utf-8")

    def on_train_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        """Writes a line where one is due."""
        step = trainer.global_step
        if step % self.every_steps:
            return
        due = self.group.first and time.monotonic() - self._last >= self.every_s
        if not self.group.any(due):
            return
        self._last = time.monotonic()
        row = {"step": step, "epoch": step / trainer.num_training_batches, **cast("FERModule", module).take_point()}
        if self.group.first:
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")


def _step(line: str) -> int:
    return int(json.loads(line)["step"])

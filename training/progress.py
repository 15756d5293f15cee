"""How far a run is: lines on standard error for people, a JSON file for the pages."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import lightning

from fer_core.durations import duration
from fer_core.whole import whole
from training.tracking.files import HISTORY, PROGRESS


class Progress(lightning.Callback):
    """Says every few seconds where the run is, how it does, and how long it will take.

    Args:
        folder: where `progress.json` (the latest state, replaced whole) and `history.jsonl` (one line an epoch) go.
        every_s: seconds between two lines.
    """

    def __init__(self, folder: Path, every_s: float = 10.0) -> None:
        self.folder = folder
        self.every_s = every_s
        self._timed_from: tuple[int, float] | None = None  # step and time; the first step, slower than all, is over
        self._spoken = -every_s

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """An epoch that stands in the history although its weights were not written any more is run and noted again."""
        history = self.folder / HISTORY
        if history.exists():
            finished = history.read_text(encoding="utf-8").splitlines(keepends=True)[: trainer.current_epoch]
            self._write(HISTORY, "".join(finished))

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Reports the first step at once, then at most every `every_s` seconds."""
        if self._timed_from is None:
            self._timed_from = trainer.global_step, time.monotonic()
        if time.monotonic() - self._spoken >= self.every_s:
            self._report(trainer)

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Adds the epoch's figures to `history.jsonl`."""
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, **_figures(trainer)}
        history = self.folder / HISTORY
        before = history.read_text(encoding="utf-8") if history.exists() else ""
        self._write(HISTORY, f"{before}{json.dumps(row)}\n")
        self._report(trainer)

    def _report(self, trainer: lightning.Trainer) -> None:
        self._spoken = time.monotonic()
        total = int(trainer.estimated_stepping_batches)
        left_s = self._left_s(trainer.global_step, total)
        figures = _figures(trainer)
        state = {"step": trainer.global_step, "steps": total, "seconds_left": left_s, **figures}
        self._write(PROGRESS, json.dumps(state))
        shown = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        epoch = f"epoch {min(trainer.current_epoch + 1, trainer.max_epochs or 0)}/{trainer.max_epochs}"
        left = "" if left_s is None else f", {duration(left_s)} left"
        print(  # noqa: T201  (progress belongs on standard error, results on standard output)
            f"{epoch}, step {trainer.global_step}/{total}, {shown or 'starting'}{left}",
            file=sys.stderr,
            flush=True,
        )

    def _left_s(self, step: int, total: int) -> int | None:
        """None until a second step was timed; what was done before a resume does not count towards the rate."""
        if step >= total:
            return 0
        if self._timed_from is None or step <= self._timed_from[0]:
            return None
        first, since = self._timed_from
        return round((self._spoken - since) / (step - first) * (total - step))

    def _write(self, name: str, text: str) -> None:
        """A whole file or none."""
        with whole(self.folder / name) as scratch:
            scratch.write_text(text, encoding="utf-8")


def _figures(trainer: lightning.Trainer) -> dict[str, float]:
    return {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}

"""What a sweep sees of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightning

from training.sweep.trial import report

if TYPE_CHECKING:
    from optuna.trial import Trial


class Watching(lightning.Callback):
    """Reports a run's figure after each epoch, and ends the run if its trial is to be given up.

    It is called before the state is kept. A run that is killed in between does the epoch again, comes to the same
    figure, and reports it again, which changes nothing.

    Args:
        trial: Optuna's.
        metric: name of the figure in the run's history.
    """

    def __init__(self, trial: Trial, metric: str) -> None:
        self.trial = trial
        self.metric = metric

    def on_train_epoch_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Reports."""
        last = trainer.current_epoch + 1 == trainer.max_epochs
        report(self.trial, trainer.current_epoch, float(trainer.callback_metrics[self.metric]), last)

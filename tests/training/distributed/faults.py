"""What may go wrong in one process of several; each is called in that process before it begins."""

import os
import signal
from typing import Any

import torch

STEP = 9  # of 7 steps an epoch: in the second


def _at(step: int, act: Any) -> None:
    from training.module import FERModule

    real = FERModule.training_step

    def training_step(self: FERModule, batch: Any, index: int) -> torch.Tensor:
        loss = real(self, batch, index)
        return act(self, loss) if self.global_step == step else loss

    FERModule.training_step = training_step  # type: ignore[method-assign]


def asked_to_end() -> None:
    def act(_module: Any, loss: torch.Tensor) -> torch.Tensor:
        os.kill(os.getpid(), signal.SIGTERM)
        return loss

    _at(STEP, act)


def killed() -> None:
    _at(STEP, lambda *_: os.kill(os.getpid(), signal.SIGKILL))


def not_a_number() -> None:
    """In the face that this process alone sees."""

    from training.module import FERModule

    real = FERModule.loss_on

    def loss_on(self: FERModule, pixels: torch.Tensor, targets: torch.Tensor, step: int) -> Any:
        loss, logits, shown = real(self, pixels, targets, step)
        return (loss * float("nan") if step == STEP else loss), logits, shown

    FERModule.loss_on = loss_on  # type: ignore[method-assign]


def no_memory() -> None:
    def act(*_: Any) -> torch.Tensor:
        raise MemoryError

    _at(STEP, act)


def often() -> None:
    """No fault: points within epochs every four steps, and teachers are asked about 24 faces at once."""
    from functools import partial

    from training import asking, fit
    from training.points import Points

    fit.Points = partial(Points, every_steps=4, every_s=0.0)  # type: ignore[assignment, misc]
    asking.BATCH = 24


def no_data() -> None:
    """Its machine lacks the file."""
    from fer_core.data import opening
    from fer_core.errors import DataError

    def gone(*_: Any) -> None:
        raise DataError("There is no file here.")

    opening.open_samples = gone  # type: ignore[assignment]

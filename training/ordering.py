"""A training run as it is asked for on a command line or of a cluster, and its way to a checkpoint in the workspace."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from fer_core.checkpoint import Checkpoint
from training.distributed.group import ALONE, Group
from training.recipe import Recipe


@dataclass(frozen=True)
class Order:
    """What is to be trained.

    Attributes:
        recipe: how.
        data: name of an imported data set, or a path.
        labels: FER+ votes for FER2013.
        tags: as for `open_samples`.
        run: name of the run; None takes the recipe's.
        out: folder of the checkpoint; None takes one of the run's name in the workspace.
        keep_every: as `Run.keep_every_steps`.
        record: in MLflow.
    """

    recipe: Recipe
    data: Path
    labels: Path | None = None
    tags: tuple[str, ...] = ()
    run: str | None = None
    out: Path | None = None
    keep_every: int = 500
    record: bool = True


def carry_out(order: Order, group: Group = ALONE) -> Checkpoint | None:
    """Trains, as one process of a group that has met; the first one alone has the run's folder and the checkpoint.

    Raises:
        As `training.fit.fit_share`, and TrainingError: another process trains this run.
    """
    from fer_core.data.opening import open_samples
    from fer_core.workspace import workspace
    from training.fit import Run, check_name, fit_share
    from training.run import alone
    from training.tracking.recording import Recording

    name = order.run or order.recipe.name
    check_name(name)
    samples = open_samples(order.data, order.labels, order.tags)
    folder, out = workspace() / "runs" / name, order.out or workspace() / "checkpoints" / name
    with contextlib.ExitStack() as stack:
        on_claim = None
        if group.first:
            stack.enter_context(alone(folder))
            recording = stack.enter_context(Recording(folder, out, order.data.name))
            on_claim = recording.begin if order.record else None
        return fit_share(Run(order.recipe, samples, order.data.name, folder, out, order.keep_every, on_claim), group)

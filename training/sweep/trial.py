"""One trial: draw its values, train, report after each epoch, and tell the sweep how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_core.errors import FERScopeError, SweepError
from training.disk import DISK_FULL
from training.sweep.storage import StorageError, patient
from training.sweep.study import Sweep, open_sweep
from training.tracking.recording import EndedEarlyError

if TYPE_CHECKING:
    from optuna.trial import Trial

Objective = Callable[[dict[str, Any], "Trial"], float]


@dataclass(frozen=True)
class TrialData:
    """What a trial is trained on; as for `open_samples`."""

    data: Path
    labels: Path | None = None
    tags: tuple[str, ...] = ()


def attempt(sweep: Sweep, number: int, objective: Objective) -> str:
    """Works on a trial until it is over; after a break (the process is killed) the next call goes on with it.

    Args:
        sweep: the sweep.
        number: of the trial.
        objective: from the values drawn and Optuna's trial to the metric. It may raise `EndedEarlyError`.

    Returns:
        How it ended: `complete` or `pruned`. A trial that was over before is left as it is.

    Raises:
        SweepError: as `Sweep.take`, or the trial has failed before.
        FERScopeError: what the objective raised; the trial has failed by that, unless the disk was full.
        StorageError: the storage is locked, or does not answer; the trial goes on when it is begun again.
    """
    from optuna.trial import TrialState

    tell = patient(sweep.study.tell)
    trial = sweep.take(number)
    if trial is None:
        over = sweep.trials()[number].state
        if over is TrialState.FAIL:
            raise SweepError(
                f"Trial {number} of {sweep.name} has failed and is counted as it is. Go on with the sweep for another "
                "trial, or clone this job as a run of its own."
            )
        return over.name.lower()
    try:
        value = objective(sweep.draw(trial), trial)
    except EndedEarlyError:
        return tell(trial, state=TrialState.PRUNED).state.name.lower()
    except StorageError:  # it stays open, and is gone on with
        raise
    except FERScopeError as error:
        if not str(error).startswith(DISK_FULL):
            sweep.fail(number, str(error))
        raise
    return tell(trial, value).state.name.lower()


@patient
def report(trial: Trial, epoch: int, value: float, last: bool) -> None:
    """Tells the sweep a trial's figure after an epoch (from 0), and ends the trial where it is to be given up.

    Args:
        trial: Optuna's.
        epoch: counts from 0.
        value: of the metric.
        last: whether it is the last epoch, after which there is nothing to be saved by giving up.

    Raises:
        EndedEarlyError: the trial is given up.
        StorageError: the storage is locked, or does not answer.
    """
    told = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    if epoch not in told:  # a run that was killed before it kept the epoch has done it again, to the same figure
        trial.report(value, epoch)
    if not last and trial.should_prune():
        raise EndedEarlyError(f"Pruned after epoch {epoch + 1}: earlier trials of the sweep had done better by then.")


def best_of_epochs(sweep: Sweep, number: int) -> float | None:
    """The best figure that a trial has reported; None before the first."""
    figures = sweep.trials()[number].intermediate_values.values()
    better = min if sweep.plan.spec.direction == "minimize" else max
    return better(figures, default=None)


def train_trial(name: str, number: int, data: TrialData, record: bool) -> str:
    """Trains a trial of a sweep as its run NAME-NUMBER, or goes on where it was kept last.

    Returns:
        As `attempt`.

    Raises:
        As `attempt` and `training.fit.fit`.
    """
    from fer_core.workspace import workspace
    from training.run import alone

    sweep = open_sweep(name)
    with alone(workspace() / "runs" / sweep.run_of(number)):
        return attempt(sweep, number, lambda drawn, trial: _train(sweep, drawn, trial, data, record))


def _train(sweep: Sweep, drawn: dict[str, Any], trial: Trial, data: TrialData, record: bool) -> float:
    from fer_core.data.opening import open_samples
    from fer_core.workspace import workspace
    from training.fit import Run, fit
    from training.sweep.watching import Watching
    from training.tracking.recording import Recording

    run = sweep.run_of(trial.number)
    folder, checkpoint_folder = workspace() / "runs" / run, workspace() / "checkpoints" / run
    recipe = sweep.recipe(drawn)
    samples = open_samples(data.data, data.labels, data.tags)
    metric = sweep.plan.spec.metric
    with Recording(folder, checkpoint_folder, data.data.name) as recording:
        on_claim = recording.begin if record else None
        checkpoint = fit(
            Run(recipe, samples, data.data.name, folder, checkpoint_folder, on_claim=on_claim),
            [Watching(trial, metric)],
        )
    value = best_of_epochs(sweep, trial.number)
    if value is not None:
        return value
    if metric == "val_loss":  # a support-vector machine
        raise SweepError(f"{recipe.name} has no epochs and reports no {metric}; set sweep.metric=val_accuracy.")
    return float(checkpoint.card.metrics["validation"][metric.removeprefix("val_")])

"""What a sweep has found so far, as plain values for the command line and the figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from training.sweep.starting import jobs_of, settle
from training.sweep.storage import nothing_kept, open_storage, patient
from training.sweep.study import Sweep, open_sweep, sweep_names

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

State = Literal["waiting", "running", "broken off", "complete", "pruned", "fail"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class TrialResult:
    """One trial.

    Attributes:
        number: counts from 0.
        run: name of its run.
        state: how it stands; it is broken off where its job was cancelled, ended by a limit, or deleted.
        value: of the metric, of its best epoch; of a pruned one, of its last; None otherwise.
        drawn: what was drawn by key; what is no plain value stands as JSON. Empty before it has begun.
        curve: the metric after each epoch, the first one first.
        error: why it failed; empty otherwise.
    """

    number: int
    run: str
    state: State
    value: float | None
    drawn: dict[str, Any]
    curve: tuple[float, ...]
    error: str


@dataclass(frozen=True)
class SweepResult:
    """A sweep as it stands.

    Attributes:
        name: of the sweep.
        recipe: name of its recipe.
        data: name of its data.
        metric: what is compared, on the validation split.
        direction: what is wanted of it.
        trials: in their order.
        best: number of the best complete trial, the first of equals; None while there is none.
    """

    name: str
    recipe: str
    data: str
    metric: str
    direction: Literal["minimize", "maximize"]
    trials: tuple[TrialResult, ...]
    best: int | None

    def count(self, state: State) -> int:
        """How many trials are of a state."""
        return sum(trial.state == state for trial in self.trials)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def sweep_result(name: str, storage: RDBStorage | None = None) -> SweepResult:
    """A sweep as it stands; trials whose jobs were given up are failed on the way.

    Args:
        name: of the sweep.
        storage: one that is open already.

    Raises:
        SweepError: there is no such sweep.
    """
    return _result(open_sweep(name, storage))


def _result(sweep: Sweep) -> SweepResult:
    settle(sweep)
    broken_off = _broken_off(sweep)
    trials = tuple(
        TrialResult(
            number=t.number,
            run=sweep.run_of(t.number),
            state="broken off" if t.number in broken_off else t.state.name.lower(),  # type: ignore[arg-type]  # Optuna's
            value=t.value,
            drawn={key: t.params[key] for key in sweep.plan.spec.space if key in t.params},
            curve=tuple(value for _, value in sorted(t.intermediate_values.items())),
            error=t.user_attrs.get("error", ""),
        )
        for t in sweep.trials()
    )
    spec = sweep.plan.spec
    done = [t for t in trials if t.state == "complete" and t.value is not None]
    sign = 1 if spec.direction == "minimize" else -1
    best = min(done, key=lambda t: sign * (t.value or 0.0)).number if done else None
    recipe = str(sweep.plan.recipe.get("name", ""))
    return SweepResult(sweep.name, recipe, sweep.plan.data, spec.metric, spec.direction, trials, best)


def _broken_off(sweep: Sweep) -> set[int]:
    """Numbers of the trials of this workspace on which nobody works, nor will."""
    known = jobs_of(sweep)
    jobs = {trial.number: known.get(trial.number) for trial in sweep.own_open_trials()}
    return {number for number, job in jobs.items() if job is None or job.status.over}


def sweep_results() -> list[SweepResult]:
    """All sweeps, by name; empty where there are none."""
    if nothing_kept():
        return []
    storage = open_storage()
    return [_result(open_sweep(name, storage)) for name in sweep_names(storage)]


@patient
def importance(name: str, trials_at_least: int = 8, storage: RDBStorage | None = None) -> dict[str, float]:
    """How much of what sets the best trials apart each key explains; they add up to 1, the highest first.

    PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255) on the complete trials. It says where the good ones lie, not what
    would happen to another recipe.

    Args:
        name: of the sweep.
        trials_at_least: as many must be complete.
        storage: one that is open already.

    Returns:
        By key; empty with fewer complete trials than `trials_at_least`, of which nothing could be said.

    Raises:
        SweepError: there is no such sweep.
    """
    from optuna.importance import get_param_importances
    from optuna.trial import TrialState

    study = open_sweep(name, storage).study
    if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < trials_at_least:
        return {}
    found = get_param_importances(study)
    return {key: float(value) for key, value in sorted(found.items(), key=lambda item: -item[1])}

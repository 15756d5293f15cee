"""A sweep as it is kept: an Optuna study with the recipe that it varies.

A trial is made before its job is handed in, and belongs to the job that its number names. So it is there from the
start, is counted once, and a job that is begun again finds its own trial again, with the values that were drawn for it.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from fer_core.card import NAME
from fer_core.errors import SweepError
from fer_core.workspace import workspace
from training.recipe import Recipe
from training.recipe.parts import Part
from training.recipe.sweeping import AxisSpec, SweepSpec, label, parse_sweep, with_values
from training.sweep.storage import WAIT_S, nothing_kept, open_storage, patient

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, Trial

_PLAN, _HOME, _ERROR = "ferscope", "home", "error"


class Plan(Part):
    """What a sweep varies, on which data.

    Attributes:
        recipe: values of the recipe, before they are checked.
        sweep: what is varied.
        data: name of the data set, or last part of its path, which is the same on each machine of a team.
        labels: last part of the path of FER+ votes.
        tags: as for `open_samples`.
    """

    recipe: dict[str, Any]
    sweep: dict[str, Any]
    data: str
    labels: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def spec(self) -> SweepSpec:
        """The section `sweep`."""
        return parse_sweep(self.sweep, "sweep")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One process at a time changes which trials there are.

    Raises:
        SweepError: another one has been at it for a minute.
    """
    workspace().mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(workspace() / "sweeps.lock", timeout=WAIT_S).acquire()
    except Timeout:
        raise SweepError(
            f"Another page or command has been starting or ending trials for {WAIT_S:.0f} s; try again when it is done."
        ) from None
    with lock:
        yield


def home() -> str:
    """What tells this workspace from others that share a storage."""
    file = workspace() / "sweeps.id"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), file.open("x", encoding="utf-8") as stream:
            stream.write(uuid.uuid4().hex)
    return file.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Sweep:
    """A sweep that is open.

    Attributes:
        name: of the sweep; a trial's run is NAME-NUMBER.
        plan: what it varies.
        study: Optuna's.
        storage: Optuna's.
    """

    name: str
    plan: Plan
    study: Study
    storage: RDBStorage

    def run_of(self, number: int) -> str:
        """Name of a trial's run."""
        return f"{self.name}-{number}"

    @patient
    def trials(self) -> list[FrozenTrial]:
        """All trials in their order."""
        return self.study.get_trials(deepcopy=False)

    def own_open_trials(self) -> list[FrozenTrial]:
        """Those of this workspace that are not over."""
        return [t for t in self.trials() if not t.state.is_finished() and t.user_attrs.get(_HOME) == home()]

    def at_work_elsewhere(self) -> bool:
        """Whether another workspace has trials that are not over."""
        return any(not t.state.is_finished() and t.user_attrs.get(_HOME) != home() for t in self.trials())

    @patient
    def delete(self) -> None:
        """Removes it with its trials from the storage."""
        import optuna

        optuna.delete_study(study_name=self.name, storage=self.storage)

    @patient
    def add_trial(self) -> None:
        """One more, which waits; it belongs to this workspace."""
        self.study.enqueue_trial({}, user_attrs={_HOME: home()})

    @patient
    def fail(self, number: int, message: str) -> None:
        """Ends a trial that nobody works on any more."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        with contextlib.suppress(UpdateFinishedTrialError):  # who else saw it was sooner
            self.storage.set_trial_user_attr(self._id(number), _ERROR, message)
            self.storage.set_trial_state_values(self._id(number), TrialState.FAIL)

    @patient
    def take(self, number: int) -> Trial | None:
        """The trial, to be worked on: for the first time, or again after a break; None if it is over.

        Raises:
            SweepError: there is none of this number, or it belongs to another workspace.
        """
        import optuna

        trials = self.trials()
        if not 0 <= number < len(trials):
            raise SweepError(f"The sweep {self.name} has no trial {number}; it has {len(trials)}, counted from 0.")
        if trials[number].user_attrs.get(_HOME) != home():
            raise SweepError(f"Trial {number} of {self.name} belongs to another workspace; leave it to that one.")
        if trials[number].state.is_finished():
            return None
        if trials[number].state is optuna.trial.TrialState.WAITING:
            self.storage.set_trial_state_values(self._id(number), optuna.trial.TrialState.RUNNING)
        self.study.sampler = _sampler(self.plan.spec, number)
        return optuna.trial.Trial(self.study, self._id(number))

    def _id(self, number: int) -> int:
        study = self.storage.get_study_id_from_name(self.name)
        return self.storage.get_trial_id_from_study_id_trial_number(study, number)

    @patient
    def draw(self, trial: Trial) -> dict[str, Any]:
        """Values for a trial by key; those that were drawn for it before, where they were."""
        return {key: _draw(trial, key, axis) for key, axis in self.plan.spec.space.items()}

    def recipe(self, drawn: dict[str, Any]) -> Recipe:
        """The recipe with these values.

        Raises:
            RecipeError: it does not take them together.
        """
        return with_values(self.plan.recipe, drawn)


def _draw(trial: Trial, key: str, axis: AxisSpec) -> Any:
    if axis.choices:
        by_label = {label(choice): choice for choice in axis.choices}
        return by_label[trial.suggest_categorical(key, list(by_label))]
    low, high = axis.low or 0, axis.high or 0
    if axis.whole:
        return trial.suggest_int(key, int(low), int(high), step=int(axis.step or 1), log=axis.log)
    return trial.suggest_float(key, low, high, step=axis.step, log=axis.log)


def _sampler(spec: SweepSpec, number: int) -> BaseSampler:
    """Each trial draws in a process of its own; with one seed for all, the first ones would draw the same."""
    import numpy as np
    from optuna.samplers import RandomSampler, TPESampler

    seed = int(np.random.SeedSequence([spec.seed, number]).generate_state(1)[0])
    if spec.sampler == "random":
        return RandomSampler(seed=seed)
    # Of a trial that runs it is assumed that it does badly, so that its neighbour does not draw nearly the same.
    return TPESampler(seed=seed, constant_liar=True)


@patient
def create_sweep(name: str, plan: Plan) -> Sweep:
    """A new sweep, or the one of this name, if it varies the same.

    Raises:
        SweepError: the name is none, there is a sweep of this name that varies something else, or as `open_storage`.
    """
    import optuna

    if not NAME.fullmatch(f"{name}-99999"):
        raise SweepError(
            f"{name!r} is not a name for a sweep: it begins with a letter or a digit and goes on with letters, digits, "
            "'.', '_' and '-', at most 94 in all. Choose another name."
        )
    storage = open_storage()
    study = optuna.create_study(
        storage=storage, study_name=name, direction=plan.spec.direction, load_if_exists=True, pruner=_pruner(plan.spec)
    )
    kept = study.user_attrs.get(_PLAN)
    if kept is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(_PLAN, plan.model_dump(mode="json"))
    elif kept is None or Plan.model_validate(kept) != Plan.model_validate_json(plan.model_dump_json()):
        raise SweepError(
            f"There is a sweep {name!r} already, of another recipe, space or data set. Choose another name, or give "
            "the same recipe, changes, space and data to go on with it."
        )
    return Sweep(name, plan, study, storage)


def _pruner(spec: SweepSpec) -> Any:
    from optuna.pruners import MedianPruner, NopPruner

    if spec.pruning == "none":
        return NopPruner()
    return MedianPruner(n_startup_trials=spec.pruning.startup_trials, n_warmup_steps=spec.pruning.warmup_epochs)


@patient
def open_sweep(name: str, storage: RDBStorage | None = None) -> Sweep:
    """The sweep of this name.

    Args:
        name: of the sweep.
        storage: one that is open already.

    Raises:
        SweepError: there is none, or as `open_storage`.
    """
    import optuna

    missing = SweepError(
        f"There is no sweep {name!r} here; `python -m training sweeps list` shows those that there are. A worker that "
        "works on a team's sweeps needs the same FERSCOPE_SWEEPS as who started them."
    )
    if storage is None and nothing_kept():
        raise missing
    storage = storage or open_storage()
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        raise missing from None
    if _PLAN not in study.user_attrs:
        raise missing
    plan = Plan.model_validate(study.user_attrs[_PLAN])
    study.pruner = _pruner(plan.spec)
    return Sweep(name, plan, study, storage)


@patient
def sweep_names(storage: RDBStorage) -> list[str]:
    """Names of the sweeps in a storage, sorted; other studies of Optuna's are left out."""
    import optuna

    return sorted(s.study_name for s in optuna.get_all_study_summaries(storage) if _PLAN in s.user_attrs)

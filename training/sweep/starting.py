"""Start a sweep, go on with it, and end it: trials become jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fer_core.errors import SweepError
from fer_core.workspace import data_set_names
from training.jobs import table
from training.jobs.job import FitRequest, Job
from training.jobs.queue import Wishes, cancel, delete, names_in_use, resume, retry, submit, with_whole_paths
from training.jobs.states import Limits, Reason, Status
from training.recipe.sweeping import with_values
from training.sweep.storage import AWAY
from training.sweep.study import Plan, Sweep, alone, create_sweep, open_sweep

_COMMAND = ("-m", "training", "sweep-trial")
_MAY_GO_ON = {Reason.CANCELLED, Reason.TIME_LIMIT, Reason.MEMORY_LIMIT, Reason.NO_DISK}


@dataclass(frozen=True)
class TrialJobs:
    """How the jobs of a sweep's trials are handed in.

    Attributes:
        data: name of a data set of the workspace, or an absolute path.
        labels: FER+ votes for FER2013; an absolute path.
        tags: as for `open_samples`.
        record: in MLflow.
        priority: the higher goes first.
        limits: of each trial.
    """

    data: str
    labels: str | None = None
    tags: tuple[str, ...] = ()
    record: bool = True
    priority: int = 0
    limits: Limits = field(default_factory=Limits)


def start_sweep(
    name: str, plan: Plan, trials: int, jobs: TrialJobs, progress: Callable[[int, int], None] | None = None
) -> list[Job]:
    """Sees to it that a sweep has so many trials, and that each of this workspace's that is not over has a job.

    Called again it goes on with what was broken off: jobs that were cancelled or ended by a limit are resumed, jobs
    that were never handed in are. Trials that are over, whether well or not, are counted and stay.

    Args:
        name: of the sweep.
        plan: what is varied of what, and what it learns from.
        trials: in all.
        jobs: how those of the trials are handed in.
        progress: called with the number of trials that have a job now, and that will have; a few take a second.

    Returns:
        The jobs that were handed in or resumed; empty if all trials are over or under way.

    Raises:
        JobError: as `submit`.
        SweepError: as `create_sweep`, or a new trial's run is there already.
    """
    with alone():
        sweep = create_sweep(name, plan)
        settle(sweep)
        there = len(sweep.trials())
        _refuse_taken(sweep, range(there, trials))
        for _ in range(trials - there):
            sweep.add_trial()
        known, left = jobs_of(sweep), sweep.own_open_trials()
        handed = []
        for done, trial in enumerate(left, 1):
            handed.append(_hand_in(sweep, trial.number, known.get(trial.number), jobs))
            if progress is not None:
                progress(done, len(left))
    return [job for job in handed if job is not None]


def jobs_of(sweep: Sweep) -> dict[int, Job]:
    """The jobs of this workspace that work on a sweep's trials, by the trial's number."""
    begin = (*_COMMAND, sweep.name)
    every = (job for job in table.every() if job.spec.arguments[: len(begin)] == begin)
    return {int(job.spec.arguments[len(begin)]): job for job in every}


def _refuse_taken(sweep: Sweep, numbers: Iterable[int]) -> None:
    """No trial is to go on with, or replace, what another run has made."""
    taken = names_in_use()
    for number in numbers:
        if sweep.run_of(number) in taken:
            raise SweepError(
                f"Trial {number} of {sweep.name} would be the run {sweep.run_of(number)}, and there is a run or a "
                "checkpoint of that name. Choose another name for the sweep."
            )


def check_sweep(plan: Plan, jobs: TrialJobs) -> None:
    """Looks for what would make every trial fail, before there is one; it loads torch.

    The recipe is looked at with the first choices, or lowest values, of all keys together, and with the last ones.

    Raises:
        DataError: the data, or the votes, are not there.
        FERScopeError: as `training.checks.check_recipe`.
    """
    from training.checks import check_recipe

    with_whole_paths(FitRequest(data=jobs.data, labels=jobs.labels))
    space = plan.spec.space
    for end in (0, -1):
        check_recipe(with_values(plan.recipe, {key: axis.extremes()[end] for key, axis in space.items()}))


def _hand_in(sweep: Sweep, number: int, job: Job | None, jobs: TrialJobs) -> Job | None:
    if job is None:
        run = sweep.run_of(number)
        arguments = [*_COMMAND, sweep.name, str(number), "--data", jobs.data]
        arguments += ["--labels", jobs.labels] if jobs.labels else []
        arguments += [part for tag in jobs.tags for part in ("--tag", tag)]
        arguments += ["--record" if jobs.record else "--no-record", "--json"]
        about = f"trial {number} of {sweep.name} on {Path(jobs.data).name}"
        fit = FitRequest(data=jobs.data, labels=jobs.labels, tags=jobs.tags, record=jobs.record)
        return submit(arguments, about, Wishes(run, jobs.priority, jobs.limits), fit)
    if job.status is Status.HELD:  # who handed it in was killed on the way
        job = cancel(job.id)
    if job.status is Status.DONE:  # the storage was put back to an older state
        return retry(job.id)
    return resume(job.id) if job.status.over else None


def settle(sweep: Sweep) -> None:
    """Fails the trials of this workspace whose jobs were given up, by a defect or after being killed time and again."""
    known = jobs_of(sweep)
    for trial in sweep.own_open_trials():
        job = known.get(trial.number)
        if job is not None and job.status is Status.FAILED and not _may_go_on(job):
            sweep.fail(trial.number, job.message)


def _may_go_on(job: Job) -> bool:
    """Whether the trial is not to blame for its job's end."""
    return job.reason in _MAY_GO_ON or job.message.startswith(AWAY)


def cancel_sweep(name: str) -> list[Job]:
    """Cancels the jobs of a sweep that wait or run; `start_sweep` goes on with them.

    Returns:
        Those jobs.

    Raises:
        SweepError: there is no such sweep.
    """
    with alone():
        sweep = open_sweep(name)
        known = jobs_of(sweep)
        found = [known.get(trial.number) for trial in sweep.own_open_trials()]
        waiting = [job for job in found if job is not None and not job.status.over]
        # Those that wait first, or each that is ended would let another one begin.
        return [cancel(job.id) for job in sorted(waiting, key=lambda job: job.status is Status.RUNNING)]


def go_on(name: str, trials: int, progress: Callable[[int, int], None] | None = None) -> list[Job]:
    """Starts a sweep again as it was started before: the same data, priority and limits, so many trials in all.

    Args:
        name: of the sweep.
        trials: in all.
        progress: as of `start_sweep`.

    Returns:
        As `start_sweep`.

    Raises:
        SweepError: there is no such sweep, or none of its jobs is in this workspace, nor its data set.
        JobError: as `submit`.
        FERScopeError: as `check_sweep`.
    """
    sweep = open_sweep(name)
    jobs = _as_before(sweep)
    check_sweep(sweep.plan, jobs)
    return start_sweep(name, sweep.plan, trials, jobs, progress)


def _as_before(sweep: Sweep) -> TrialJobs:
    for _, job in sorted(jobs_of(sweep).items(), reverse=True):
        if job.spec.fit is not None:
            fit = job.spec.fit
            return TrialJobs(fit.data, fit.labels, fit.tags, fit.record, job.priority, job.spec.limits)
    plan = sweep.plan
    if plan.labels is not None or plan.data not in data_set_names():
        raise SweepError(
            f"Where {sweep.name} finds {plan.data} is not known here any more. Go on with it by `python -m training "
            "sweep` with --name, and with the same recipe, --set, --search, --data and --labels as at first."
        )
    return TrialJobs(plan.data, None, plan.tags)


def delete_sweep(name: str) -> None:
    """Removes a sweep from the storage, with its jobs of this workspace, their logs and the states of their runs.

    Checkpoints and records in MLflow stay.

    Raises:
        SweepError: there is no such sweep, or trials of it are open, here or in another workspace of the team.
    """
    with alone():
        sweep = open_sweep(name)
        settle(sweep)
        mine = list(jobs_of(sweep).values())
        if any(not job.status.over for job in mine) or sweep.at_work_elsewhere():
            raise SweepError(f"Trials of {name} wait or run. Cancel the sweep first, in each workspace that has some.")
        for job in mine:
            delete(job.id)
        sweep.delete()

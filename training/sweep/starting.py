"""Start a sweep, go on with it, and end it: trials become jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from training.jobs import table
from training.jobs.job import FitRequest, Job
from training.jobs.queue import Wishes, cancel, resume, retry, submit
from training.jobs.states import Limits, Reason, Status
from training.sweep.storage import AWAY
from training.sweep.study import Plan, Sweep, alone, create_sweep, open_sweep

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


def start_sweep(name: str, plan: Plan, trials: int, jobs: TrialJobs) -> list[Job]:
    """Sees to it that a sweep has so many trials, and that each of this workspace's that is not over has a job.

    Called again it goes on with what was broken off: jobs that were cancelled or ended by a limit are resumed, jobs
    that were never handed in are. Trials that are over, whether well or not, are counted and stay.

    Returns:
        The jobs that were handed in or resumed; empty if all trials are over or under way.

    Raises:
        JobError: as `submit`.
        SweepError: as `create_sweep`.
    """
    with alone():
        sweep = create_sweep(name, plan)
        settle(sweep)
        for _ in range(trials - len(sweep.trials())):
            sweep.add_trial()
        known = _jobs()
        handed = [_hand_in(sweep, t.number, known.get(sweep.run_of(t.number)), jobs) for t in sweep.own_open_trials()]
    return [job for job in handed if job is not None]


def _jobs() -> dict[str, Job]:
    return {job.spec.run: job for job in table.every()}


def _hand_in(sweep: Sweep, number: int, job: Job | None, jobs: TrialJobs) -> Job | None:
    if job is None:
        run = sweep.run_of(number)
        arguments = ["-m", "training", "sweep-trial", sweep.name, str(number), "--data", jobs.data]
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
    known = _jobs()
    for trial in sweep.own_open_trials():
        job = known.get(sweep.run_of(trial.number))
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
        known = _jobs()
        found = [known.get(sweep.run_of(trial.number)) for trial in sweep.own_open_trials()]
        waiting = [job for job in found if job is not None and not job.status.over]
        # Those that wait first, or each that is ended would let another one begin.
        return [cancel(job.id) for job in sorted(waiting, key=lambda job: job.status is Status.RUNNING)]

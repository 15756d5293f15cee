"""What a user does with jobs: hand in, cancel, resume, retry, clone, delete."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError

from fer_core.card import NAME
from fer_core.errors import DataError, JobError
from fer_core.workspace import data_set_names, workspace
from training.checks import check_recipe
from training.distributed.group import check_batch
from training.jobs import table
from training.jobs.job import JOB, RECIPE, FitRequest, Job, Spec
from training.jobs.slots import CPU, devices
from training.jobs.states import Limits, Reason, Status
from training.jobs.tickets import announce
from training.jobs.worker import settle_without_worker
from training.jobs.writing import told_where_not_written
from training.recipe import Recipe, load_recipe
from training.remote.place import Cluster

_OVER = (Status.DONE, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True)
class Wishes:
    """What a user may ask of a job beside its work.

    Attributes:
        run: name of the run; None takes the recipe's name, with a number if it is taken.
        priority: the higher goes first.
        limits: what it may use.
        cluster: where it trains, if not on this machine.
    """

    run: str | None = None
    priority: int = 0
    limits: Limits = field(default_factory=Limits)
    cluster: Cluster | None = None


def submit(arguments: Sequence[str], about: str, wishes: Wishes, fit: FitRequest | None = None) -> Job:
    """Puts any work of ours into the queue: a process `python ARGUMENTS`; `wishes` name its run.

    Where it trains something, `fit` says on what, so that it can be cloned as a run of its own.

    Raises:
        JobError: another job has the run, it is no name for one, or the table cannot be used.
    """
    run = _checked_name(wishes.run or "")
    spec = Spec(run=run, about=about, arguments=tuple(arguments), limits=wishes.limits, fit=fit)
    return _enter(spec, wishes.priority)


def submit_fit(recipe: Recipe, fit: FitRequest, wishes: Wishes | None = None) -> Job:
    """Puts a training run into the queue. The recipe goes along, so that its file may change meanwhile.

    Raises:
        DataError: there is no such data.
        JobError: another job has the run, it is no name for one, or the table cannot be used; or more processes are
            asked for than a job can have.
        RecipeError: the batch size does not divide by the number of processes.
        CheckpointError, MissingWeightsError, ModelError, RecipeError: as `training.checks.check_recipe`.
    """
    wishes = wishes or Wishes()
    _check_processes(recipe, fit, wishes.cluster)
    fit = with_whole_paths(fit)
    run = _checked_name(wishes.run) if wishes.run else _free_name(recipe.name)
    check_recipe(recipe, here=wishes.cluster is None)
    command = "fit" if wishes.cluster is None else "fit-elsewhere"
    arguments = ["-m", "training", command, f"{JOB}/{RECIPE}", "--data", fit.data, "--run", run]
    arguments += ["--labels", fit.labels] if fit.labels else []
    arguments += [part for tag in fit.tags for part in ("--tag", tag)]
    arguments += ["--keep-every", str(fit.keep_every), "--record" if fit.record else "--no-record"]
    about = f"{recipe.name} on {Path(fit.data).name}"
    if wishes.cluster is not None:
        arguments += ["--cluster", wishes.cluster.model_dump_json()]
        about += f", {wishes.cluster.words}"
    elif fit.processes > 1:
        arguments += ["--processes", str(fit.processes)]
        about += f", {fit.processes} processes"
    spec = Spec(run=run, about=about, arguments=tuple(arguments), limits=wishes.limits, fit=fit, cluster=wishes.cluster)
    return _enter(spec, wishes.priority, recipe)


def _check_processes(recipe: Recipe, fit: FitRequest, cluster: Cluster | None) -> None:
    processes = fit.processes if cluster is None else cluster.workers
    if processes == 1:
        return
    check_batch(recipe.batch_size, processes, processes)
    if cluster is None and devices() != [CPU]:
        raise JobError(
            f"A job takes one graphics card, and {processes} processes take one each. Leave the queue aside: "
            f"`python -m training fit ... --processes {processes}`."
        )


def _enter(spec: Spec, priority: int, recipe: Recipe | None = None) -> Job:
    job = table.add(spec, priority)
    try:
        with told_where_not_written(job.folder):
            shutil.rmtree(job.folder, ignore_errors=True)  # of a table that was thrown away
            job.folder.mkdir(parents=True)
            if recipe is not None:
                _write_recipe(recipe, job.folder / RECIPE)
        _queue(job, (Status.HELD,))
    except JobError:  # nothing is handed in by half
        shutil.rmtree(job.folder, ignore_errors=True)
        with contextlib.suppress(JobError):  # of a table for which there is no room either; the sentence is the same
            table.remove(job.id, (Status.HELD,))
        raise
    return table.find(job.id)


def _write_recipe(recipe: Recipe, file: Path) -> None:
    derived = {"epochs"} if recipe.phases else set()  # or a clone could not change those of a phase
    values = recipe.model_dump(mode="json", exclude=derived)
    with told_where_not_written(file.parent):
        file.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")


def recipe_file(number: int) -> Path:
    """The recipe that a job trains, as a file to start from.

    Raises:
        JobError: no such job, it trains nothing, it is a sweep's trial whose values are not drawn yet, or its recipe
            was written by another version.
    """
    job = table.find(number)
    _request(job)
    file, of_run = job.folder / RECIPE, job.run_folder / "recipe.json"
    if file.exists():
        return file
    if not of_run.exists():
        raise JobError(f"Job {number} ({job.spec.about}) has no recipe yet; it is drawn when the trial begins.")
    try:
        recipe = Recipe.model_validate_json(of_run.read_bytes())
    except ValidationError as error:
        raise JobError(
            f"The recipe of job {number} ({job.spec.about}) in {of_run} is none of this version's, or is damaged. "
            "Start a new run from a recipe of this version instead."
        ) from error
    _write_recipe(recipe, file)
    return file


def _request(job: Job) -> FitRequest:
    if job.spec.fit is None:
        raise JobError(f"Job {job.id} ({job.spec.about}) is no training run and has no recipe to change.")
    return job.spec.fit


def _queue(job: Job, of: Sequence[Status]) -> None:
    fresh = {"status": Status.QUEUED, "queued": time.time(), "spent_s": 0.0, "fruitless": 0, "ended": None,
             "reason": None, "message": ""}  # fmt: skip
    if not table.change(job.id, of, **fresh):
        raise JobError(f"Job {job.id} ({job.spec.about}) is {table.find(job.id).status} already.")
    announce()


def _checked_name(run: str) -> str:
    if not NAME.fullmatch(run):
        raise JobError(
            f"{run!r} is not a name for a run: it begins with a letter or a digit and goes on with letters, digits, "
            "'.', '_' and '-', at most 100 in all. Choose another one."
        )
    return run


def names_in_use() -> set[str]:
    """Names that a job, a run's state or a checkpoint of the workspace has.

    A checkpoint outlives its job, and a run of its name would replace it.
    """
    folders = (folder for kind in ("runs", "checkpoints") for folder in (workspace() / kind).glob("*"))
    return table.runs_in_use() | {folder.name for folder in folders}


def _free_name(base: str) -> str:
    """The name, or the first of NAME-2, NAME-3, ... that is not in use."""
    used = names_in_use()
    base = _checked_name(base)[:90]
    names = (base if i == 1 else f"{base}-{i}" for i in range(1, len(used) + 2))
    return next(name for name in names if name not in used)


def with_whole_paths(fit: FitRequest) -> FitRequest:
    """With paths that mean the same wherever the worker was started.

    Raises:
        DataError: there is no such data.
    """
    changes = {}
    if fit.data not in data_set_names():
        changes["data"] = _whole(fit.data, "data set of the workspace, and no file or folder,")
    if fit.labels:
        changes["labels"] = _whole(fit.labels, "file")
    return fit.model_copy(update=changes)


def _whole(path: str, what: str) -> str:
    found = Path(path).expanduser().resolve()
    if not found.exists():
        raise DataError(f"There is no {what} {path!r}. Import the data, or correct the path.")
    return str(found)


def cancel(number: int) -> Job:
    """Takes a job out of the queue, or asks its process to end: it keeps its state and leaves, or is killed.

    A process is ended by the worker, soon after this has returned; if there is no worker, by this call.

    Raises:
        JobError: no such job, or it is over already.
    """
    job = table.find(number)
    over = {"status": Status.CANCELLED, "reason": Reason.CANCELLED, "ended": time.time()}
    taken_out = table.change(number, (Status.QUEUED, Status.HELD), message="Cancelled before it started.", **over)
    if not taken_out:
        if not table.change(number, (Status.RUNNING,), cancelling=1):
            raise JobError(f"Job {number} ({job.spec.about}) is over already: {table.find(number).status}.")
        settle_without_worker(table.find(number))
    return table.find(number)


def resume(number: int) -> Job:
    """Puts a job that has failed or was cancelled back into the queue; it goes on where its run was kept last.

    Raises:
        JobError: no such job, or it waits, runs, or is done.
    """
    job = table.find(number)
    if job.status is Status.DONE:
        raise JobError(f"Job {number} ({job.spec.about}) is done. Clone it to run it with changes, or retry it.")
    _queue(job, (Status.FAILED, Status.CANCELLED))
    return table.find(number)


def retry(number: int) -> Job:
    """Puts a job that is over back into the queue, to begin from its first step: the state of its run is deleted.

    Raises:
        JobError: no such job, or it waits or runs.
    """
    job = table.find(number)
    if not table.change(number, _OVER, status=Status.HELD):  # or it might be resumed while its state is deleted
        raise _not_over(number)
    shutil.rmtree(job.run_folder, ignore_errors=True)
    _queue(job, (Status.HELD,))
    return table.find(number)


def clone(number: int, changes: Iterable[str] = (), wishes: Wishes | None = None) -> Job:
    """Hands in a training run like another job's, with `key=value` changes of its recipe.

    Raises:
        DataError: its data are not there any more.
        JobError: as `recipe_file`.
        RecipeError: a change that the recipe does not take.
    """
    job, recipe = table.find(number), load_recipe(recipe_file(number), changes)
    return submit_fit(recipe, _request(job), wishes or wishes_of(job))


def wishes_of(job: Job, run: str | None = None) -> Wishes:
    """What was asked of a job, for another run."""
    return Wishes(run, job.priority, job.spec.limits, job.spec.cluster)


def delete(number: int) -> None:
    """Removes a job that is over with its log and the state of its run; checkpoint and record in MLflow stay.

    Raises:
        JobError: no such job, or it waits or runs.
    """
    job = table.find(number)
    if not table.remove(number, _OVER):
        raise _not_over(number)
    shutil.rmtree(job.folder, ignore_errors=True)
    shutil.rmtree(job.run_folder, ignore_errors=True)


def prioritise(number: int, priority: int) -> Job:
    """Changes the priority of a job that waits.

    Raises:
        JobError: no such job, or it does not wait.
    """
    job = table.find(number)
    if not table.change(number, (Status.QUEUED,), priority=priority):
        raise JobError(f"Job {number} ({job.spec.about}) does not wait: it is {job.status}.")
    return table.find(number)


def _not_over(number: int) -> JobError:
    job = table.find(number)
    return JobError(f"Job {job.id} ({job.spec.about}) is {job.status}; cancel it first.")

"""`python -m training jobs` and `python -m training worker`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.cli import Json, app_with_errors, emit
from fer_core.errors import JobError

if TYPE_CHECKING:
    from training.jobs.job import Job

app = app_with_errors("Training runs in a queue: hand in, look at, cancel, resume.")

_MOST = 2**63 - 1  # that the table can hold
_HIGHEST = 1_000_000

Number = Annotated[int, typer.Argument(min=1, max=_MOST, help="Number of the job.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="Change a value: key=value, repeatable.")]
RunName = Annotated[str | None, typer.Option("--run", help="Name of the run; default: that of the recipe.")]
Priority = Annotated[int, typer.Option(min=-_HIGHEST, max=_HIGHEST, help="The higher goes first.")]
TimeLimit = Annotated[float | None, typer.Option(min=0.001, help="Hours that it may run.")]
MemoryLimit = Annotated[float | None, typer.Option(min=1, help="Memory that it may use, in MB.")]
Start = Annotated[bool, typer.Option(help="Start a worker if none is alive.")]


@app.command("submit")
def submit_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or path of a YAML file.")],
    data: Annotated[str, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    labels: Annotated[str | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    changes: Changes = None,
    run: RunName = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Train only on samples with this tag; repeatable.")
    ] = None,
    keep_every: Annotated[int, typer.Option(min=0, help="Keep the state every so many steps.")] = 500,
    priority: Priority = 0,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    disk: Annotated[float, typer.Option(min=0, help="MB that must be free before it starts.")] = 500.0,
    grace: Annotated[float, typer.Option(min=0, help="Seconds to keep its state in when it is to end.")] = 60.0,
    record: Annotated[bool, typer.Option(help="Record the run in MLflow.")] = True,
    processes: Annotated[int, typer.Option(min=1, help="Processes of this machine that share each batch.")] = 1,
    ray: Annotated[str | None, typer.Option(help="Train on a Ray cluster: http://HOST:8265, its dashboard.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Workers on the cluster that share each batch.")] = 1,
    gpus: Annotated[bool, typer.Option("--gpus", help="A graphics card for each worker on the cluster.")] = False,
    start: Start = True,
    as_json: Json = False,
) -> None:
    """Put a training run into the queue."""
    from training.jobs.job import FitRequest
    from training.jobs.queue import Wishes, submit_fit
    from training.jobs.states import Limits
    from training.recipe import load_recipe
    from training.remote.place import cluster_at

    chosen = load_recipe(recipe, changes or [])
    seconds = None if time_limit is None else time_limit * 3600
    limits = Limits(time_s=seconds, memory_mb=memory_limit, disk_mb=disk, grace_s=grace)
    fit = FitRequest(
        data=data, labels=labels, tags=tuple(tags or ()), keep_every=keep_every, record=record, processes=processes
    )
    cluster = cluster_at(ray, workers, gpus) if ray else None
    if cluster is None and (workers > 1 or gpus):
        raise JobError("--workers and --gpus are of a cluster; give its address with --ray, or take --processes.")
    if cluster is not None and processes > 1:
        raise JobError("--processes are of this machine; on a cluster there are --workers.")
    _tell(submit_fit(chosen, fit, Wishes(run, priority, limits, cluster)), start, as_json)


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the jobs: those that run, those that wait in their order, those that are over."""
    from training.jobs.table import every

    jobs = every()
    emit([job.as_json() for job in jobs], as_json, "\n".join(map(_line, jobs)) or "There are no jobs.")


@app.command("show")
def show_command(number: Number, as_json: Json = False) -> None:
    """Show a job: how it stands, how far it is, and how each attempt at it ended."""
    from training.jobs.table import attempts, find

    job = find(number)
    history = [
        {"number": a.number, "device": a.device, "began": a.began, "ended": a.ended,
         "reason": a.reason.value if a.reason else None, "message": a.message}
        for a in attempts(number)
    ]  # fmt: skip
    lines = [_line(job), *([f"  {job.message}"] if job.message else [])]
    lines += [
        f"  attempt {one['number']} on {one['device']}: {one['reason'] or 'runs'}. {one['message']}" for one in history
    ]
    folders = {"folder": str(job.folder), "run_folder": str(job.run_folder)}
    emit({**job.as_json(), "history": history, **folders}, as_json, "\n".join(lines))


@app.command("logs")
def logs_command(
    number: Number,
    tail: Annotated[int | None, typer.Option(min=1, help="Only so many of the last lines.")] = None,
    as_json: Json = False,
) -> None:
    """Print what the attempts at a job have printed."""
    from training.jobs.table import find

    lines = find(number).log().splitlines()[-(tail or 0) :]
    emit({"id": number, "lines": lines}, as_json, "\n".join(lines))


@app.command("cancel")
def cancel_command(
    number: Number,
    wait: Annotated[bool, typer.Option(help="Return when it has ended.")] = True,
    as_json: Json = False,
) -> None:
    """Cancel a job; one that runs keeps its state first, so that it can be resumed."""
    from training.jobs.queue import cancel
    from training.jobs.table import find

    job = cancel(number)
    deadline = time.monotonic() + job.spec.limits.grace_s + 10
    while wait and not job.status.over and time.monotonic() < deadline:
        time.sleep(0.1)
        job = find(number)
    _tell(job, False, as_json)


@app.command("resume")
def resume_command(number: Number, start: Start = True, as_json: Json = False) -> None:
    """Put a job that has failed or was cancelled back into the queue; it goes on where it was kept last."""
    from training.jobs.queue import resume

    _tell(resume(number), start, as_json)


@app.command("retry")
def retry_command(number: Number, start: Start = True, as_json: Json = False) -> None:
    """Put a job that is over back into the queue, from its first step; the state of its run is deleted."""
    from training.jobs.queue import retry

    _tell(retry(number), start, as_json)


@app.command("clone")
def clone_command(
    number: Number, changes: Changes = None, run: RunName = None, start: Start = True, as_json: Json = False
) -> None:
    """Put a training run like another one into the queue, with changes."""
    from training.jobs.queue import clone, wishes_of
    from training.jobs.table import find

    _tell(clone(number, changes or [], wishes_of(find(number), run)), start, as_json)


@app.command("prioritise")
def prioritise_command(
    number: Number, priority: Annotated[int, typer.Argument(min=-_HIGHEST, max=_HIGHEST)], as_json: Json = False
) -> None:
    """Change the priority of a job that waits."""
    from training.jobs.queue import prioritise

    _tell(prioritise(number, priority), False, as_json)


@app.command("delete")
def delete_command(number: Number, as_json: Json = False) -> None:
    """Remove a job that is over, its log and the state of its run; the checkpoint stays."""
    from training.jobs.queue import delete

    delete(number)
    emit({"deleted": number}, as_json, f"Job {number} is deleted.")


def worker_command(
    slots: Annotated[int | None, typer.Option(min=1, help="Jobs at a time without a graphics card.")] = None,
    idle_exit: Annotated[float | None, typer.Option(min=0, help="Leave after so many idle seconds.")] = None,
    stand_by: Annotated[bool, typer.Option(help="If there is a worker, wait until it has gone.")] = False,
) -> None:
    """Work through the queue, one job on each graphics card; run it as a service, or let the app start it."""
    from training.jobs.slots import CPU, devices
    from training.jobs.worker import work

    names = devices()
    if slots is not None and names == [CPU]:
        names *= slots
    work(names, idle_exit, stand_by, lambda line: typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", err=True))


def _tell(job: Job, start: bool, as_json: bool) -> None:
    if start:
        from training.jobs.worker import ensure_worker

        ensure_worker()
    emit(job.as_json(), as_json, _line(job))


def _line(job: Job) -> str:
    from training.jobs.states import Status

    status = "cancelling" if job.cancelling else job.status.value
    line = f"{job.id:>4}  {status:<10}  {job.spec.run:<28}  {job.spec.about}"
    if job.status is Status.RUNNING and (progress := job.progress()):
        line += f", {progress.as_text()}"
    elif job.status is Status.FAILED and job.reason:
        line += f" ({job.reason.value})"
    return line

"""`python -m training sweep`, `sweeps` and, for the jobs, `sweep-trial`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.cli import Json, app_with_errors, emit, progress_line
from training.jobs.commands import Priority

if TYPE_CHECKING:
    from training.sweep.results import SweepResult

app = app_with_errors("Sweeps: look at them, and end them.")
Name = Annotated[str, typer.Argument(help="Name of the sweep.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Train only on samples with this tag; repeatable.")]


def sweep_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or path of a YAML file.")],
    data: Annotated[str, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    trials: Annotated[int, typer.Option(min=1, help="How many trials the sweep is to have in all.")],
    name: Annotated[str | None, typer.Option(help="Name of the sweep; the same name goes on. Default: RECIPE.")] = None,
    searches: Annotated[
        list[str] | None,
        typer.Option("--search", help="Vary a value: key=[1, 2] or key={low: 1, high: 8}; repeatable."),
    ] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a value: key=value, repeatable.")] = None,
    labels: Annotated[str | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    tags: Tags = None,
    priority: Priority = 0,
    time_limit: Annotated[float | None, typer.Option(min=0.001, help="Hours that each trial may run.")] = None,
    record: Annotated[bool, typer.Option(help="Record each run in MLflow.")] = True,
    start: Annotated[bool, typer.Option(help="Start a worker if none is alive.")] = True,
    wait: Annotated[bool, typer.Option(help="Return when no trial waits or runs any more.")] = False,
    as_json: Json = False,
) -> None:
    """Train a recipe many times with varied values, each time as a job; called again it goes on where it was."""
    from training.jobs.job import FitRequest
    from training.jobs.queue import with_whole_paths
    from training.jobs.states import Limits
    from training.jobs.worker import ensure_worker
    from training.recipe.sweeping import load_sweep
    from training.sweep.results import sweep_result
    from training.sweep.starting import TrialJobs, check_sweep, start_sweep
    from training.sweep.study import Plan

    values, spec = load_sweep(recipe, changes or [], searches or [])
    whole = with_whole_paths(FitRequest(data=data, labels=labels))
    sweep = name or str(values["name"])
    limits = Limits(time_s=None if time_limit is None else time_limit * 3600)
    jobs = TrialJobs(whole.data, whole.labels, tuple(tags or ()), record, priority, limits)
    plan = Plan(
        recipe=values,
        sweep=spec.model_dump(mode="json"),
        data=Path(data).name,
        labels=Path(labels).name if labels else None,
        tags=tuple(tags or ()),
    )
    check_sweep(plan, jobs)
    handed = start_sweep(sweep, plan, trials, jobs, progress_line("trials handed in"))
    if start and handed:
        ensure_worker()
    result = sweep_result(sweep)
    while wait and result.count("waiting") + result.count("running"):
        time.sleep(1)
        result = sweep_result(sweep)
    _tell(result, as_json)


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the sweeps: how many trials are over, and the best one."""
    from training.sweep.results import sweep_results

    found = sweep_results()
    emit([one.as_json() for one in found], as_json, "\n".join(map(_line, found)) or "There are no sweeps.")


@app.command("show")
def show_command(name: Name, as_json: Json = False) -> None:
    """Show a sweep: each trial with what was drawn for it and what came of it."""
    from training.sweep.results import sweep_result

    _tell(sweep_result(name), as_json)


@app.command("importance")
def importance_command(name: Name, as_json: Json = False) -> None:
    """Say how much each key sets the best trials apart."""
    from training.sweep.results import importance

    found = importance(name)
    text = "\n".join(f"{value:>7.1%}  {key}" for key, value in found.items())
    emit(found, as_json, text or "Too few trials are complete to say.")


@app.command("cancel")
def cancel_command(name: Name, as_json: Json = False) -> None:
    """Cancel the trials that wait or run; `sweep` with the same name goes on with them."""
    from training.sweep.starting import cancel_sweep

    jobs = cancel_sweep(name)
    emit({"cancelled": [job.id for job in jobs]}, as_json, f"{len(jobs)} trials are cancelled.")


@app.command("delete")
def delete_command(name: Name, as_json: Json = False) -> None:
    """Delete a sweep whose trials are over or cancelled, with their jobs; checkpoints and records in MLflow stay."""
    from training.sweep.starting import delete_sweep

    delete_sweep(name)
    emit({"deleted": name}, as_json, f"The sweep {name} is deleted.")


def trial_command(  # noqa: PLR0913, PLR0917  (as above)
    name: Name,
    number: Annotated[int, typer.Argument(help="Number of the trial.")],
    data: Annotated[Path, typer.Option(help="As for sweep.")],
    labels: Annotated[Path | None, typer.Option(help="As for sweep.")] = None,
    tags: Tags = None,
    record: Annotated[bool, typer.Option(help="Record the run in MLflow.")] = True,
    as_json: Json = False,
) -> None:
    """Work on a trial; the jobs of a sweep call this."""
    from training.sweep.trial import TrialData, train_trial

    state = train_trial(name, number, TrialData(data, labels, tuple(tags or ())), record)
    emit({"sweep": name, "trial": number, "state": state}, as_json, f"Trial {number} of {name}: {state}.")


def _tell(result: SweepResult, as_json: bool) -> None:
    lines = [_line(result)]
    for trial in result.trials:
        figure = "" if trial.value is None else f"{trial.value:.4f}"
        drawn = ", ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
                          for key, value in trial.drawn.items())  # fmt: skip
        lines.append(f"{trial.number:>4}  {trial.state:<8}  {figure:>8}  {drawn}{_why(trial.error)}")
    emit(result.as_json(), as_json, "\n".join(lines))


def _why(error: str) -> str:
    return f" ({error})" if error else ""


def _line(result: SweepResult) -> str:
    from training.sweep.results import STATES

    counts = ", ".join(f"{n} {state}" for state in reversed(STATES) if (n := result.count(state)))
    best = "" if result.best is None else f"; best {result.metric} {result.trials[result.best].value:.4f} "
    best += "" if result.best is None else f"({result.trials[result.best].run})"
    return f"{result.name}: {result.recipe} on {result.data}, {len(result.trials)} trials: {counts or 'none'}{best}"

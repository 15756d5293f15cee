"""`python -m training`: recipes and the runs that they start."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.cli import Json, app_with_errors, emit, percent
from training.jobs import commands as jobs
from training.sweep import commands as sweeps

if TYPE_CHECKING:
    from fer_core.checkpoint import Checkpoint
    from training.run import Run

app = app_with_errors("Train classifiers from recipes.")
app.add_typer(jobs.app, name="jobs")
app.command("worker")(jobs.worker_command)
app.add_typer(sweeps.app, name="sweeps")
app.command("sweep")(sweeps.sweep_command)
app.command("sweep-trial", hidden=True)(sweeps.trial_command)


@app.command("recipes")
def recipes_command(as_json: Json = False) -> None:
    """List the recipes that come with FERScope: parameters, architecture, summary."""
    from training.catalogue import recipe_facts

    facts = recipe_facts()
    lines = [f"{f.name:<26}{_millions(f.parameters):>8}  {f.architecture:<30} {f.summary}" for f in facts]
    emit([asdict(f) for f in facts], as_json, "\n".join(lines))


def _millions(parameters: int | None) -> str:
    return "" if parameters is None else f"{parameters / 1e6:.2f} M"


@app.command("fit")
def fit_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or path of a YAML file.")],
    data: Annotated[Path, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    labels: Annotated[Path | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a value: key=value, repeatable.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name goes on where it stopped.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Train only on samples with this tag; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the checkpoint; default: in the workspace.")] = None,
    keep_every: Annotated[
        int,
        typer.Option(min=0, help="Keep the state every so many steps, and after each epoch; 0: after epochs alone."),
    ] = 500,
    dry: Annotated[bool, typer.Option("--dry", help="Only try one batch, and say what the run would take.")] = False,
    record: Annotated[bool, typer.Option(help="Record the run in MLflow.")] = True,
    as_json: Json = False,
) -> None:
    """Train a recipe and write a checkpoint; a run that was interrupted goes on where it was kept last."""
    from training.recipe import load_recipe  # a mistake in a recipe is told before torch is loaded

    chosen = load_recipe(recipe, changes or [])

    from fer_core.data.opening import open_samples
    from fer_core.workspace import workspace
    from training.run import Run, check_name

    name = run or chosen.name
    check_name(name)
    samples = open_samples(data, labels, tags or ())
    if dry:
        from training.dry import dry_run

        tried = dry_run(chosen, samples)
        emit(tried.as_json(), as_json, tried.as_text())
        return
    wanted = Run(
        recipe=chosen,
        samples=samples,
        data_name=data.name,
        folder=workspace() / "runs" / name,
        checkpoint_folder=out or workspace() / "checkpoints" / name,
        keep_every_steps=keep_every,
    )
    checkpoint = _fitted(wanted, record)
    scores = checkpoint.card.metrics["validation"]
    text = (
        f"{checkpoint.folder}: {percent(scores['accuracy'], scores['accuracy_interval'])} of {scores['n']} faces right"
    )
    emit({"checkpoint": str(checkpoint.folder), "validation": scores}, as_json, text)


def _fitted(wanted: Run, record: bool) -> Checkpoint:
    """Trains in the run's folder, which nobody else does meanwhile, and records it in MLflow if it is asked for."""
    from training.fit import fit
    from training.run import alone
    from training.tracking.recording import Recording

    with alone(wanted.folder), Recording(wanted.folder, wanted.checkpoint_folder, wanted.data_name) as recording:
        return fit(replace(wanted, on_claim=recording.begin if record else None))


if __name__ == "__main__":
    app(prog_name="python -m training")

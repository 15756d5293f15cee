"""`python -m training`: recipes and the runs that they start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.cli import Json, app_with_errors, emit, percent
from training.candidates import candidates_command
from training.jobs import commands as jobs
from training.remote.commands import elsewhere_command
from training.slurm import slurm_command
from training.sweep import commands as sweeps

if TYPE_CHECKING:
    from training.recipe import Recipe

app = app_with_errors("Train classifiers from recipes.")
app.add_typer(jobs.app, name="jobs")
app.command("worker")(jobs.worker_command)
app.add_typer(sweeps.app, name="sweeps")
app.command("fit-elsewhere", hidden=True)(elsewhere_command)
app.command("slurm")(slurm_command)
app.command("candidates")(candidates_command)
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
    processes: Annotated[
        int, typer.Option(min=1, help="Processes of this machine that share each batch; one card for each.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Train a recipe and write a checkpoint; a run that was interrupted goes on where it was kept last."""
    from training.distributed.group import check_batch, detect
    from training.distributed.joining import joined
    from training.recipe import load_recipe  # a mistake in a recipe is told before torch is loaded

    group = detect()
    with joined(group):
        chosen = load_recipe(recipe, changes or [])
        if processes > 1 and group.world == 1 and not dry:
            from training.distributed.launching import launch

            check_batch(chosen.batch_size, processes, processes)
            raise typer.Exit(launch(processes, sys.argv[1:]))
        if dry:
            _try(chosen, data, labels, tags or (), as_json)
            return

        from training.ordering import Order, carry_out

        order = Order(chosen, data, labels, tuple(tags or ()), run, out, keep_every, record)
        checkpoint = carry_out(order, group)
    if checkpoint is None:  # the first process says it
        return
    scores = checkpoint.card.metrics["validation"]
    text = (
        f"{checkpoint.folder}: {percent(scores['accuracy'], scores['accuracy_interval'])} of {scores['n']} faces right"
    )
    emit({"checkpoint": str(checkpoint.folder), "validation": scores}, as_json, text)


def _try(recipe: Recipe, data: Path, labels: Path | None, tags: Sequence[str], as_json: bool) -> None:
    from fer_core.data.opening import open_samples
    from training.dry import dry_run

    tried = dry_run(recipe, open_samples(data, labels, tags))
    emit(tried.as_json(), as_json, tried.as_text())


if __name__ == "__main__":
    app(prog_name="python -m training")

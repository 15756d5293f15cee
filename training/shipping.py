"""From trained weights to a checkpoint: the card, and the figures that stand in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from torch import nn

from fer_core.card import Card, Trained, write_card
from fer_core.checkpoint import Checkpoint, save_checkpoint
from fer_core.data import SampleTable
from fer_core.data.labelling import named
from fer_core.evaluate.cached import keep_evaluation
from fer_core.evaluate.evaluation import evaluate
from fer_core.predict import Predictor
from fer_core.preprocess import Preprocess
from training.counting import counting
from training.keeping import second_name
from training.run import Run, taught_by

PREDICTIONS = "validation.parquet"


def card_of(
    run: Run,
    training: SampleTable,
    *,
    preprocess: Preprocess,
    selected_on: str,
    started_from: str,
    arguments: dict[str, Any] | None = None,
) -> Card:
    """The card of a run's checkpoint; its metrics are still to come.

    Args:
        run: what was run.
        training: the training split.
        preprocess: with numbers, where the recipe leaves them to the data.
        selected_on: what chose these weights.
        started_from: what the run began with.
        arguments: of the architecture, where they are not the recipe's.
    """
    recipe = run.recipe
    return Card(
        name=run.checkpoint_folder.resolve().name,
        summary=recipe.summary,
        architecture=recipe.model.architecture,
        arguments=recipe.model.arguments if arguments is None else arguments,
        classes=recipe.classes,
        preprocess=preprocess,
        flip=recipe.flip_at_test,
        trained=Trained(
            data=named(run.data_name, recipe.labels),
            data_hash=training.data_hash(),
            n=len(training),
            recipe=recipe.model_dump(mode="json"),
            seed=recipe.seed,
            selected_on=selected_on,
            git_commit=git_commit(),
            started_from=started_from,
            taught_by=taught_by(run),
        ),
        licence=recipe.licence,
        intended_use=recipe.intended_use,
        limits=recipe.limits,
    )


def ship(run: Run, model: nn.Module, card: Card, training: SampleTable, validation: SampleTable) -> Checkpoint:
    """Writes weights and card, measures what was written on the validation split, and adds that to the card.

    The prediction table is kept where evaluations look for it, and once more in the run's folder, for its record.
    """
    checkpoint = save_checkpoint(run.checkpoint_folder, model, card, half=run.recipe.weights == "float16")
    with counting(run.folder, "measuring the checkpoint", len(validation)) as count:
        found = evaluate(Predictor(checkpoint), validation, count, training)
    table = keep_evaluation(checkpoint.card, found, "validation", named(run.data_name, run.recipe.labels))
    second_name(table, run.folder / PREDICTIONS)
    card = checkpoint.card.model_copy(update={"metrics": {"validation": found.as_json()}})
    write_card(checkpoint.folder, card)
    return Checkpoint(checkpoint.folder, card)


def git_commit() -> str:
    """Commit of this code, `-dirty` where files differ from it; empty without a checkout, or if git takes too long."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty"],  # noqa: S607
            cwd=here, capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()

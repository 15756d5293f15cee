"""What is trained on what, and where it is kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from fer_core.card import NAME
from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, RecipeError, TrainingError
from fer_core.whole import whole
from training.disk import told_when_full
from training.recipe import Recipe


@dataclass(frozen=True)
class Run:
    """What is trained on what, and where it is kept.

    Attributes:
        recipe: how.
        samples: a table with the splits `train` and `validation`.
        data_name: what the data set is called in the card.
        folder: state of the run: `last.ckpt`, `best.ckpt`, `history.jsonl`, `steps.jsonl`, `progress.json`, what it was
            begun with: `recipe.json`, `data.json`, and at the end its prediction table, `validation.parquet`.
        checkpoint_folder: where the finished checkpoint goes.
        keep_every_steps: how often the state is kept within an epoch; 0 keeps it after epochs alone. A run that was
            interrupted goes on from there, and ends as if it had not been.
        on_claim: called as soon as the folder is known to be this run's, before anything is trained.
    """

    recipe: Recipe
    samples: SampleTable
    data_name: str
    folder: Path
    checkpoint_folder: Path
    keep_every_steps: int = 500
    on_claim: Callable[[], None] | None = None


def check_name(name: str) -> None:
    """Refuses what cannot be the name of a run or of a checkpoint.

    Raises:
        RecipeError: it is not.
    """
    if not NAME.fullmatch(name):
        raise RecipeError(
            f"{name!r} is not a name for a run or a checkpoint: it begins with a letter or a digit and goes on with "
            "letters, digits, '.', '_' and '-', at most 100 in all. Choose another one with --run or --out."
        )


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps a run's folder for this process, which would spoil the state of another one that trains there.

    Raises:
        TrainingError: another process trains there, or the disk is full.
    """
    lock = FileLock(folder / "lock", timeout=0)
    try:
        with told_when_full(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout:
        raise TrainingError(
            f"Another process trains the run {folder.name!r} now. Wait until it has ended, or choose another --run."
        ) from None
    try:
        yield
    finally:
        lock.release()


def claim(run: Run, training_samples: SampleTable, validation_samples: SampleTable) -> None:
    """Notes recipe and data in the run's folder, or checks that they are those that it was begun with.

    Both are compared by what they mean: a key that a note lacks, since it was written before there was the key, has its
    default.

    Raises:
        DataError: the folder holds a run on other data.
        RecipeError: it holds a run of another recipe.
    """
    data: dict[str, Any] = {
        "train": training_samples.data_hash(),
        "validation": validation_samples.data_hash(),
        "samples_with_votes": len(training_samples) - training_samples.table["votes"].null_count,
        "teachers": [open_checkpoint(name).card.weights_sha256 for name in run.recipe.target.teachers],
    }
    if run.recipe.model.checkpoint:
        data["begins_with"] = open_checkpoint(run.recipe.model.checkpoint).card.weights_sha256
    if run.recipe.svm:
        data["features"] = open_checkpoint(run.recipe.svm.features).card.weights_sha256
    begin_anew = "Choose another --run, or delete that folder to begin anew."
    run.folder.mkdir(parents=True, exist_ok=True)
    note = run.folder / "recipe.json"
    if note.exists() and _recipe_in(note) != run.recipe:
        raise RecipeError(
            f"{run.folder} holds a run of another recipe than {run.recipe.name!r} as given now. {begin_anew}"
        )
    _write(note, run.recipe.model_dump_json(indent=2))
    note = run.folder / "data.json"
    if note.exists() and note.read_text(encoding="utf-8") != json.dumps(data, indent=2) + "\n":
        raise DataError(f"{run.folder} holds a run on other data than {run.data_name} as given now. {begin_anew}")
    _write(note, json.dumps(data, indent=2))
    if run.on_claim is not None:
        run.on_claim()


def taught_by(run: Run) -> dict[str, str]:
    """The hash of each teacher's weights by its name, as they were when the run was begun; none before `claim`."""
    note = run.folder / "data.json"
    hashes = json.loads(note.read_text(encoding="utf-8"))["teachers"] if note.exists() else []
    return dict(zip(run.recipe.target.teachers, hashes, strict=bool(hashes)))


def _write(note: Path, text: str) -> None:
    with whole(note) as scratch:  # half a note would be taken for that of another run
        scratch.write_text(f"{text}\n", encoding="utf-8")


def _recipe_in(note: Path) -> Recipe | None:
    try:
        return Recipe.model_validate_json(note.read_bytes())
    except ValidationError:
        return None

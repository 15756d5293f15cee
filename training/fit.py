"""Runs a recipe: from a sample table to a checkpoint, resumable from its last epoch."""

from __future__ import annotations

import json
import logging
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging

from fer_core.card import NAME, Card, Trained, write_card
from fer_core.checkpoint import Checkpoint, open_checkpoint, save_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, RecipeError
from fer_core.evaluate.evaluation import evaluate
from fer_core.models import create_model
from fer_core.predict import Predictor
from training.data import Tensors, load_tensors, taught
from training.module import FERModule
from training.progress import Progress
from training.recipe import Recipe


@dataclass(frozen=True)
class Run:
    """What is trained on what, and where it is kept.

    Attributes:
        recipe: how.
        samples: a table with the splits `train` and `validation`.
        data_name: what the data set is called in the card.
        folder: state of the run: `last.ckpt`, `best.ckpt`, `history.jsonl`, `progress.json`, and what it was begun
            with: `recipe.json`, `data.json`.
        checkpoint_folder: where the finished checkpoint goes.
    """

    recipe: Recipe
    samples: SampleTable
    data_name: str
    folder: Path
    checkpoint_folder: Path


def fit(run: Run) -> Checkpoint:
    """Trains, or goes on where the run's folder says it stopped, and writes the checkpoint with its card.

    The card's validation figures are measured on the finished checkpoint by the code that `evaluate` runs.

    Raises:
        DataError: a split is missing or has labels that the recipe lacks, or the folder holds a run on other data.
        RecipeError: the folder holds a run of another recipe, or the checkpoint's folder has no `NAME` for a name.
        ModelError: the recipe's architecture is unknown, or does not take its arguments.
    """
    recipe = run.recipe
    check_name(run.checkpoint_folder.resolve().name)
    training_samples = run.samples.split("train")
    validation_samples = run.samples.split("validation")
    module = _module(recipe, training_samples, validation_samples)
    _claim(run, training_samples, validation_samples)
    last = run.folder / "last.ckpt"
    keepers = [
        ModelCheckpoint(run.folder, "best", monitor="val_accuracy", mode="max", enable_version_counter=False),
        ModelCheckpoint(run.folder, "last", enable_version_counter=False),  # every epoch, also one that was no better
    ]
    with _quiet():
        trainer = _trainer(recipe, [*keepers, Progress(run.folder)])
        # Written by this process on this machine; Lightning's state holds more than tensors.
        trainer.fit(module, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    source = run.folder / f"{recipe.select}.ckpt"
    # Lightning keeps the moving average, where there is one, under `state_dict`.
    state = torch.load(source, map_location="cpu", weights_only=False)
    module.load_state_dict(state["state_dict"])
    checkpoint = save_checkpoint(
        run.checkpoint_folder, module.model, _card(run, training_samples, int(state["epoch"]) + 1)
    )
    found = evaluate(Predictor(checkpoint), validation_samples, train=training_samples)
    card = checkpoint.card.model_copy(update={"metrics": {"validation": found.as_json()}})
    write_card(checkpoint.folder, card)
    return Checkpoint(checkpoint.folder, card)


def _module(recipe: Recipe, training_samples: SampleTable, validation_samples: SampleTable) -> FERModule:
    torch.manual_seed(recipe.seed)
    model = create_model(
        recipe.model.architecture,
        num_classes=len(recipe.classes),
        in_channels=recipe.preprocess.channels,
        **recipe.model.arguments,
    )
    return FERModule(
        model,
        recipe,
        _on_device(taught(load_tensors(training_samples, recipe), training_samples, recipe)),
        _on_device(load_tensors(validation_samples, recipe)),
    )


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


def _trainer(recipe: Recipe, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    if recipe.average_decay:
        callbacks = [WeightAveraging(avg_fn=average_with(recipe.average_decay)), *callbacks]
    return lightning.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        max_epochs=recipe.epochs,
        precision=lightning_precision(recipe.precision),
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def average_with(decay: float) -> Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]:
    """The moving average's step: `decay` of the average is kept, less at first, so that the start is forgotten.

    After n updates min(decay, (1 + n) / (10 + n)) is kept.
    """

    def step(average: torch.Tensor, current: torch.Tensor, updates: Any) -> torch.Tensor:
        if not average.is_floating_point():
            return current
        kept = min(decay, (1 + int(updates)) / (10 + int(updates)))
        return torch.lerp(current, average, kept)

    return step


def lightning_precision(wanted: str) -> Any:
    """Lightning's name for a recipe's precision; `auto` is bfloat16 where the machine has instructions for it."""
    if wanted == "auto":
        if torch.cuda.is_available():
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            features = torch.cpu.get_capabilities()
            fast = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
        wanted = "bfloat16" if fast else "float32"
    return "bf16-mixed" if wanted == "bfloat16" else "32-true"


def _on_device(data: Tensors) -> Tensors:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Tensors(data.pixels.to(device), data.targets.to(device), data.labels.to(device))


def _claim(run: Run, training_samples: SampleTable, validation_samples: SampleTable) -> None:
    """Notes recipe and data in the run's folder, or checks that they are those that it was begun with."""
    data = {
        "train": training_samples.data_hash(),
        "validation": validation_samples.data_hash(),
        "samples_with_votes": len(training_samples) - training_samples.table["votes"].null_count,
        "teachers": [open_checkpoint(name).card.weights_sha256 for name in run.recipe.target.teachers],
    }
    begin_anew = "Choose another --run, or delete that folder to begin anew."
    notes = {
        "recipe.json": (
            run.recipe.model_dump_json(indent=2) + "\n",
            RecipeError(
                f"{run.folder} holds a run of another recipe than {run.recipe.name!r} as given now. {begin_anew}"
            ),
        ),
        "data.json": (
            json.dumps(data, indent=2) + "\n",
            DataError(f"{run.folder} holds a run on other data than {run.data_name} as given now. {begin_anew}"),
        ),
    }
    run.folder.mkdir(parents=True, exist_ok=True)
    for name, (wanted, error) in notes.items():
        note = run.folder / name
        if note.exists() and note.read_text(encoding="utf-8") != wanted:
            raise error
        note.write_text(wanted, encoding="utf-8")


def _card(run: Run, training_samples: SampleTable, epoch: int) -> Card:
    recipe = run.recipe
    how = "best validation accuracy, epoch" if recipe.select == "best" else "last epoch,"
    return Card(
        name=run.checkpoint_folder.resolve().name,
        summary=recipe.summary,
        architecture=recipe.model.architecture,
        arguments=recipe.model.arguments,
        classes=recipe.classes,
        preprocess=recipe.preprocess,
        flip=recipe.flip_at_test,
        trained=Trained(
            data=run.data_name,
            data_hash=training_samples.data_hash(),
            n=len(training_samples),
            recipe=recipe.model_dump(mode="json"),
            seed=recipe.seed,
            selected_on=f"{how} {epoch} of {recipe.epochs}",
            git_commit=git_commit(),
        ),
        licence=recipe.licence,
        intended_use=recipe.intended_use,
        limits=recipe.limits,
    )


def git_commit() -> str:
    """Commit of this code, with `-dirty` where files differ from it; empty outside a git checkout."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty"],  # noqa: S607
            cwd=here, capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except OSError:
        return ""
    return done.stdout.strip()


class _quiet(warnings.catch_warnings):  # noqa: N801  (reads as a statement)
    """Leaves out what Lightning tells its developers: its own loaders' advice, hardware notices."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.filterwarnings("ignore", module="lightning")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        return entered

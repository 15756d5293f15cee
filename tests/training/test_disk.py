"""A disk that is full, wherever a run writes: one sentence, nothing half written, and the run goes on with room."""

import contextlib
import dataclasses
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import lightning
import pytest
import torch

from fer_core.card import CARD, WEIGHTS
from fer_core.data import SampleTable
from fer_core.errors import TrainingError
from fer_core.evaluate import predictions
from fer_core.whole import whole
from fer_core.workspace import workspace
from tests.training.runs import history, same, weights
from training.disk import DISK_FULL, disk_is_full, told_when_full
from training.fit import Run, fit
from training.keeping import LAST
from training.recipe import Recipe

Make = Callable[..., Recipe]
FULL = Path("/dev/full")  # answers every byte as a full disk does
LARGE = {"architecture": "compact", "arguments": {"widths": [8, 16, 256], "depths": [1, 1, 2]}}
SAID = (
    r"^The disk is full: what the run writes does not fit into the [\d,]+ MB left for {place}\. Make room and start "
    r"the run again under the same name; it goes on where it was kept last\.$"
)


@pytest.mark.parametrize("name", [LAST, "progress.json", "history.jsonl", "recipe.json", "data.json"])
def test_a_file_of_the_run_that_finds_no_room(
    name: str, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """Half a file is left nowhere, and with room the run comes to the same weights and the same curve."""
    recipe = tiny_recipe(epochs=2, batch_size=8)
    uninterrupted, run = prepare(recipe, few, "whole"), prepare(recipe, few)
    fit(uninterrupted)
    run.folder.mkdir(parents=True)
    (run.folder / f".{name}").symlink_to(FULL)
    with pytest.raises(TrainingError, match=SAID.format(place=re.escape(str(run.folder)))):
        fit(run)
    assert [file.name for file in run.folder.iterdir() if file.name.startswith(".")] == []
    assert not (run.folder / name).exists()
    fit(run)
    assert same(weights(run.checkpoint_folder), weights(uninterrupted.checkpoint_folder))
    assert history(run.folder) == history(uninterrupted.folder)


@pytest.mark.parametrize("step", [1, 5])
def test_it_goes_on_from_what_was_kept_before(
    step: int, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """The disk is full from a step on: what was kept at the one before is whole."""
    recipe = tiny_recipe(epochs=3, batch_size=8)
    uninterrupted = prepare(recipe, few, "whole")
    fit(uninterrupted)
    run = dataclasses.replace(prepare(recipe, few), keep_every_steps=1)

    class Filling(lightning.Callback):
        def on_train_batch_start(self, trainer: lightning.Trainer, *_: object) -> None:
            if trainer.global_step == step - 1:
                (run.folder / f".{LAST}").symlink_to(FULL)

    with pytest.raises(TrainingError, match=DISK_FULL):
        fit(run, [Filling()])
    kept = run.folder / LAST
    assert (torch.load(kept, weights_only=False)["global_step"] if kept.exists() else 0) == step - 1
    fit(run)
    assert same(weights(run.checkpoint_folder), weights(uninterrupted.checkpoint_folder))


def test_the_checkpoint_finds_no_room(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Card and prediction table, one after the other; the training itself is not done again."""
    run = prepare(tiny_recipe(epochs=1), few)
    monkeypatch.setattr(predictions.secrets, "token_hex", lambda _: "0")
    table = workspace() / "predictions"
    table.mkdir(parents=True)
    run.checkpoint_folder.mkdir(parents=True)
    (run.checkpoint_folder / f".{CARD}.{os.getpid()}").symlink_to(FULL)
    with pytest.raises(TrainingError, match=DISK_FULL):
        fit(run)
    state = (run.folder / LAST).stat().st_mtime_ns
    assert [file.name for file in run.checkpoint_folder.iterdir()] == [WEIGHTS]
    shipped = fit(run)
    file = next(table.iterdir())
    file.unlink()
    file.with_name(f".{file.name}.0").symlink_to(FULL)
    with pytest.raises(TrainingError, match=DISK_FULL):
        fit(run)
    assert list(table.iterdir()) == []
    assert fit(run).card.weights_sha256 == shipped.card.weights_sha256
    assert (run.folder / LAST).stat().st_mtime_ns == state


def test_the_disk_with_the_least_room_is_named(
    small_disk: Path, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """The state goes to a large disk, the checkpoint of 2.6 MB to one of two mebibytes."""
    recipe = tiny_recipe(epochs=1, model=LARGE)
    run = dataclasses.replace(prepare(recipe, few), checkpoint_folder=small_disk / "out")
    with pytest.raises(TrainingError, match=SAID.format(place=re.escape(str(small_disk / "out")))):
        fit(run)
    assert list((small_disk / "out").iterdir()) == []
    moved = dataclasses.replace(run, checkpoint_folder=run.folder / "out")
    assert fit(moved).card.metrics["validation"]["n"] == 14


def test_a_state_that_does_not_fit(small_disk: Path, few: SampleTable, tiny_recipe: Make) -> None:
    """A file of some size ends in an error of torch's own; what was written of it is deleted."""
    recipe = tiny_recipe(epochs=1, model=LARGE)
    run = Run(recipe, few, "drawn", small_disk / "run", small_disk / "out")
    with pytest.raises(TrainingError, match=SAID.format(place=".*")) as caught:
        fit(run)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not (run.folder / f".{LAST}").exists()
    assert "does not fit into the 2 MB left" in str(caught.value)


def test_what_is_a_full_disk() -> None:
    assert disk_is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert disk_is_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert not disk_is_full(OSError(errno.EACCES, "Permission denied"))
    assert not disk_is_full(ValueError("No space left on device"))
    with pytest.raises(PermissionError), told_when_full(Path("/nowhere")):
        raise PermissionError(errno.EACCES, "Permission denied")
    gone = Path("/nowhere/at/all")
    with pytest.raises(TrainingError, match=r"left for /nowhere/at/all\. Make"), told_when_full(gone):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with contextlib.suppress(KeyError), whole(file, ".1") as scratch:
        scratch.write_text("half")
        raise KeyError
    assert file.read_text() == "old"
    with whole(file) as scratch:
        scratch.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]

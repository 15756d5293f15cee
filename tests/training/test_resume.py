"""Runs that stop anywhere go on as if nothing had been."""

import dataclasses
import errno
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from fer_core.card import CARD
from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, RecipeError
from tests.training.runs import history, same, weights
from training.fit import Run, fit
from training.keeping import second_name
from training.module import FERModule
from training.progress import Progress
from training.recipe import Recipe

Make = Callable[..., Recipe]


class Killed(BaseException):
    """The machine was switched off."""


def kill_at_step(monkeypatch: pytest.MonkeyPatch, step: int, error: type[BaseException] = Killed) -> None:
    real = FERModule.training_step

    def training_step(self: FERModule, batch: Any, index: int) -> torch.Tensor:
        if self.global_step == step:
            raise error
        return real(self, batch, index)

    monkeypatch.setattr(FERModule, "training_step", training_step)


@pytest.fixture(scope="module")
def whole(
    few: SampleTable, tiny_recipe: Make, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Path]]:
    """Runs of five epochs (three batches each) that nothing interrupted, by what they ship: (run, checkpoint)."""
    found = {}
    for select in ("best", "last"):
        folder = tmp_path_factory.mktemp(select)
        run = Run(resumable(tiny_recipe, select), few, "drawn", folder / "run", folder / "checkpoint")
        fit(run)
        found[select] = (run.folder, run.checkpoint_folder)
    return found


def resumable(tiny_recipe: Make, select: str) -> Recipe:
    """At a rate that is too high: the second epoch is the best one, and those that follow are no better."""
    return tiny_recipe(
        epochs=5, batch_size=8, select=select, target={"label_smoothing": 0.1}, optimiser={"learning_rate": 0.3}
    )


@pytest.mark.parametrize("step", [0, 2, 3, 7, 12, 14])
@pytest.mark.parametrize("select", ["best", "last"])
def test_a_run_that_was_stopped_ends_bit_for_bit_like_one_that_was_not(
    step: int,
    select: str,
    whole: dict[str, tuple[Path, Path]],
    few: SampleTable,
    tiny_recipe: Make,
    prepare: Callable[..., Run],
) -> None:
    """Stopped within the first epoch, at its end, at a beginning, in the middle, and in the last step of all."""
    run = prepare(resumable(tiny_recipe, select), few)
    with pytest.MonkeyPatch.context() as patch:
        kill_at_step(patch, step)
        with pytest.raises(Killed):
            fit(run)
    assert not run.checkpoint_folder.exists()
    done = step // 3
    assert [row["epoch"] for row in history(run.folder)] == list(range(1, done + 1)) if done else True

    steps: list[int] = []
    real = FERModule.training_step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FERModule, "training_step", lambda self, *a: steps.append(self.global_step) or real(self, *a))
        fit(run)
    assert steps == list(range(3 * done, 15))  # no finished epoch is run again
    run_folder, checkpoint_folder = whole[select]
    assert same(weights(run.checkpoint_folder), weights(checkpoint_folder))
    assert history(run.folder) == history(run_folder)
    ours, theirs = (json.loads((f / CARD).read_text()) for f in (run.checkpoint_folder, checkpoint_folder))
    for card in (ours, theirs):
        del card["created"], card["name"]
    assert ours == theirs


def test_stopped_twice_and_between_two_files(
    whole: dict[str, tuple[Path, Path]], few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """An epoch stands in the history, but its weights were not written any more: it is run and noted again."""
    run = prepare(resumable(tiny_recipe, "last"), few)
    real = Progress.on_train_epoch_end
    for epoch in (1, 3):
        with pytest.MonkeyPatch.context() as patch:

            def noted_then_killed(self: Progress, trainer: Any, module: Any, at: int = epoch) -> None:
                real(self, trainer, module)
                if trainer.current_epoch == at:
                    raise Killed

            patch.setattr(Progress, "on_train_epoch_end", noted_then_killed)
            with pytest.raises(Killed):
                fit(run)
        assert [row["epoch"] for row in history(run.folder)] == list(range(1, epoch + 2))
    fit(run)
    run_folder, checkpoint_folder = whole["last"]
    assert history(run.folder) == history(run_folder)
    assert same(weights(run.checkpoint_folder), weights(checkpoint_folder))


def test_a_half_written_line_of_the_history_is_mended(
    whole: dict[str, tuple[Path, Path]], few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    run = prepare(resumable(tiny_recipe, "last"), few)
    with pytest.MonkeyPatch.context() as patch:
        kill_at_step(patch, 7)
        with pytest.raises(Killed):
            fit(run)
    with (run.folder / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "ste')
    fit(run)
    assert history(run.folder) == history(whole["last"][0])


@pytest.fixture
def ctrl_c_works_again() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_works_again")
def test_ctrl_c_ends_the_process_and_the_run_goes_on_later(
    whole: dict[str, tuple[Path, Path]], few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    run = prepare(resumable(tiny_recipe, "best"), few)
    with pytest.MonkeyPatch.context() as patch:
        kill_at_step(patch, 10, KeyboardInterrupt)
        with pytest.raises(SystemExit):  # never a checkpoint of a run that is not over
            fit(run)
    assert not run.checkpoint_folder.exists()
    fit(run)
    assert same(weights(run.checkpoint_folder), weights(whole["best"][1]))


def test_a_finished_run_is_not_run_again(few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]) -> None:
    run = prepare(tiny_recipe(epochs=2), few)
    first = fit(run).card
    before = weights(run.checkpoint_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FERModule, "training_step", lambda *_: pytest.fail("a step was made"))
        second = fit(run).card
    assert same(weights(run.checkpoint_folder), before)
    assert second.model_copy(update={"created": first.created}) == first
    assert [row["epoch"] for row in history(run.folder)] == [1, 2]


def test_the_last_epoch_is_the_last(whole: dict[str, tuple[Path, Path]]) -> None:
    """Also where no later epoch was better than an earlier one."""
    run_folder, checkpoint_folder = whole["last"]
    rows = history(run_folder)
    best = max(rows, key=lambda row: row["val_accuracy"])["epoch"]
    assert best < 5
    trained = open_checkpoint(whole["best"][1]).card.trained
    assert trained is not None
    assert trained.selected_on == f"best validation accuracy, epoch {best} of 5"
    assert not same(weights(whole["best"][1]), weights(checkpoint_folder))
    card = open_checkpoint(checkpoint_folder).card
    assert card.trained is not None
    assert card.trained.selected_on == "last epoch, 5 of 5"
    assert card.metrics["validation"]["log_loss"] == pytest.approx(rows[-1]["val_loss"], rel=1e-3)
    assert card.metrics["validation"]["log_loss"] != pytest.approx(rows[-2]["val_loss"], rel=1e-3)


def test_another_recipe_in_the_same_folder(few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]) -> None:
    run = prepare(tiny_recipe(epochs=1), few)
    fit(run)
    before = weights(run.checkpoint_folder)
    with pytest.raises(RecipeError, match="holds a run of another recipe than 'tiny' as given now"):
        fit(dataclasses.replace(run, recipe=tiny_recipe(epochs=2)))
    assert same(weights(run.checkpoint_folder), before)


def test_other_data_in_the_same_folder(
    few: SampleTable, drawn: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """The card would name data that the weights have hardly seen."""
    run = prepare(tiny_recipe(epochs=1), few)
    fit(run)
    with pytest.raises(DataError, match="holds a run on other data than drawn as given now"):
        fit(dataclasses.replace(run, samples=drawn))
    for row in (0, len(few) - 1):  # a face more to train on, or one more to validate with
        part = dataclasses.replace(few, table=few.table.take([i for i in range(len(few)) if i != row]))
        with pytest.raises(DataError, match="holds a run on other data"):
            fit(dataclasses.replace(run, samples=part))
    votes = pa.array([[1.0]] * len(few), pa.list_(pa.float32()))
    voted = few.table.set_column(few.table.schema.get_field_index("votes"), "votes", votes)
    with pytest.raises(DataError, match="holds a run on other data"):  # the same faces, begun without --labels
        fit(dataclasses.replace(run, samples=SampleTable(voted, few.classes, ("happy",))))


def test_a_second_name_is_the_same_file_and_outlives_the_first(tmp_path: Path) -> None:
    file, name = tmp_path / "last", tmp_path / "best"
    for content in (b"first", b"second"):
        file.write_bytes(content)
        second_name(file, name)
        assert name.samefile(file)
        file.unlink()
        assert name.read_bytes() == content


def test_a_file_system_without_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr("os.link", link)
    (tmp_path / "last").write_bytes(b"state")
    second_name(tmp_path / "last", tmp_path / "best")
    assert (tmp_path / "best").read_bytes() == b"state"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best", "last"]

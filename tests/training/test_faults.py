"""What can go wrong in a run, and the sentence that says so."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, RecipeError, TrainingError
from tests.training.runs import history, weights
from training.fit import Run, fit
from training.keeping import LAST
from training.memory import out_of_memory
from training.module import FERModule
from training.recipe import Recipe

Make = Callable[..., Recipe]


@pytest.fixture
def nan_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the loss of a step (from 0) no number."""

    def spoil(step: int) -> None:
        real = FERModule.loss_on

        def loss_on(self: FERModule, pixels: Any, targets: Any, number: int) -> Any:
            loss, logits, shown = real(self, pixels, targets, number)
            return loss * (float("nan") if number == step else 1.0), logits, shown

        monkeypatch.setattr(FERModule, "loss_on", loss_on)

    return spoil


def test_a_loss_that_is_no_number_stops_the_run_and_the_best_is_kept(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], nan_at: Callable[[int], None]
) -> None:
    recipe = tiny_recipe(epochs=4, batch_size=8)
    whole = prepare(tiny_recipe(epochs=4, batch_size=8), few, "whole")
    fit(whole)
    best = max(history(whole.folder)[:2], key=lambda row: row["val_accuracy"])["epoch"]
    nan_at(7)  # the second of three steps of the third epoch
    run = prepare(recipe, few)
    said = (
        r"^The loss of tiny is no finite number any more at step 8 \(epoch 3\)\. The last good weights \(best "
        rf"validation accuracy, epoch {best} of 4; stopped at step 8, .*\) are kept in .*checkpoints/run\. .*"
        r"lower optimiser\.learning_rate \(now 0\.1\)"
    )
    with pytest.raises(TrainingError, match=said):
        fit(run)
    kept = open_checkpoint(run.checkpoint_folder)
    assert kept.card.metrics["validation"]["n"] == 14
    assert kept.card.metrics["validation"]["accuracy"] == pytest.approx(
        history(whole.folder)[best - 1]["val_accuracy"], abs=1e-6
    )
    assert all(torch.isfinite(t).all() for t in weights(run.checkpoint_folder).values())
    with pytest.raises(TrainingError, match="at step 8"):  # it would come to the same step again
        fit(run)


def test_a_loss_that_never_was_a_number(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], nan_at: Callable[[int], None]
) -> None:
    nan_at(1)
    run = prepare(tiny_recipe(batch_size=8), few)
    with pytest.raises(
        TrainingError, match=r"at step 2 \(epoch 1\), before an epoch was over whose weights could be kept"
    ):
        fit(run)
    assert not run.checkpoint_folder.exists()


def test_answers_that_are_no_numbers_stop_the_run_before_they_are_kept(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """One step with so high a rate leaves weights that are finite, and answers that are not."""
    run = prepare(tiny_recipe(epochs=2, batch_size=28, optimiser={"name": "sgd", "learning_rate": 1e30}), few)
    with pytest.raises(TrainingError, match=r"at step 1 \(epoch 1\), before an epoch was over .*\(now 1e\+30\)"):
        fit(run)
    assert not (run.folder / LAST).exists()
    assert not run.checkpoint_folder.exists()


def test_weights_that_are_no_numbers_are_not_kept(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss was finite and its slope was not: the step after the last good one is found before it is written."""
    real = FERModule.loss_on

    def loss_on(self: FERModule, pixels: Any, targets: Any, number: int) -> Any:
        loss, logits, shown = real(self, pixels, targets, number)
        steep = self.model.head.bias[0]
        return loss + (0 * torch.sqrt((steep - steep.detach()) ** 2) if number == 4 else 0), logits, shown

    monkeypatch.setattr(FERModule, "loss_on", loss_on)
    run = dataclasses.replace(prepare(tiny_recipe(batch_size=8, average_decay=0), few), keep_every_steps=1)
    with pytest.raises(TrainingError, match=r"at step 5 \(epoch 2\)\. The last good weights"):
        fit(run)
    state = torch.load(run.folder / LAST, weights_only=False)
    assert state["global_step"] == 4
    assert all(torch.isfinite(t).all() for t in state["state_dict"].values())


@pytest.mark.parametrize("largest", [2, 5, 9])
def test_out_of_memory_names_the_batch_that_fits(
    largest: int, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FERModule.forward

    def forward(self: FERModule, pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > largest:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(self, pixels)

    monkeypatch.setattr(FERModule, "forward", forward)
    fits = {2: 2, 5: 5, 9: 5}[largest]  # 20 halved: 10, 5, 2
    said = rf"^20 faces of 48 pixels at once do not fit .* with compact\. {fits} fit: --set batch_size={fits}\.$"
    with pytest.raises(TrainingError, match=said):
        fit(prepare(tiny_recipe(batch_size=20), few))


def test_not_even_two_fit(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(*_: Any) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(FERModule, "forward", forward)
    with pytest.raises(TrainingError, match=r"memory of this machine with compact\. Not even two fit; take a smaller"):
        fit(prepare(tiny_recipe(), few))


def test_other_errors_are_not_taken_for_it(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(*_: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(FERModule, "forward", forward)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        fit(prepare(tiny_recipe(), few))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(ValueError("can't allocate memory"))


def only(samples: SampleTable, ids: list[str]) -> SampleTable:
    return dataclasses.replace(samples, table=samples.table.filter(pc.is_in(samples.table["sample_id"], pa.array(ids))))


def test_data_from_which_nothing_can_be_learnt_leaves_nothing_behind(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    recipe = tiny_recipe(epochs=1)
    every = few.table["sample_id"].to_pylist()
    labels = dict(zip(every, few.table["label"].to_pylist(), strict=True))
    one = [i for i in every if i == "train-0" or not i.startswith("train")]
    no_fear = [i for i in every if labels[i] != "fear" or not i.startswith("train")]
    for name, ids, said in (
        ("one", one, "The training split holds 1 sample"),
        ("none", no_fear, "The training split has no sample of fear; a network would learn never to answer that"),
    ):
        run = prepare(recipe, only(few, ids), name)
        with pytest.raises(DataError, match=said):
            fit(run)
        assert not run.folder.exists()
    fewer = tiny_recipe(epochs=1, classes=["angry", "disgust", "happy", "sad", "surprise", "neutral"])
    run = prepare(fewer, only(few, [i for i in every if labels[i] != "fear"]), "fewer")
    assert fit(run).card.metrics["validation"]["n"] == 12


def test_a_recipe_written_before_there_was_a_key(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    """It means what the key's default says, so that the run goes on; another value is another recipe."""
    run = prepare(tiny_recipe(epochs=1), few)
    fit(run)
    note = json.loads((run.folder / "recipe.json").read_text())
    del note["sampling"]
    (run.folder / "recipe.json").write_text(json.dumps(note))
    fit(run)
    (run.folder / "recipe.json").write_text(json.dumps(note | {"sampling": "balanced"}))
    with pytest.raises(RecipeError, match="holds a run of another recipe than 'tiny'"):
        fit(run)

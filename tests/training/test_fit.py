"""Whole runs: they learn, and what they ship is what they measured."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, ModelError, RecipeError
from fer_core.evaluate.evaluation import evaluate
from fer_core.labels import FER7
from fer_core.models import create_model
from fer_core.predict import Predictor
from tests.training.runs import history, same, weights
from training import shipping
from training.fit import Run, average_with, fit, lightning_precision
from training.module import FERModule
from training.recipe import Recipe

Make = Callable[..., Recipe]


def test_drawn_faces_are_learnt(
    drawn: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = tiny_recipe(epochs=12, summary="a line", licence="none", intended_use="tests", limits="stripes only")
    run = prepare(recipe, drawn)
    started = time.perf_counter()
    checkpoint = fit(run)
    assert time.perf_counter() - started < 60
    card = checkpoint.card
    assert card.metrics["validation"]["n"] == 56
    assert card.metrics["validation"]["accuracy"] > 0.9

    # What was measured is what the saved file answers.
    again = open_checkpoint(run.checkpoint_folder)
    assert again.card == card
    found = evaluate(Predictor(again), drawn.split("validation"), train=drawn.split("train"))
    assert json.loads(json.dumps(found.as_json())) == json.loads(json.dumps(card.metrics["validation"]))
    assert (card.metrics["validation"]["twins_in_train"], card.metrics["validation"]["deduplicated"]["n"]) == (0, 56)
    assert evaluate(Predictor(again), drawn.split("test")).scores().accuracy > 0.8

    # The card tells how it came about.
    assert card.name == "run"
    assert card.classes == FER7.names
    assert (card.summary, card.licence, card.intended_use, card.limits) == ("a line", "none", "tests", "stripes only")
    assert card.trained is not None
    assert (card.trained.data, card.trained.n) == ("drawn", 112)
    assert card.trained.data_hash == drawn.split("train").data_hash()
    assert card.trained.recipe == recipe.model_dump(mode="json")

    # The epoch that was shipped is the best of the history, and its figure the one that was logged.
    rows = history(run.folder)
    assert [row["epoch"] for row in rows] == list(range(1, 13))
    assert [row["step"] for row in rows] == [7 * i for i in range(1, 13)]
    best = max(rows, key=lambda row: row["val_accuracy"])
    assert card.trained.selected_on == f"best validation accuracy, epoch {best['epoch']} of 12"
    assert card.metrics["validation"]["accuracy"] == pytest.approx(best["val_accuracy"], abs=1e-6)
    assert card.metrics["validation"]["log_loss"] == pytest.approx(best["val_loss"], rel=1e-3)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]

    state = json.loads((run.folder / "progress.json").read_text())
    assert (state["step"], state["steps"], state["seconds_left"]) == (84, 84, 0)
    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch 12/12, step 84/84" in err
    assert "Traceback" not in err


def test_seeds_differ_and_repeat(few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(made))  # chance outside does not matter
        run = prepare(tiny_recipe(epochs=1, seed=seed), few, name)
        fit(run)
        made.append(weights(run.checkpoint_folder))
    assert same(made[0], made[1])
    assert not same(made[0], made[2])


@pytest.mark.parametrize("decay", [0.0, 0.95])
def test_what_is_shipped_is_the_moving_average(
    decay: float, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The average worked out from the weights after each step, by the formula of `average_with`."""
    after: list[torch.Tensor] = []
    real = FERModule.training_step

    def training_step(self: FERModule, batch: Any, index: int) -> torch.Tensor:
        after.append(self.model.head.weight.detach().clone())  # as the step before left it
        return real(self, batch, index)

    monkeypatch.setattr(FERModule, "training_step", training_step)
    run = prepare(tiny_recipe(epochs=2, batch_size=8, average_decay=decay, select="last"), few)
    fit(run)
    state = torch.load(run.folder / "last.ckpt", weights_only=False)
    shipped = weights(run.checkpoint_folder)["head.weight"]
    if not decay:
        assert torch.equal(shipped, state["state_dict"]["model.head.weight"])
        assert "current_model_state" not in state
        return
    steps = [*after[1:], state["current_model_state"]["model.head.weight"]]
    average = steps[0].double()  # the first step is taken over whole
    for n, current in enumerate(steps[1:], start=1):
        kept = min(decay, (1 + n) / (10 + n))
        average = kept * average + (1 - kept) * current.double()
    torch.testing.assert_close(shipped, average.float(), rtol=1e-5, atol=1e-6)
    assert (shipped - steps[-1]).abs().max() > 1e-4


def test_steps_of_the_moving_average_by_hand() -> None:
    step = average_with(0.5)
    average, ten = torch.tensor([0.0]), torch.tensor([10.0])
    # After one update 2/11 is kept, after four 5/14, after eight 9/18 = 0.5, then never more than 0.5.
    for updates, kept in ((1, 2 / 11), (4, 5 / 14), (8, 0.5), (1000, 0.5)):
        assert step(average, ten, updates).item() == pytest.approx(10 * (1 - kept))
        assert step(ten, average, torch.tensor(updates)).item() == pytest.approx(10 * kept)
    assert average_with(0.998)(average, ten, 10_000).item() == pytest.approx(10 * 0.002, rel=1e-4)
    counter = torch.tensor([3])
    assert step(torch.tensor([1]), counter, 5) is counter  # numbers of batches are not averaged


def test_what_cannot_be_trained_leaves_nothing_behind(
    few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    recipe = tiny_recipe(epochs=1)
    for samples, missing in ((few.split("train"), "validation"), (few.split("validation"), "train")):
        run = prepare(recipe, samples, missing)
        with pytest.raises(DataError, match=f"There is no split '{missing}' here"):
            fit(run)
        assert not run.folder.exists()
    run = prepare(recipe.model_copy(update={"classes": FER7.names[:5]}), few, "classes")
    with pytest.raises(DataError, match="but the recipe's classes are"):
        fit(run)
    assert not run.folder.exists()  # a corrected recipe may be run under the same name
    run = prepare(tiny_recipe(model={"architecture": "compcat"}), few, "model")
    with pytest.raises(ModelError, match="Unknown architecture 'compcat'"):
        fit(run)
    assert not run.folder.exists()


@pytest.mark.parametrize("name", ["my run", "-x", "é"])
def test_a_name_that_no_card_may_have_is_refused_before_the_training(
    name: str, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    run = prepare(tiny_recipe(epochs=1), few, name)
    with pytest.raises(RecipeError, match=f"{name!r} is not a name"):
        fit(run)
    assert not run.folder.exists()


@pytest.mark.parametrize(
    ("features", "expected"),
    [({}, "32-true"), ({"amx_bf16": True}, "bf16-mixed"), ({"avx512_bf16": True}, "bf16-mixed")],
)
def test_precision(features: dict[str, bool], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    plain = torch.nn.Conv2d(4, 8, 3, groups=2)
    assert lightning_precision("auto", plain) == expected
    assert lightning_precision("float32", plain) == "32-true"
    assert lightning_precision("bfloat16", plain) == "bf16-mixed"


def test_small_depthwise_convolutions_stay_in_float32_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    for name, expected in (
        ("torchvision/mobilenet_v3_large", "32-true"),
        ("timm/tf_efficientnet_lite0", "32-true"),
        ("torchvision/convnext_tiny", "bf16-mixed"),
        ("compact", "bf16-mixed"),
    ):
        with torch.device("meta"):
            network = create_model(name, num_classes=7, in_channels=1)
        assert lightning_precision("auto", network) == expected
        assert lightning_precision("bfloat16", network) == "bf16-mixed"


def test_training_in_bfloat16(drawn: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]) -> None:
    run = prepare(tiny_recipe(epochs=8, precision="bfloat16"), drawn)
    card = fit(run).card
    assert card.metrics["validation"]["accuracy"] > 0.8
    assert {t.dtype for t in weights(run.checkpoint_folder).values()} == {torch.float32, torch.int64}


def test_no_commit_outside_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shipping, "__file__", str(tmp_path / "fit.py"))
    assert shipping.git_commit() == ""
    monkeypatch.setenv("PATH", "")
    assert shipping.git_commit() == ""


def test_no_commit_where_git_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **options: Any) -> Any:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", run)
    assert shipping.git_commit() == ""

"""Whole runs: they learn, they can be stopped anywhere, and what they ship is what they measured."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

from fer_core.card import CARD, WEIGHTS
from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, ModelError, RecipeError
from fer_core.evaluate.evaluation import evaluate
from fer_core.labels import FER7
from fer_core.predict import Predictor
from training import __main__ as command_line
from training import fit as fitting
from training.fit import Run, average_with, fit, lightning_precision
from training.module import FERModule
from training.progress import Progress, duration
from training.recipe import Recipe

Make = Callable[..., Recipe]
ROOT = Path(__file__).parents[2]


class Killed(BaseException):
    """The machine was switched off."""


def history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / WEIGHTS)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., Run]:
    """Makes runs; each name has folders of its own."""

    def make(recipe: Recipe, samples: SampleTable, name: str = "run") -> Run:
        return Run(recipe, samples, "drawn", tmp_path / "runs" / name, tmp_path / "checkpoints" / name)

    return make


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
    scores = evaluate(Predictor(again), drawn.split("validation")).scores()
    assert json.loads(json.dumps(scores.as_json())) == json.loads(json.dumps(card.metrics["validation"]))
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


def test_seeds_differ_and_repeat(few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(made))  # chance outside does not matter
        run = prepare(tiny_recipe(epochs=1, seed=seed), few, name)
        fit(run)
        made.append(weights(run.checkpoint_folder))
    assert same(made[0], made[1])
    assert not same(made[0], made[2])


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
    assert lightning_precision("auto") == expected
    assert lightning_precision("float32") == "32-true"
    assert lightning_precision("bfloat16") == "bf16-mixed"


def test_training_in_bfloat16(drawn: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]) -> None:
    run = prepare(tiny_recipe(epochs=8, precision="bfloat16"), drawn)
    card = fit(run).card
    assert card.metrics["validation"]["accuracy"] > 0.8
    assert {t.dtype for t in weights(run.checkpoint_folder).values()} == {torch.float32, torch.int64}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (3599, "60 min"), (5340, "89 min"), (5400, "1 h 30 min"),
     (11100, "3 h 05 min"), (360_000, "100 h 00 min")],
)  # fmt: skip
def test_time_left_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_no_commit_outside_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fitting, "__file__", str(tmp_path / "fit.py"))
    assert fitting.git_commit() == ""
    monkeypatch.setenv("PATH", "")
    assert fitting.git_commit() == ""


def test_mistakes_on_the_command_line(few: SampleTable, tmp_path: Path) -> None:
    few.save(tmp_path / "few.parquet")
    data = ["--data", str(tmp_path / "few.parquet")]
    for arguments, said in (
        (["fit", "compcat", *data], "There is no recipe 'compcat'"),
        (["fit", "compact", *data, "--set", "epoch=1"], "did you mean epochs?"),
        (["fit", "compact", "--data", str(tmp_path / "gone.csv")], "gone.csv"),
        (["fit", "compact", *data, "--run", "../x"], "'../x' is not a name"),
        (["fit", "compact", *data, "--run", "my run"], "'my run' is not a name"),
    ):
        result = CliRunner().invoke(command_line.app, [*arguments, "--json"])
        assert result.exit_code == 2, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")
        assert said in result.stderr


def test_recipes_on_the_command_line() -> None:
    result = CliRunner().invoke(command_line.app, ["recipes", "--json"])
    (compact,) = [r for r in json.loads(result.stdout) if r["name"] == "compact"]
    assert compact["summary"].startswith("0.9 M parameters")
    assert "0.9 M parameters" in CliRunner().invoke(command_line.app, ["recipes"]).stdout


@pytest.mark.slow
def test_a_killed_process_goes_on_and_says_so_in_json(few: SampleTable, tiny_recipe: Make, tmp_path: Path) -> None:
    few.save(tmp_path / "few.parquet")
    recipe = tiny_recipe(epochs=40, batch_size=8)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    home = tmp_path / "home"
    arguments = ["fit", str(tmp_path / "mine.yaml"), "--data", str(tmp_path / "few.parquet"), "--json"]
    environment = {**os.environ, "FERSCOPE_HOME": str(home)}
    command = [sys.executable, "-m", "training", *arguments, "--run", "killed"]
    rows = home / "runs" / "killed" / "history.jsonl"
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while not rows.exists() or rows.read_text().count("\n") < 3:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    assert not (home / "checkpoints" / "killed").exists()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert [row["epoch"] for row in history(rows.parent)] == list(range(1, 41))
    said = json.loads(done.stdout)
    assert said["checkpoint"] == str(home / "checkpoints" / "killed")
    assert said["validation"]["n"] == 14
    assert "epoch 40/40, step 120/120" in done.stderr
    assert "Traceback" not in done.stderr

    run = Run(recipe, few, "few.parquet", tmp_path / "whole", tmp_path / "whole-checkpoint")
    checkpoint = fit(run)
    assert same(weights(Path(said["checkpoint"])), weights(run.checkpoint_folder))
    assert json.loads(json.dumps(checkpoint.card.metrics["validation"])) == said["validation"]
    assert history(rows.parent) == history(run.folder)

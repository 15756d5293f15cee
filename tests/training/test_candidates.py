"""Several recipes and seeds within a time, begun on one machine and ended on another one."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from fer_core.card import Card, Trained, read_card, write_card
from fer_core.data import SampleTable
from tests.training.runs import history
from training import candidates
from training.__main__ import app
from training.candidate import Candidate
from training.recipe import load_recipe

Make = Callable[..., Any]
Ask = Callable[..., Result]


@pytest.fixture
def ask(few: SampleTable, tiny_recipe: Make, tmp_path: Path) -> Ask:
    """Runs the command on recipes of 2 and 20 epochs."""
    few.save(tmp_path / "few.parquet")
    for name, epochs in (("short", 2), ("long", 20)):
        recipe = tiny_recipe(name=name, epochs=epochs, batch_size=8)
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))

    def run(*recipes: str, **options: Any) -> Result:
        flags = [f"--{name}" for name, value in options.items() if value is True]
        values = {"data": tmp_path / "few.parquet", "out": tmp_path / "out", "at-once": 2, **options}
        words = [str(word) for name, value in values.items() if value is not True for word in (f"--{name}", value)]
        files = [str(tmp_path / f"{r}.yaml") for r in recipes]
        return CliRunner().invoke(app, ["candidates", *files, *words, *flags, "--no-record", "--json"])

    return run


@pytest.mark.slow
def test_what_is_not_done_in_time_goes_on_elsewhere(
    ask: Ask, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, carried = home / "runs" / "long-seed0" / "history.jsonl", tmp_path / "carried"

    def clock() -> float:
        """The time is over as soon as the first one has an epoch behind it."""
        return 1e9 if begun.exists() else 0.0

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "time", SimpleNamespace(monotonic=clock, sleep=time.sleep))
        first = json.loads(ask("long", "short", home=carried, **{"at-once": 1}).stdout)
    assert (first["done"], first["waiting"]) == ({}, ["long-seed0", "short-seed0"])
    files = [file for file in carried.rglob("*") if file.is_file()]
    assert {file.parent.name for file in files} == {"long-seed0"}
    assert first["home_bytes"] == sum(file.stat().st_size for file in files)
    epochs = len(history(home / "runs" / "long-seed0"))
    assert 0 < epochs < 20

    monkeypatch.setenv("FERSCOPE_HOME", str(tmp_path / "bare"))
    second = json.loads(ask("long", home=carried, out=tmp_path / "new", minutes=5).stdout)
    assert (second["waiting"], second["left"], second["failed"]) == ([], [], {})
    assert list(second["done"]) == ["long-seed0"]
    rows = history(tmp_path / "bare" / "runs" / "long-seed0")
    assert [row["epoch"] for row in rows] == list(range(1, 21))
    assert rows[:epochs] == history(home / "runs" / "long-seed0")  # went on

    monkeypatch.setattr(candidates, "_start", None)  # nothing is started any more
    third = json.loads(ask("long", home=carried, out=tmp_path / "third").stdout)
    assert third["done"] == second["done"]
    card = read_card(tmp_path / "third" / "long-seed0")
    assert card.metrics["validation"]["accuracy"] == pytest.approx(max(r["val_accuracy"] for r in rows), abs=1e-6)
    assert (tmp_path / "third" / "long-seed0" / "model.safetensors").stat().st_size > 4 * card.parameters


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In the place of trainings: processes that run what is in the list, one after the other."""
    scripts: list[str] = []

    def start(one: Candidate, _options: Any, logs: Any) -> subprocess.Popen[bytes]:
        one.log.parent.mkdir(parents=True, exist_ok=True)
        file = logs.enter_context(one.log.open("ab"))
        return subprocess.Popen([sys.executable, "-c", scripts.pop(0)], stdout=file, stderr=file)

    monkeypatch.setattr(candidates, "_start", start)
    return scripts


def shipped(tmp_path: Path, few: SampleTable, seed: int = 0, accuracy: float = 0.5, **changes: Any) -> Path:
    """A checkpoint of the recipe `short` without weights, as its run would have left it."""
    recipe = load_recipe(tmp_path / "short.yaml", [f"seed={seed}"])
    about = {"data": "few", "data_hash": few.split("train").data_hash(), "n": 28, "seed": seed, "selected_on": ""}
    trained = Trained.model_validate({**about, "recipe": recipe.model_dump(mode="json"), **changes})
    names = ("n", "accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss", "ece")
    folder = tmp_path / "out" / f"short-seed{seed}"
    folder.mkdir(parents=True)
    card = {"name": folder.name, "architecture": "compact", "classes": recipe.classes, "preprocess": {}}
    metrics = {"validation": dict.fromkeys(names, accuracy) | {"accuracy_interval": (0.4, 0.6)}}
    write_card(folder, Card.model_validate({**card, "trained": trained, "metrics": metrics}))
    return folder


def test_what_diverged_has_failed_for_good(ask: Ask, few: SampleTable, process: list[str], tmp_path: Path) -> None:
    shipped(tmp_path, few, seed=0)
    (tmp_path / "out" / "short-seed0").rename(tmp_path / "kept")
    write_it = f"import os, sys; os.rename({str(tmp_path / 'kept')!r}, {str(tmp_path / 'out' / 'short-seed0')!r})"
    process += [f"{write_it}; sys.exit('The loss is no finite number.')"]
    carried = tmp_path / "carried"
    first = ask("short", home=carried)
    assert first.exit_code == 1
    failed = {"short-seed0": "The loss is no finite number."}
    assert json.loads(first.stdout)["failed"] == failed
    again = json.loads(ask("short").stdout)  # no process is left to start
    elsewhere = json.loads(ask("short", home=carried, out=tmp_path / "elsewhere").stdout)
    for said in (again, elsewhere):
        assert (said["done"], said["waiting"], said["failed"]) == ({}, [], failed)
    retried = json.loads(ask("short", again=True).stdout)
    assert (list(retried["done"]), retried["failed"]) == (["short-seed0"], {})


def test_who_ends_with_the_time(ask: Ask, process: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One leaves as it is asked to, one with a mistake of its own, two not at all: these share one time of grace."""
    over: list[float] = []

    def clock() -> float:
        """The time is over once all four have begun."""
        if sum(log.read_text().count("ready") for log in (tmp_path / "out").glob("*.log")) == 4:
            over.append(time.monotonic())
        return time.monotonic() + (1e6 if over else 0)

    monkeypatch.setattr(candidates, "time", SimpleNamespace(monotonic=clock, sleep=time.sleep))
    monkeypatch.setattr(candidates, "_TO_KEEP_S", 3.0)
    on_term = "import signal, sys, time; signal.signal(15, lambda *_: {}); print('ready', flush=True); time.sleep(60)"
    process += [on_term.format("sys.exit(143)"), on_term.format("sys.exit('No space.')"), *[on_term.format(None)] * 2]
    said = json.loads(ask("short", seeds=4, minutes=5, **{"at-once": 4}).stdout)
    assert said["failed"] == {"short-seed1": "No space."}
    assert said["waiting"] == ["short-seed0", "short-seed2", "short-seed3"]
    assert 3 <= time.monotonic() - over[0] < 5.5  # 6 s if each waited for itself


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({}, {"set": "batch_size=4"}, "another recipe"),
        ({"data_hash": "1"}, {}, "another data"),
    ],
)
def test_what_lies_there_must_be_of_this_recipe_and_data(
    changes: dict[str, Any], options: dict[str, Any], said: str, ask: Ask, few: SampleTable, tmp_path: Path
) -> None:
    folder = shipped(tmp_path, few, **changes)
    answer = ask("short", **options)
    assert answer.exit_code != 0
    assert f"{folder} holds a checkpoint of {said}" in answer.output.replace("\n", "")


def test_the_best_comes_first(ask: Ask, few: SampleTable, process: list[str], tmp_path: Path) -> None:
    for seed, accuracy in ((0, 0.5), (2, 0.7)):
        shipped(tmp_path, few, seed, accuracy)
    process += ["import sys; sys.exit('No memory.')"]
    said = ask("short", seeds=3)
    assert said.exit_code == 1
    found = json.loads(said.stdout)
    assert [(name, row["accuracy"]) for name, row in found["done"].items()] == [
        ("short-seed2", 0.7), ("short-seed0", 0.5),
    ]  # fmt: skip
    assert found["failed"] == {"short-seed1": "No memory."}


def test_mistakes_in_what_is_asked_for(ask: Ask, tmp_path: Path) -> None:
    assert "none.csv" in ask("short", data=tmp_path / "none.csv").output
    assert "Two recipes have one name" in ask("short", "short").output

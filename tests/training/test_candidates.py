"""Several recipes and seeds within a time, begun in one call and ended in the next."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from fer_core.card import read_card
from fer_core.data import SampleTable
from tests.training.runs import history
from training import candidates
from training.__main__ import app

Make = Callable[..., Any]
Ask = Callable[..., Result]


@pytest.fixture
def ask(few: SampleTable, tiny_recipe: Make, tmp_path: Path) -> Ask:
    """Runs the command on two recipes, of which the second takes a hundred times as many epochs."""
    few.save(tmp_path / "few.parquet")
    for name, epochs in (("short", 2), ("long", 100)):
        recipe = tiny_recipe(name=name, epochs=epochs, batch_size=8)
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))

    def run(*recipes: str, **options: Any) -> Result:
        values = {"data": tmp_path / "few.parquet", "out": tmp_path / "out", "at-once": 2, **options}
        words = [str(word) for name, value in values.items() for word in (f"--{name}", value)]
        return CliRunner().invoke(
            app, ["candidates", *(str(tmp_path / f"{r}.yaml") for r in recipes), *words, "--json"]
        )

    return run


@pytest.mark.slow
def test_what_is_not_done_in_time_goes_on(
    ask: Ask, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, begun = tmp_path / "out" / "short-seed0" / "card.json", home / "runs" / "long-seed0" / "history.jsonl"

    def minutes() -> float:
        """The time is over as soon as the one is done and the other one has begun."""
        measured = short.exists() and '"accuracy"' in short.read_text()
        return 1e9 if measured and begun.exists() else 0.0

    with monkeypatch.context() as patch:
        patch.setattr(candidates, "time", SimpleNamespace(monotonic=minutes, sleep=time.sleep))
        first = json.loads(ask("short", "long").stdout)
    assert list(first["done"]) == ["short-seed0"]
    assert first["waiting"] == ["long-seed0"]
    before = short.stat().st_mtime_ns
    epochs = len(history(home / "runs" / "long-seed0"))
    assert 0 < epochs < 100

    second = json.loads(ask("short", "long", minutes=5).stdout)
    assert second["waiting"] == []
    assert set(second["done"]) == {"short-seed0", "long-seed0"}
    rows = history(home / "runs" / "long-seed0")
    assert [row["epoch"] for row in rows] == list(range(1, 101))
    assert short.stat().st_mtime_ns == before  # not trained again
    accuracies = [row["accuracy"] for row in second["done"].values()]
    assert accuracies == sorted(accuracies, reverse=True)


def test_seeds_and_mistakes(ask: Ask, tmp_path: Path) -> None:
    both = ask("short", seeds=2, minutes=5, set="epochs=1")
    assert both.exit_code == 0, both.output
    assert [read_card(tmp_path / "out" / f"short-seed{seed}").trained.seed for seed in (0, 1)] == [0, 1]
    wrong = ask("short", minutes=5, set="batch_size=4", data=tmp_path / "none.csv", out=tmp_path / "other")
    assert wrong.exit_code == 1
    said = json.loads(wrong.stdout)
    assert "none.csv" in said["failed"]["short-seed0"]
    twice = ask("short", "short")
    assert "Two recipes have one name" in twice.output

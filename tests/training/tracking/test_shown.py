"""Runs to look at: from their folders, and those of which only the record is left."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.training.tracking.folders import POINTS, ROWS, append, run_folder
from training.tracking import shown
from training.tracking.reading import RecordedRun
from training.tracking.shown import curves_of, runs_gone, runs_here


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[RecordedRun]:
    """Fills the record with two runs, `one` of which has a folder."""
    found = [
        RecordedRun("id1", "one", "RUNNING", 100.0, None, ""),
        RecordedRun("id2", "gone", "FINISHED", 100.0, 150.0, ""),
    ]
    monkeypatch.setattr(shown, "runs", lambda: found)
    monkeypatch.setattr(shown, "curves", lambda ids: {i: {"val_loss": [(1, 0.5)]} for i in ids})
    return found


@pytest.mark.usefixtures("recorded")
def test_each_run_once_the_newest_first(home: Path) -> None:
    folder = run_folder(home / "runs" / "one")
    (folder / "mlflow.json").write_text(json.dumps({"run_id": "id1"}))
    os.utime(folder / "recipe.json", (120, 120))
    here = runs_here()
    assert [(run.key, run.name, run.at) for run in here] == [("one", "one", 120)]
    assert [(run.key, run.name, run.at, run.folder) for run in runs_gone(here)] == [("id2", "gone", 150, None)]


@pytest.mark.usefixtures("recorded")
def test_curves_by_run_in_the_order_asked_for(home: Path) -> None:
    folder = run_folder(home / "runs" / "one")
    append(folder / "history.jsonl", *ROWS)
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"epoch": 4, "val_l')  # half written
    by_key = {run.key: run for run in [*runs_here(), *runs_gone([])]}
    found = curves_of([by_key["one"], by_key["id2"]])
    assert list(found) == ["one", "id2"]
    assert found["one"]["val_accuracy"] == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert set(found["one"]) == {"val_accuracy", "val_balanced_accuracy", "val_loss", "learning_rate"}
    assert found["id2"] == {"val_loss": [(1, 0.5)]}


def test_points_within_the_first_epoch(home: Path) -> None:
    """By the epoch in fractions; the run was last written to when they were."""
    folder = run_folder(home / "runs" / "one")
    append(folder / "steps.jsonl", *POINTS)
    with (folder / "steps.jsonl").open("a") as file:
        file.write('{"step": 12, "epo')
    os.utime(folder / "recipe.json", (120, 120))
    os.utime(folder / "steps.jsonl", (140, 140))
    (run,) = runs_here()
    assert run.at == 140
    assert curves_of([run])["one"] == {
        "steps/train_loss": [(0.5, 2.0), (1.0, 1.75)], "steps/train_accuracy": [(0.5, 0.25), (1.0, 0.5)],
        "steps/learning_rate": [(0.5, 0.1), (1.0, 0.05)],
    }  # fmt: skip


def test_nothing_begun_and_nothing_ended(home: Path) -> None:
    assert runs_here() == runs_gone([]) == []
    run_folder(home / "runs" / "one")
    (run,) = runs_here()
    assert curves_of([run]) == {"one": {}}

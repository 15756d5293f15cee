"""A real run under a sweep's eyes: its figures are reported, and it is ended where it does badly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_core.data import SampleTable
from tests.training.runs import history
from training.fit import Run, fit
from training.recipe import Recipe
from training.sweep.results import sweep_result
from training.sweep.trial import attempt, report
from training.sweep.watching import Watching
from training.tracking.recording import EndedEarlyError, Recording


def test_a_bad_run_is_pruned_after_its_warm_up(
    make: Callable[..., Any], prepare: Callable[..., Run], tiny_recipe: Callable[..., Recipe], few: SampleTable
) -> None:
    """The trial before had a loss of 0 after each epoch, which no run has; two epochs are warm-up."""
    sweep = make(2, metric="val_loss", pruning={"startup_trials": 1, "warmup_epochs": 2})

    def perfect(_: Any, trial: Any) -> float:
        for epoch in range(6):
            report(trial, epoch, 0.0, last=False)
        return 0.0

    attempt(sweep, 0, perfect)
    run = prepare(tiny_recipe(epochs=6), few)

    def train(_: Any, trial: Any) -> float:
        fit(run, [Watching(trial, "val_loss")])
        return 0.0

    assert attempt(sweep, 1, train) == "pruned"
    losses = [row["val_loss"] for row in history(run.folder)]
    assert len(losses) == 3
    assert sweep_result("s").trials[1].curve == pytest.approx(losses)
    assert not run.checkpoint_folder.exists()


def test_the_record_of_a_pruned_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []

    class Recorder:
        stdin = None

        def wait(self, _: float) -> None:
            told.append({"waited": True})

    recording = Recording(tmp_path / "run", tmp_path / "checkpoint", "few")
    monkeypatch.setattr(recording, "_process", Recorder())
    monkeypatch.setattr(recording, "_tell", told.append)
    with pytest.raises(EndedEarlyError), recording:
        raise EndedEarlyError("Pruned after epoch 3.")
    assert told == [{"status": "KILLED", "message": "Pruned after epoch 3.", "checkpoint": None}, {"waited": True}]

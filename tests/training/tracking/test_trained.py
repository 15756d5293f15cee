"""Which models recorded runs brought forth, and how often their test split was looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_core.evaluate.locked import open_test
from tests.training.tracking.folders import checkpoint_folder, run_folder
from training.tracking import trained
from training.tracking.reading import RecordedRun, runs
from training.tracking.trained import record_looks, start_recording, trained_models

DATA = "d" * 64


def recorded(name: str, weights: str = "", **tags: str) -> RecordedRun:
    found = {"checkpoint.weights_sha256": weights} if weights else {}
    return RecordedRun(f"id of {name}", name, "FINISHED", 1.0, 2.0, f"file:///{name}", tags=found | tags)


def test_models_of_runs_with_and_without_a_checkpoint(
    make_checkpoint: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = make_checkpoint(home / "checkpoints" / "here").card.weights_sha256
    gone = "9" * 64
    found = [recorded("first", here, test_looks="1"), recorded("failed"), recorded("second", gone)]
    monkeypatch.setattr(trained, "runs", lambda: found)
    for why in ("the paper", "again"):
        open_test(here, DATA, why)
    open_test("7" * 64, DATA, "another model's")
    one, other = trained_models()
    assert (one.run, one.looks, one.recorded) == ("first", 2, 1)
    assert one.checkpoint is not None
    assert one.checkpoint.folder == home / "checkpoints" / "here"
    assert (other.run, other.looks, other.recorded, other.checkpoint) == ("second", 0, 0, None)
    assert other.copy == "file:///second/checkpoint"


def test_a_process_is_started_only_for_what_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(trained, "runs", lambda: [recorded("one", "9" * 64)])
    monkeypatch.setattr(trained.subprocess, "Popen", lambda command, **_: started.append(command))
    assert not start_recording(trained_models())
    open_test("9" * 64, DATA, "the paper")
    assert start_recording(trained_models())
    assert [command[1:] for command in started] == [["-m", "training.tracking.trained"]]


def test_looks_are_counted_on_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.tracking.mirror import Mirror

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    Mirror(run_folder(tmp_path / "one"), {"data": "drawn"}, 1.0).close(
        "FINISHED", "", checkpoint_folder(tmp_path / "checkpoint")
    )
    assert record_looks() == 0
    for _ in range(2):
        open_test("abc", DATA, "the paper")  # `checkpoint_folder` writes this hash
    assert record_looks() == 1
    assert runs()[0].tags["test_looks"] == "2"
    assert record_looks() == 0

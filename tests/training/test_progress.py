"""What a run says of itself while it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.training.runs import Clock
from training.progress import Progress


def at(step: int) -> Any:
    return SimpleNamespace(
        global_step=step, estimated_stepping_batches=100, current_epoch=0, max_epochs=1, callback_metrics={}
    )


def test_the_first_step_is_told_at_once_and_the_rest_is_estimated_from_those_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr("training.progress.time", clock)
    progress = Progress(tmp_path, every_s=10)

    def state() -> dict[str, Any]:
        told: dict[str, Any] = json.loads((tmp_path / "progress.json").read_text())
        return told

    progress.on_train_start(at(40), at(0))  # resumed at 40
    clock.now += 30  # the first step is slow: 30 s, those after it 2 s each
    progress.on_train_batch_end(at(41))
    assert state() == {"step": 41, "steps": 100, "seconds_left": None}
    for step in range(42, 47):
        clock.now += 2
        progress.on_train_batch_end(at(step))
    assert state() == {"step": 46, "steps": 100, "seconds_left": 108}  # 54 steps of 2 s
    clock.now += 2
    progress.on_train_batch_end(at(47))
    assert state()["step"] == 46  # 10 s are not over again
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1/1, step 41/100, starting",
        "epoch 1/1, step 46/100, starting, 2 min left",
    ]

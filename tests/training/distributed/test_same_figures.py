"""Two processes come to the figures of one, with every sample counted once."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fer_core.checkpoint import open_checkpoint
from tests.training.distributed.processes import run
from tests.training.runs import history, weights
from training.__main__ import app
from training.points import Points
from training.tracking.files import STEPS

Command = Callable[..., list[str]]

EVERYTHING = {
    "augment": {"flip": 0.5, "shift": 0.1, "noise_copies": 1, "mixup": 0.2, "cutmix": 1.0, "mix_probability": 0.7},
    "loss": {"name": "focal", "class_weights": {"angry": 3.0}},
    "sampling": "balanced",
    "target": {"teachers": ["compact"], "teacher_weight": 0.5},
    "average_decay": 0.9,
    "flip_at_test": True,
    "epochs": 2,
    "phases": [{"name": "head", "epochs": 1, "freeze": ["0"]}, {"name": "all", "epochs": 1}],
}


@pytest.mark.parametrize("changes", [{}, EVERYTHING], ids=["plain", "everything"])
def test_two_processes_come_to_the_figures_of_one(
    changes: dict[str, Any], command: Command, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.fit.Points", partial(Points, every_steps=4, every_s=0.0))
    alone = CliRunner().invoke(app, command("alone", **changes))
    assert alone.exit_code == 0, alone.stderr
    answers = np.empty(0)
    if changes:
        (of_one,) = (home / "cache" / "teachers").glob("*.npy")
        answers = np.load(of_one)
        of_one.unlink()
    ended = run(tmp_path / "out", command("both", **changes), dict.fromkeys((0, 1), "often"))
    assert [e.status for e in ended] == [0, 0], ended
    assert "faces right" in ended[0].out
    assert ended[1].out == ""  # the first alone speaks
    rows, same = history(home / "runs" / "alone"), history(home / "runs" / "both")
    assert len(rows) == len(same) == (2 if changes else 3)
    for row, other in zip(rows, same, strict=True):
        assert other == pytest.approx(row, rel=1e-5)
    points, both = ((home / "runs" / name / STEPS).read_text().splitlines() for name in ("alone", "both"))
    assert len(points) == len(both) >= 5  # written by the first alone, of the faces of both
    for line, other_line in zip(points, both, strict=True):
        assert json.loads(other_line) == pytest.approx(json.loads(line), rel=1e-5)
    if changes:
        (of_both,) = (home / "cache" / "teachers").glob("*.npy")
        assert answers.shape == (112, 7)  # of both processes 48, 48 and 16
        np.testing.assert_allclose(np.load(of_both), answers, atol=1e-5)
    found, wanted = weights(home / "checkpoints" / "both"), weights(home / "checkpoints" / "alone")
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-6)
    assert open_checkpoint(home / "checkpoints" / "both").card.metrics["validation"]["n"] == 63

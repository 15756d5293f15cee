"""What a run tells of work before its first step and after its last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.predict import Predictor
from tests.training.runs import Clock
from training.counting import counting
from training.fit import Run, fit
from training.recipe import Recipe, parse_recipe


def told(folder: Path) -> Any:
    return json.loads((folder / "progress.json").read_text())


def test_at_once_and_then_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside what is told of the steps, which stays. What somebody else did does not count towards the rate."""
    clock = Clock()
    monkeypatch.setattr("training.counting.time", clock)
    steps = {"step": 84, "steps": 84, "seconds_left": 0, "val_accuracy": 0.5}
    (tmp_path / "progress.json").write_text(json.dumps(steps))
    with counting(tmp_path, "looking", 100, before=20) as count:
        for done, seconds, seen in ((30, 4, (30, 28)), (40, 4, (30, 28)), (60, 4, (30, 28)), (61, 2, (61, 13))):
            clock.now += seconds
            count(done, 100)
            doing = told(tmp_path)["doing"]
            # 10 faces in 4 s leave 70 of 0.4 s; 41 in 14 s leave 39 of 0.34 s
            assert (doing["done"], doing["seconds_left"]) == seen
            assert told(tmp_path) == {**steps, "doing": {"what": "looking", "total": 100, **doing}}
    assert told(tmp_path) == steps
    said = ["looking: 30 of 100 faces, 28 s left", "looking: 61 of 100 faces, 13 s left"]
    assert capsys.readouterr().err.splitlines() == said


def test_what_cannot_be_counted_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with counting(tmp_path, "fitting"):
        doing = {"what": "fitting", "done": 0, "total": 0, "seconds_left": None}
        assert told(tmp_path) == {"step": 0, "steps": 0, "seconds_left": None, "doing": doing}
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == "fitting\n"


def test_measuring_the_checkpoint(
    tiny_recipe: Callable[..., Recipe],
    few: SampleTable,
    prepare: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """14 faces after the last step. Ended meanwhile it goes on with that, and its steps stand there again."""
    run = prepare(tiny_recipe(epochs=2, batch_size=14), few)
    real = Predictor.logits

    def logits(self: Predictor, *arguments: Any, **more: Any) -> Any:
        real(self, *arguments, **more)
        raise SystemExit(143)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "logits", logits)
        with pytest.raises(SystemExit):
            fit(run)
    found = told(run.folder)
    assert found.pop("doing") == {"what": "measuring the checkpoint", "done": 14, "total": 14, "seconds_left": 0}
    assert (found["step"], found["steps"]) == (4, 4)
    assert "val_accuracy" in found
    assert "measuring the checkpoint: 14 of 14 faces, 0 s left" in capsys.readouterr().err
    fit(run)
    assert told(run.folder) == found


def test_a_machine_on_features(
    few: SampleTable,
    prepare: Callable[..., Run],
    make_checkpoint: Callable[..., Checkpoint],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from training import svm

    make_checkpoint(home / "checkpoints" / "source")
    recipe = parse_recipe(
        {"name": "machine", "model": {"architecture": "svm-on-features"}, "svm": {"features": "source"}}
    )
    run = prepare(recipe, few)
    real, seen = svm.fit_machine, []

    def fit_machine(*arguments: Any) -> Any:
        seen.append(told(run.folder)["doing"]["what"])
        return real(*arguments)

    monkeypatch.setattr(svm, "fit_machine", fit_machine)
    fit(run)
    assert seen == ["fitting the machine to 28 faces"]
    assert not (run.folder / "progress.json").exists()
    assert capsys.readouterr().err.splitlines() == [
        "computing features: 28 of 28 faces, 0 s left",
        "fitting the machine to 28 faces",
        "measuring the checkpoint: 14 of 14 faces, 0 s left",
    ]

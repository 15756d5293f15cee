"""Asking teachers about every face: told of, ended between batches, kept, and not asked twice."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.card import write_card
from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.data import SampleTable
from fer_core.predict import Predictor
from tests.training.runs import Clock, history, same, weights
from training.data import load_tensors
from training.dry import dry_run
from training.fit import Run, fit
from training.fit import prepare as prepared
from training.recipe import Recipe
from training.teachers import taught

MakeRecipe = Callable[..., Recipe]
BATCH, FACES = 8, 28  # four batches, the last of four faces


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("training.counting.time", made)
    monkeypatch.setattr("training.asking.BATCH", BATCH)
    return made


@pytest.fixture
def asked(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many faces the teachers were asked about, batch after batch."""
    counts: list[int] = []
    real = Predictor.probabilities

    def probabilities(self: Predictor, faces: Sequence[Any], **more: Any) -> Any:
        counts.append(len(faces))
        clock.now += 0.5 * len(faces)
        return real(self, faces, **more)

    monkeypatch.setattr(Predictor, "probabilities", probabilities)
    return counts


@pytest.fixture
def recipe(tiny_recipe: MakeRecipe, make_checkpoint: Callable[..., Checkpoint], home: Path) -> Recipe:
    make_checkpoint(home / "checkpoints" / "teacher")
    return tiny_recipe(epochs=1, target={"teachers": ["teacher"], "teacher_weight": 0.5})


def fit_until(run: Run, batch: int) -> None:
    """Fits, and is ended as by SIGTERM in a job within this batch of faces (from 0)."""
    real, count = Predictor.logits, iter(range(100))

    def logits(self: Predictor, *arguments: Any, **more: Any) -> Any:
        if next(count) == batch:
            raise SystemExit(143)
        return real(self, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Predictor, "logits", logits)
        with pytest.raises(SystemExit):
            fit(run)


def test_how_far_it_is_stands_in_the_runs_folder_and_in_the_log(
    recipe: Recipe, few: SampleTable, prepare: Callable[..., Run], asked: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    run = prepare(recipe, few)
    fit_until(run, 3)
    assert asked == [8, 8, 8, 4]  # it leaves within the fourth
    told = json.loads((run.folder / "progress.json").read_text())
    doing = {"what": "asking its teachers", "done": 24, "total": 28, "seconds_left": 2}  # 4 faces of 0.5 s
    assert told == {"step": 0, "steps": 0, "seconds_left": None, "doing": doing}
    lines = [line for line in capsys.readouterr().err.splitlines() if "teacher" in line]
    # At 4, 8 and 12 s: the first at once, the next not before ten seconds have passed, the last one kept as it leaves.
    assert lines == [
        "asking its teachers: 8 of 28 faces, 10 s left",
        "asking its teachers: 24 of 28 faces, 2 s left",
    ]
    fit(run)
    told = json.loads((run.folder / "progress.json").read_text())
    assert told["step"] == told["steps"] > 0
    assert "doing" not in told


def test_what_was_answered_is_not_asked_again(
    recipe: Recipe, few: SampleTable, prepare: Callable[..., Run], asked: list[int], home: Path
) -> None:
    """Neither by who goes on nor by another run with the same teachers."""
    run = prepare(recipe, few)
    fit_until(run, 2)
    assert asked == [8, 8, 8]
    asked.clear()
    fit(run)
    assert asked == [8, 4]
    asked.clear()
    other = prepare(recipe, few, "other")
    fit(other)
    assert asked == []
    shutil.rmtree(home / "cache")
    whole = prepare(recipe, few, "whole")
    fit(whole)
    assert asked == [8, 8, 8, 4]
    for one in (run, other):
        assert same(weights(one.checkpoint_folder), weights(whole.checkpoint_folder))
        assert history(one.folder) == history(whole.folder)


def test_another_run_that_is_further_is_not_set_back(
    recipe: Recipe, few: SampleTable, asked: list[int], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = few.split("train")
    data = load_tensors(samples, recipe)
    whole = taught(data, samples, recipe, tmp_path).targets
    (file,) = (home / "cache" / "teachers").iterdir()
    complete = file.read_bytes()
    file.unlink()
    real = Predictor.logits

    def logits(self: Predictor, *arguments: Any, **more: Any) -> Any:
        if len(asked) == 5:  # the first batch of the second time: the other run is done meanwhile
            file.write_bytes(complete)
        if len(asked) == 6:
            raise SystemExit(143)
        return real(self, *arguments, **more)

    monkeypatch.setattr(Predictor, "logits", logits)
    with pytest.raises(SystemExit):
        taught(data, samples, recipe, tmp_path)
    assert file.read_bytes() == complete
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    asked.clear()
    np.testing.assert_array_equal(taught(data, samples, recipe, tmp_path).targets, whole)
    assert asked == []


def test_answers_belong_to_the_faces_in_their_order_and_to_the_teacher_as_it_is(
    recipe: Recipe, few: SampleTable, asked: list[int], tmp_path: Path
) -> None:
    samples = few.split("train")
    backwards = replace(samples, table=samples.table.take(np.arange(FACES)[::-1]))

    def targets(of: SampleTable) -> np.ndarray:
        return taught(load_tensors(of, recipe), of, recipe, tmp_path).targets.numpy()

    first = targets(samples)
    asked.clear()
    again = targets(backwards)
    assert sum(asked) == FACES
    np.testing.assert_allclose(again, first[::-1], atol=1e-6)
    assert np.abs(first - first[::-1]).max() > 0.1
    asked.clear()
    np.testing.assert_array_equal(targets(backwards), again)
    assert asked == []
    teacher = open_checkpoint("teacher")
    write_card(teacher.folder, teacher.card.model_copy(update={"temperature": 3.0}))
    warmer = targets(samples)
    assert sum(asked) == FACES
    assert warmer.max() < first.max()


def test_without_a_folder_nothing_is_kept(
    recipe: Recipe, few: SampleTable, asked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    samples = few.split("train")
    before = sorted(tmp_path.rglob("*"))
    taught(load_tensors(samples, recipe), samples, recipe)
    assert sum(asked) == FACES
    assert sorted(tmp_path.rglob("*")) == before


def test_copies_with_noise_are_taught_as_their_faces(
    recipe: Recipe, few: SampleTable, asked: list[int], tiny_recipe: MakeRecipe
) -> None:
    samples = few.split("train")
    more = tiny_recipe(target=recipe.target.model_dump(), augment={"noise_copies": 2})
    module, _ = prepared(more, samples, few.split("validation"))
    assert sum(asked) == FACES
    plain = taught(load_tensors(samples, recipe), samples, recipe).targets.numpy()
    np.testing.assert_array_equal(module.training_data.targets.cpu().numpy(), np.tile(plain, (3, 1)))


def test_a_dry_run_counts_the_asking(
    recipe: Recipe, drawn: SampleTable, tiny_recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Predictor.probabilities

    def probabilities(self: Predictor, faces: Sequence[Any], **more: Any) -> Any:
        time.sleep(0.01 * len(faces))
        return real(self, faces, **more)

    monkeypatch.setattr(Predictor, "probabilities", probabilities)
    assert dry_run(tiny_recipe(), drawn).asking_s == 0
    found = dry_run(recipe, drawn)
    assert found.asking_s >= 1.12  # of a batch of 28 faces, 10 ms each; there are 112
    assert found.total_s == pytest.approx(found.reading_s + found.asking_s + found.epoch_s)
    seen = tiny_recipe(target=recipe.target.model_dump() | {"teachers_see": "variants"})
    assert dry_run(seen, drawn).asking_s == 0  # it is in the time of a step

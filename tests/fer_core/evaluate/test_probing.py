"""`robustness`, `learning-curve` and `evaluate --shared-classes` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from fer_core.__main__ import app
from fer_core.data import SampleTable
from fer_core.data.answers import answer
from fer_core.data.store import DataSet, keep
from fer_core.evaluate.errors.learning import Measured
from fer_core.evaluate.results import load_result
from fer_core.evaluate.robustness import some_of_each
from fer_core.evaluate.shelf import list_predictions
from fer_core.labels import ClassSet
from fer_core.predict import get_predictor

Make = Callable[..., Any]


@pytest.fixture
def data_set(make_checkpoint: Make, home: Path, drawn: SampleTable) -> DataSet:
    """Drawn faces in the workspace, and a checkpoint `one`."""
    make_checkpoint(home / "checkpoints" / "one")
    return keep("drawn", drawn, "drawn for a test")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_some_of_each_class() -> None:
    labels = np.array([0, 0, 0, 2, 2, 5])
    rows = some_of_each(labels, 2)
    assert labels[rows].tolist() == [0, 0, 2, 2, 5]
    assert (rows == some_of_each(labels, 2)).all()
    assert some_of_each(np.zeros(0, dtype=np.int64), 2).tolist() == []


@pytest.mark.usefixtures("data_set")
def test_robustness_is_measured_and_kept(drawn: SampleTable) -> None:
    done = run("robustness", "--checkpoint", "one", "--data", "drawn", "--each", "2", "--json")
    assert done.exit_code == 0, done.output
    curves = json.loads(done.stdout)
    assert {c["n"] for c in curves} == {14}
    [about] = list_predictions()
    assert load_result(about, "robustness") == curves
    samples = drawn.split("validation")
    rows = some_of_each(samples.label_indices(), 2)
    said = get_predictor("one").probabilities([samples.decode(int(row)) for row in rows]).argmax(1)
    right = said == samples.label_indices()[rows]
    assert curves[0]["accuracy"][0] == pytest.approx(right.mean())
    assert curves[0]["recall"]["fear"][0] == pytest.approx(right[samples.label_indices()[rows] == 2].mean())


def test_a_learning_curve_is_measured_and_kept(data_set: DataSet) -> None:
    refused = run("learning-curve", "--checkpoint", "one", "--data", "drawn", "--class", "fear")
    assert refused.exit_code == 2
    assert "let the checkpoint classify this data set first" in refused.stderr
    answer(data_set, get_predictor("one"))
    done = run("learning-curve", "--checkpoint", "one", "--data", "drawn", "--class", "fear", "--json")
    assert done.exit_code == 0, done.output
    [about] = list_predictions()
    kept = load_result(about, "learning-2")
    assert kept == json.loads(done.stdout)
    measured = Measured.from_json(kept)
    assert measured.samples.tolist() == [2, 4, 8, 12, 16]
    assert measured.n == 8
    assert set((measured.recalls * 8).round(9).ravel()) <= set(range(9))
    train = run("learning-curve", "--checkpoint", "one", "--data", "drawn", "--class", "fear", "--split", "train")
    assert "learns from train and measures on another split" in train.stderr


def test_classes_that_the_model_lacks_are_left_out_on_request(
    drawn: SampleTable, home: Path, make_checkpoint: Make
) -> None:
    two = ClassSet("two", ("happy", "sad"))
    make_checkpoint(home / "checkpoints" / "pair", classes=two.names)
    keep("drawn", drawn, "drawn for a test")
    asked = ("evaluate", "--checkpoint", "pair", "--data", "drawn", "--split", "validation")
    refused = run(*asked)
    assert refused.exit_code == 2
    assert "which pair does not know" in refused.stderr
    done = run(*asked, "--shared-classes", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n"] == 16

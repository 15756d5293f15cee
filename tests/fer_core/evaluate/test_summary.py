"""The errors of one model as plain numbers, where there is little to tell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from fer_core.errors import DataError
from fer_core.evaluate.summary import summary
from tests.fer_core.evaluate.tables import table


def test_samples_of_one_class_only() -> None:
    given = table(300)
    sad = given.take(given.labels == 4)
    found = summary(sad, {"brightness": np.arange(len(sad), dtype=float)})
    json.dumps(found, allow_nan=False)
    right = float((sad.predicted == 4).mean())
    assert (found["n"], found["lens"]["name"], found["accuracy"]) == (len(sad), "sad", pytest.approx(right))
    others = [row for row in found["classes"] if row["name"] != "sad"]
    assert [(row["n"], row["recall"], row["recall_interval"]) for row in others] == [(0, None, [None, None])] * 6
    assert found["lens"]["column"]["said"] == int((sad.predicted == 4).sum())
    assert found["lens"]["average_precision"] == pytest.approx(1.0)


def test_the_worst_class_is_under_the_lens_and_one_without_samples_is_not() -> None:
    given = table(400)
    without = given.take(given.labels != 1)
    found = summary(without, {})
    recalls = {row["name"]: row["recall"] for row in found["classes"] if row["n"]}
    assert found["lens"]["name"] == min(recalls, key=lambda name: recalls[name])
    asked = summary(without, {}, "disgust")["lens"]
    assert (asked["n"], asked["remedies"], asked["column"]["weight"]) == (0, [], None)


def test_top_1_has_its_interval_and_a_class_its_own_name() -> None:
    given = table(400)
    found = summary(given, {}, "joy")
    bounds = binomtest(int(given.right.sum()), 400).proportion_ci(method="wilson")
    assert found["accuracy_interval"] == pytest.approx([bounds.low, bounds.high])
    assert found["lens"]["name"] == "happy"
    assert "threshold of happy" in found["lens"]["remedies"][0]["what"]


def test_no_predictions_at_all() -> None:
    with pytest.raises(DataError, match="no predictions to look for errors in"):
        summary(table(0), {})

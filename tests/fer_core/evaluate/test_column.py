"""What explains a class's column, by hand and against a search over weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from fer_core.evaluate.errors import column
from fer_core.evaluate.predictions import About, Predictions
from tests.fer_core.evaluate.tables import permuted, sha256, table

CLASSES = ("angry", "disgust", "happy")


def said(labels: list[int], probabilities: list[list[float]]) -> Predictions:
    about = About(model="m", model_hash=sha256("m"), data_hash=sha256("d"), split="validation", classes=CLASSES)
    ids = [f"s{i}" for i in range(len(labels))]
    return Predictions.of_probabilities(ids, np.array(labels), np.array(probabilities), about)


def test_a_class_that_is_never_said_by_hand() -> None:
    found = column(
        said(
            [1, 1, 0, 0, 2],
            [
                [0.5, 0.4, 0.1],  # disgust in the second place; said from the weight 0.5 / 0.4 = 1.25 on
                [0.6, 0.1, 0.3],  # in the third; from 6 on
                [0.6, 0.3, 0.1],  # from 2 on
                [0.8, 0.1, 0.1],  # from 8 on
                [0.1, 0.1, 0.8],  # from 8 on
            ],
        ),
        "disgust",
    )
    assert (found.n, found.said, found.hits, found.second) == (2, 0, 0, 1)
    assert found.recall == 0
    assert found.median == pytest.approx(0.25)
    assert 2 < found.weight < 6  # said twice: of the first and of the third
    assert found.weight == pytest.approx(math.sqrt(12), rel=1e-5)
    assert found.recall_weighted == 0.5
    assert (found.accuracy, found.accuracy_weighted) == (pytest.approx(3 / 5), pytest.approx(3 / 5))
    assert "The model never says disgust; there are 2. Of the 2 missed, 1 have it" in found.as_text()
    assert "in the second place (median probability 0.25). With its probability multiplied by 3.46" in found.as_text()
    # Wilson's of 0 of 2 and of 1 of 2, by hand with z = 1.96: 3.84 / 5.84; 0.5 -+ 1.96 sqrt(0.5 + 0.96) / 5.84.
    said_of = "recall 0.0 % [0.0, 65.8] -> 50.0 % [9.5, 90.5], top-1 60.0 % -> 60.0 %"
    assert f"it would be said 2 times: {said_of}" in found.as_text()


def test_at_the_weight_it_is_said_as_often_as_it_is_there() -> None:
    given = table(800, seed=4)
    i = given.classes.index("disgust")
    found = column(given, "disgust")
    weighed = given.probabilities * np.where(np.arange(7) == i, found.weight, 1.0)
    again = weighed.argmax(1)
    assert int((again == i).sum()) == found.n
    assert found.recall_weighted == pytest.approx((again[given.labels == i] == i).mean())
    assert found.accuracy_weighted == pytest.approx((again == given.labels).mean())
    assert found.said == int((given.predicted == i).sum())
    assert found.recall == pytest.approx(given.scores().per_class["disgust"].recall)
    bounds = binomtest(found.hits, found.n).proportion_ci(method="wilson")
    assert found.recall_interval == pytest.approx((bounds.low, bounds.high), abs=1e-9)


def test_a_prior_that_was_too_small_is_found_again() -> None:
    """Probabilities whose class was divided by five need the weight five, and are then what they were."""
    given = table(5000, seed=2, skill=2.5)
    i = given.classes.index("disgust")
    fair = column(given, "disgust")
    shifted = given.logits.copy()
    shifted[..., i] -= np.log(5)
    found = column(Predictions(given.sample_ids, given.labels, shifted, given.about), "disgust")
    assert found.weight == pytest.approx(5 * fair.weight, rel=1e-4)
    assert found.recall_weighted == pytest.approx(fair.recall_weighted)
    assert found.recall < fair.recall


def test_no_samples_all_samples_and_another_order() -> None:
    nothing = column(said([0, 2], [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]]), "disgust")
    assert (nothing.n, nothing.said, nothing.second) == (0, 1, 0)
    assert all(math.isnan(v) for v in (nothing.recall, nothing.median, nothing.weight, nothing.accuracy_weighted))
    assert nothing.as_text() == "No sample is annotated as disgust; the model says it once."
    every = column(said([1, 1], [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]]), "disgust")
    assert (every.recall_weighted, every.accuracy_weighted) == (1, 1)
    given, chance = table(300), np.random.default_rng(0)
    turned = permuted(given, chance.permutation(300), chance.permutation(7))
    one, other = vars(column(given, "fear")), vars(column(turned, "fear"))
    for key, value in one.items():
        assert other[key] == (value if isinstance(value, str) else pytest.approx(value))

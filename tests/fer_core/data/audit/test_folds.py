"""Out-of-fold probabilities: nothing is judged by what was taught with it or with its copy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fer_core.data.audit import out_of_fold_probabilities
from fer_core.errors import DataError


def test_clusters_are_told_apart_and_rows_sum_to_one() -> None:
    chance = np.random.default_rng(0)
    labels = np.repeat([0, 1, 3], 40)  # no sample of class 2
    features = chance.normal(0, 0.3, (120, 2)) + np.array([[0, 0], [3, 0], [0, 9], [0, 3]])[labels]
    found = out_of_fold_probabilities(features.astype(np.float32), labels, np.arange(120))
    assert found.shape == (120, 4)
    np.testing.assert_allclose(found.sum(1), 1)
    assert (found.argmax(1) == labels).all()
    assert (found[:, 2] == 0).all()


def test_each_sample_is_judged_by_the_other_folds_alone() -> None:
    # Two folds of one group each, so that who taught whom is known.
    chance = np.random.default_rng(1)
    features, labels = chance.normal(0, 1, (40, 3)), np.tile([0, 1], 20)
    groups = np.repeat([0, 1], 20)
    found = out_of_fold_probabilities(features, labels, groups)
    for held in (0, 1):
        taught, judged = groups != held, groups == held
        scaler = StandardScaler().fit(features[taught])
        classifier = LogisticRegression(C=0.1).fit(scaler.transform(features[taught]), labels[taught])
        expected = classifier.predict_proba(scaler.transform(features[judged]))
        np.testing.assert_allclose(found[judged], expected, atol=1e-4)


def test_a_twin_teaches_nothing_about_its_twin() -> None:
    # Labels of chance on features as many as samples: whoever sees the twin knows the label, whoever does not guesses.
    chance = np.random.default_rng(2)
    features, labels = np.repeat(chance.normal(0, 1, (60, 200)), 2, axis=0), np.repeat(chance.integers(0, 2, 60), 2)
    alone = out_of_fold_probabilities(features, labels, np.arange(120)).argmax(1) == labels
    together = out_of_fold_probabilities(features, labels, np.repeat(np.arange(60), 2)).argmax(1) == labels
    assert alone.mean() > 0.75
    assert together.mean() < 0.65


def test_the_same_folds_each_time_and_progress_is_told() -> None:
    chance = np.random.default_rng(3)
    features, labels = chance.normal(0, 1, (50, 4)), np.tile([0, 1], 25)
    told: list[float] = []
    first = out_of_fold_probabilities(features, labels, np.arange(50), advance=told.append)
    assert told == [0.2, 0.4, 0.6, 0.8, 1.0]
    np.testing.assert_array_equal(first, out_of_fold_probabilities(features, labels, np.arange(50)))


def test_what_cannot_be_split_is_refused() -> None:
    features = np.zeros((4, 1))
    assert out_of_fold_probabilities(features[:0], np.zeros(0, np.int64), np.zeros(0, np.int64)).shape == (0, 0)
    with pytest.raises(DataError, match="two classes or more, not of 1"):
        out_of_fold_probabilities(features, np.zeros(4, np.int64), np.arange(4))
    with pytest.raises(DataError, match="not copies of each other"):
        out_of_fold_probabilities(features, np.array([0, 0, 0, 1]), np.arange(4))
    with pytest.raises(DataError, match="not copies of each other"):
        out_of_fold_probabilities(features, np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]))


def test_what_is_doubted_is_judged_but_teaches_nothing() -> None:
    """Two clusters; a third of one has the other's label. Not taught, these no longer make its own label unlikely."""
    chance = np.random.default_rng(4)
    place = np.repeat([0, 1], 60)
    features = chance.normal(0, 0.2, (120, 2)) + 2.0 * place[:, None]
    labels = place.copy()
    wrong = np.zeros(120, dtype=bool)
    wrong[:20] = True
    labels[wrong] = 1
    taught = out_of_fold_probabilities(features, labels, np.arange(120))
    doubted = out_of_fold_probabilities(features, labels, np.arange(120), doubted=wrong)
    assert 0.2 < taught[:60, 1].mean() < 0.45  # a third of them says so
    assert doubted[:60, 1].max() < 0.05
    assert doubted[60:, 1].min() > 0.95

"""Comparisons of models: by hand, against direct resampling, and unmoved by the order of samples and classes."""

import dataclasses
import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import minimize
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn import metrics as sk

from fer_core.errors import DataError
from fer_core.evaluate.compare import agreement, aligned, bootstrap, compare, disagreements, ensemble, fit_weights
from fer_core.evaluate.predictions import About, Predictions
from fer_core.evaluate.significance import mcnemar
from tests.fer_core.evaluate.tables import permuted, sha256, table


def said(labels: str, answers: str, name: str = "m", sure: float = 0.8) -> Predictions:
    """A table over the classes a, b, c from two words."""
    classes = ("a", "b", "c")
    probabilities = np.full((len(labels), 3), (1 - sure) / 2)
    probabilities[np.arange(len(labels)), [classes.index(x) for x in answers]] = sure
    about = About(model=name, model_hash=sha256(name), data_hash=sha256(labels), split="validation", classes=classes)
    ids = [f"s{i}" for i in range(len(labels))]
    return Predictions.of_probabilities(ids, np.array([classes.index(x) for x in labels]), probabilities, about)


def test_a_pair_by_hand() -> None:
    first, second = said("aaaabbbc", "aaabbbba", "one"), said("aaaabbbc", "aabbbbac", "two")
    [pair], drawn = compare([first, second], draws=200)
    assert (pair.first, pair.second, pair.n) == ("one", "two", 8)
    assert (pair.test.only_first, pair.test.only_second) == (2, 1)
    assert pair.test.p == 1
    assert pair.differences["accuracy"].value == pytest.approx(6 / 8 - 5 / 8)
    assert pair.differences["balanced_accuracy"].value == pytest.approx((3 / 4 + 1 + 0) / 3 - (2 / 4 + 2 / 3 + 1) / 3)
    assert [c.difference.value for c in pair.classes] == pytest.approx([1 / 4, 1 / 3, -1])
    assert [c.n for c in pair.classes] == [4, 3, 1]
    assert drawn.interval(0, "accuracy").value == pytest.approx(0.75)
    assert pair.as_json()["recall"]["c"]["only_second"] == 1
    assert "one less two, n = 8" in pair.as_text()


def test_every_pair_counts_as_sample_by_sample() -> None:
    tables = [table(300, seed=i, skill=1 + i) for i in range(4)]
    pairs, _ = compare(tables, draws=20)
    for pair, (one, other) in zip(pairs, itertools.combinations(tables, 2), strict=True):
        assert pair.test == mcnemar(one.right, other.right)
        for kind, c in enumerate(pair.classes):
            rows = one.labels == kind
            assert c.test == mcnemar(one.right[rows], other.right[rows])


def test_figures_of_the_bootstrap_are_those_of_scores() -> None:
    given = table(500, seed=3, views=2)
    drawn, scores = bootstrap([given], draws=10), given.scores()
    expected = [scores.accuracy, scores.balanced_accuracy, scores.macro_f1, scores.log_loss, scores.ece]
    expected += [s.recall for s in scores.per_class.values()]
    np.testing.assert_allclose(drawn.estimates[0], expected, rtol=1e-9)
    without = given.take(np.arange(500) != 17)
    assert drawn.left_out[0, 17, :5] == pytest.approx(
        [getattr(without.scores(), name) for name in drawn.names[:5]], rel=1e-9
    )


def test_bounds_against_scipy() -> None:
    first, second = table(300, seed=1), table(300, seed=2, skill=1.0)
    drawn = bootstrap([first, second], draws=4000)
    mine = drawn.difference(0, 1, "log_loss")
    theirs = scipy_bootstrap(
        (first.losses - second.losses,), np.mean, n_resamples=4000, method="BCa", rng=np.random.default_rng(0)
    )
    width = mine.high - mine.low
    assert mine.value == pytest.approx(float((first.losses - second.losses).mean()), rel=1e-9)
    assert mine.low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert mine.high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


def test_each_draw_is_a_resample_measured_by_scikit_learn() -> None:
    """The spread of macro-F1 and balanced accuracy is that of resampling rows one by one."""
    given = table(150, seed=5)
    drawn = bootstrap([given], draws=3000)
    chance = np.random.default_rng(9)
    direct = []
    for _ in range(600):
        rows = chance.integers(0, 150, 150)
        direct.append(
            sk.f1_score(
                given.labels[rows], given.predicted[rows], average="macro", labels=np.unique(given.labels[rows])
            )
        )
    assert drawn.draws[0, :, 2].std() == pytest.approx(float(np.std(direct)), rel=0.1)
    assert drawn.draws[0, :, 2].mean() == pytest.approx(float(np.mean(direct)), abs=0.006)


def test_many_samples_are_drawn_in_groups_with_the_same_bounds() -> None:
    first, second = table(40_000, seed=1), table(40_000, seed=2, skill=1.4)
    found = bootstrap([first, second], draws=1000).difference(0, 1, "accuracy")
    apart = first.right.astype(float) - second.right
    half = 1.96 * apart.std() / math.sqrt(40_000)
    assert found.value == pytest.approx(apart.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "log_loss"])
def test_intervals_cover_as_often_as_they_say(name: str) -> None:
    """Samples of a small population with known figures; 95 % of the intervals must hold the population's difference."""
    every_first, every_second = table(60_000, seed=1), table(60_000, seed=2, skill=1.2)
    truth = bootstrap([every_first, every_second], draws=2).difference(0, 1, name).value
    chance = np.random.default_rng(3)
    held = 0
    for trial in range(600):
        rows = chance.integers(0, 60_000, 400)
        parts = [every_first.take(rows), every_second.take(rows)]
        for part in parts:
            part.__dict__["sample_ids"] = pa.array([str(i) for i in range(400)])
        found = bootstrap(parts, draws=600, seed=trial).difference(0, 1, name)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 600 <= 0.97


def test_order_of_samples_and_classes_does_not_matter() -> None:
    first, second = table(200, seed=1), table(200, seed=2)
    chance = np.random.default_rng(0)
    rows, columns = chance.permutation(200), chance.permutation(7)
    [mine], _ = compare([first, second], draws=300)
    [theirs], _ = compare([permuted(first, rows, columns), permuted(second, chance.permutation(200))], draws=300)
    assert mine.test == theirs.test
    for name, d in mine.differences.items():
        other = theirs.differences[name]
        assert (d.value, d.low, d.high, d.p) == pytest.approx((other.value, other.low, other.high, other.p), abs=1e-9)
    by_name = {c.name: c for c in theirs.classes}
    for c in mine.classes:
        assert (c.test, c.p_holm) == (by_name[c.name].test, pytest.approx(by_name[c.name].p_holm))


def test_a_class_without_samples_is_nan_everywhere() -> None:
    first, second = said("aabb", "abbc", "one"), said("aabb", "aabb", "two")
    [pair], drawn = compare([first, second], draws=50)
    nothing = pair.classes[2]
    assert nothing.n == 0
    assert all(
        math.isnan(v) for v in (nothing.difference.value, nothing.difference.low, nothing.test.p, nothing.p_holm)
    )
    assert pair.as_json()["recall"]["c"]["value"] is None
    assert drawn.interval(1, "balanced_accuracy").value == 1
    # Holm over the two classes that there are: both p are 1 (one sample apart).
    assert [c.p_holm for c in pair.classes[:2]] == [1, 1]


def test_no_samples_and_one_class_only() -> None:
    [pair], _ = compare([table(0, seed=1), table(0, seed=2)], draws=20)
    assert pair.n == 0
    assert math.isnan(pair.test.p)
    assert math.isnan(pair.differences["accuracy"].low)
    [pair], _ = compare([said("aaa", "aab", "x"), said("aaa", "aaa", "y")], draws=20)
    assert pair.differences["balanced_accuracy"].value == pytest.approx(-1 / 3)


def test_holm_over_pairs() -> None:
    tables = [table(400, seed=i, skill=s) for i, s in enumerate((2.5, 1.2, 1.1))]
    pairs, _ = compare(tables, draws=20)
    assert [(p.first, p.second) for p in pairs] == [("model0", "model1"), ("model0", "model2"), ("model1", "model2")]
    ranked = sorted(pairs, key=lambda p: p.test.p)
    assert ranked[0].p_holm == pytest.approx(min(1, 3 * ranked[0].test.p))
    assert ranked[2].p_holm == pytest.approx(max(ranked[2].test.p, 2 * ranked[1].test.p, 3 * ranked[0].test.p))


def test_other_samples_are_refused_with_the_difference_or_shared_on_request() -> None:
    whole, part = table(20, seed=1), table(20, seed=2).take(np.arange(4, 20))
    with pytest.raises(
        DataError, match=r"4 of 20 are only in the first table, 0 of 16 only in the second.*sample-000000"
    ):
        aligned([whole, part])
    both = aligned([whole, part], common=True)
    assert [len(t) for t in both] == [16, 16]
    assert both[0].sample_ids.equals(both[1].sample_ids)
    renamed = dataclasses.replace(part, sample_ids=pa.array([f"x{i}" for i in range(16)]))
    with pytest.raises(DataError, match="no sample in common"):
        aligned([whole, renamed], common=True)
    with pytest.raises(DataError, match="nothing to compare"):
        aligned([])


def test_other_classes_splits_and_labels_are_refused() -> None:
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise", "contempt")
    with pytest.raises(DataError, match="only the first one has neutral, only the second one contempt"):
        aligned([table(5), table(5, classes=names)])
    with pytest.raises(DataError, match="evaluated on validation, model0 on test"):
        aligned([table(5), table(5, split="test")])
    with pytest.raises(DataError, match=r"1 of 3 samples have another label .*'s1': a against b"):
        aligned([said("abc", "abc"), said("aac", "abc")])


def test_agreement_against_scikit_learn() -> None:
    tables = [table(300, seed=i) for i in range(3)]
    found = agreement(tables)
    for i, j in itertools.product(range(3), repeat=2):
        one, other = tables[i].predicted, tables[j].predicted
        assert found.share[i, j] == pytest.approx(sk.accuracy_score(one, other))
        assert found.kappa[i, j] == pytest.approx(sk.cohen_kappa_score(one, other))
    wrong = [set(np.flatnonzero(~t.right)) for t in tables]
    assert found.errors[0, 1] == pytest.approx(len(wrong[0] & wrong[1]) / len(wrong[0] | wrong[1]))


def test_disagreements_are_listed_by_kind() -> None:
    first, second = said("aabbcc", "abbaca"), said("aabbcc", "baacca")
    found = disagreements(first, second)
    assert {kind: rows.tolist() for kind, rows in found.items()} == {
        "only_first": [0, 2], "only_second": [1], "both_wrong_differently": [3], "both_wrong_alike": [5],
    }  # fmt: skip


def test_the_widest_disagreement_comes_first() -> None:
    first, second = table(500, seed=1), table(500, seed=2)
    rows = disagreements(first, second)["only_first"]
    gap = (first.probabilities - second.probabilities)[rows, first.labels[rows]]
    assert (np.diff(gap) <= 0).all()
    assert first.right[rows].all()
    assert not second.right[rows].any()


def test_an_ensemble_is_the_weighted_mean() -> None:
    tables = [table(50, seed=i, temperature=1 + i, latency_ms=2.0) for i in range(3)]
    expected = (tables[0].probabilities + 3 * tables[2].probabilities) / 4
    made = ensemble(tables, [1, 0, 3])
    np.testing.assert_allclose(made.probabilities, expected, rtol=1e-12)
    np.testing.assert_allclose(dataclasses.replace(made).probabilities, expected, rtol=1e-5)
    assert made.about.model == "0.25 model0 + 0.75 model2"
    assert made.about.latency_ms == 4
    assert len(made.about.model_hash) == 64
    assert made.about.model_hash == ensemble(tables[::-1], [3, 0, 1]).about.model_hash
    assert made.about.model_hash != ensemble(tables).about.model_hash
    for bad in ([1, 2], [-1, 1, 1], [0, 0, 0], [math.nan, 1, 1]):
        with pytest.raises(DataError, match="3 models need as many weights"):
            ensemble(tables, bad)


def test_fitted_weights_have_the_lowest_log_loss() -> None:
    tables = [table(800, seed=i, skill=s) for i, s in enumerate((1.5, 1.2, 0.2))]
    weights = fit_weights(tables)

    def loss(free: np.ndarray) -> float:
        shares = np.exp(free) / np.exp(free).sum()
        mixed = sum(w * t.probabilities for w, t in zip(shares, tables, strict=True))
        return float(-np.log(mixed[np.arange(800), tables[0].labels]).mean())

    best = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12, "maxiter": 5000})
    assert weights.sum() == pytest.approx(1)
    assert ensemble(tables, weights).scores().log_loss == pytest.approx(best.fun, abs=1e-7)


def test_weights_are_not_fitted_on_test() -> None:
    with pytest.raises(DataError, match="fitted on validation, not on 10 samples of test"):
        fit_weights([table(10, seed=i, split="test") for i in range(2)])

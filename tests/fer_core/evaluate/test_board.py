"""The leaderboard, what models cost, other data's test sets, and tables to be copied."""

import csv
import dataclasses
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.compare import Interval
from fer_core.evaluate.compare.export import as_csv, as_latex, as_markdown, shown
from fer_core.evaluate.compare.leaderboard import leaderboard
from fer_core.evaluate.compare.transfer import answerable, cell
from fer_core.evaluate.cost import Cost, Latency, cost, latency
from fer_core.labels import FER7, FERPLUS8, ClassSet
from fer_core.predict import Predictor
from tests.fer_core.evaluate.tables import table

Make = Callable[..., Any]


def test_the_best_comes_first_with_all_its_figures() -> None:
    weak, strong = table(300, seed=1, skill=0.5), table(300, seed=2, skill=2.5, latency_ms=1.25)
    strong = dataclasses.replace(strong, twins=np.arange(300) < 30)
    costs = {strong.about.model_hash: Cost(1000, 2_000_000, 4000)}
    first, second = leaderboard([weak, strong], costs, draws=100)
    scores, apart = strong.scores(), strong.take(np.arange(30, 300)).scores()
    assert (first.model, second.model) == ("model2", "model1")
    assert (first.accuracy.value, first.accuracy.low) == (scores.accuracy, scores.accuracy_interval[0])
    assert first.deduplicated == Interval(apart.accuracy, *apart.accuracy_interval)
    assert first.n_deduplicated == 270
    assert first.figures["log_loss"].value == pytest.approx(scores.log_loss)
    assert first.recalls["disgust"].value == scores.per_class["disgust"].recall
    row = first.row()
    assert (row["multiply-adds"], row["size (MB)"], row["latency (ms)"]) == (2_000_000, 0.004, 1.25)
    assert second.row()["parameters"] is None
    assert second.row()["top-1 without twins"] is None


def test_a_class_without_samples_has_no_recall_and_is_in_no_mean() -> None:
    given = table(200)
    without = given.take(given.labels != 2)  # no fear
    [standing] = leaderboard([without], draws=50)
    assert all(math.isnan(v) for v in (standing.recalls["fear"].value, standing.recalls["fear"].low))
    recalls = [s.recall for s in without.scores().per_class.values() if s.n]
    assert standing.figures["balanced_accuracy"].value == pytest.approx(sum(recalls) / 6)
    assert "| n/a |" in as_markdown([standing.row()])
    [nothing] = leaderboard([table(0)], draws=20)
    assert nothing.n == 0
    assert math.isnan(nothing.accuracy.value)


def test_multiply_adds_by_hand(make_checkpoint: Make) -> None:
    checkpoint = make_checkpoint(flip=False)
    network, seen = checkpoint.load(), []
    import torch

    def count(layer: Any, _: Any, out: Any) -> None:
        if isinstance(layer, torch.nn.Conv2d):
            seen.append(out.numel() * layer.weight[0].numel())
        elif isinstance(layer, torch.nn.Linear):
            seen.append(layer.weight.numel())

    for layer in network.modules():
        layer.register_forward_hook(count)
    network(torch.zeros(1, 1, 48, 48))
    found = cost(checkpoint)
    assert found.macs == sum(seen) > 0
    assert found.parameters == sum(p.numel() for p in network.parameters())
    assert found.size_bytes == (checkpoint.folder / "model.safetensors").stat().st_size
    mirrored = dataclasses.replace(checkpoint, card=checkpoint.card.model_copy(update={"flip": True}))
    assert cost(mirrored).macs == 2 * found.macs
    found_time = latency(Predictor(checkpoint), rounds=8)
    assert 0 < found_time.interval[0] <= found_time.median_ms <= found_time.interval[1]


def test_the_interval_of_the_median() -> None:
    """Of twenty times the 6th and the 15th: 2 x (1 + 20 + 190 + 1140 + 4845 + 15504) / 2^20 = 4.1 % lie outside."""
    found = Latency.of([float(i) for i in range(20, 0, -1)])
    assert (found.median_ms, found.interval, found.n) == (10.5, (6.0, 15.0), 20)
    assert np.isnan(Latency.of([1.0] * 5).interval).all()  # 2 / 2^5 = 6.25 % lie outside even the whole range
    assert Latency.of([2.0, 1.0, 3.0, 4.0, 6.0, 5.0]).interval == (1.0, 6.0)
    chance = np.random.default_rng(0)
    covered = [
        low <= np.log(2) <= high for low, high in (Latency.of(t).interval for t in chance.exponential(size=(2000, 40)))
    ]
    assert 0.94 <= np.mean(covered) <= 0.98


def test_samples_that_a_model_cannot_answer(drawn: SampleTable) -> None:
    six = ClassSet("six", tuple(n for n in FER7.names if n != "disgust"))
    kept, left_out = answerable(drawn, six)
    assert left_out == {"disgust": 28}
    assert len(kept) == 196 - 28
    with pytest.raises(DataError, match="None of the 196 samples"):
        answerable(drawn, ClassSet("ab", ("a", "b")))


def test_equal_classes_make_a_well_defined_cell() -> None:
    given = table(200)
    found = cell(given, FER7.names[::-1], trained_on="fer")
    assert found.told == ()
    assert found.accuracy.value == given.scores().accuracy
    assert (found.trained_on, found.tested_on, found.classes) == ("fer", "data0", FER7.names)


def test_other_classes_are_measured_over_the_shared_ones_and_told() -> None:
    given = table(400, classes=FERPLUS8.names)
    rows = given.labels != FERPLUS8.index("contempt")
    shared = [i for i, n in enumerate(FERPLUS8.names) if n != "contempt"]
    found = cell(given.take(rows), FER7.names)
    said = given.probabilities[rows][:, shared].argmax(1)
    names = [FERPLUS8.names[i] for i in shared]
    truth = np.array([names.index(FERPLUS8.names[i]) for i in given.labels[rows]])
    assert found.accuracy.value == pytest.approx(float((said == truth).mean()))
    assert "also says contempt" in found.told[0]
    back = cell(table(50), FERPLUS8.names, left_out={"contempt": 9})
    assert back.told == ("9 samples of contempt are left out: the model has no such class",)
    alone = cell(table(50), ("happy", "bored"))
    assert alone.scores is None
    assert math.isnan(alone.accuracy.value)
    assert "share 1 class(es)" in alone.told[-1]


ROWS = [
    {"model": "a|b_c", "n": 3589, "top-1": Interval(0.5, 0.4, 0.6), "F1": float("nan"), "size": 1.5},
    {
        "model": "=SUM(A1)",
        "n": 10,
        "top-1": Interval(float("nan"), float("nan"), float("nan")),
        "F1": 0.25,
        "size": None,
    },
]


def test_cells() -> None:
    assert shown(Interval(0.69295, 0.6777, 0.7078)) == "0.6930 [0.6777, 0.7078]" or shown(0.69295) == "0.6929"
    assert [shown(v) for v in (float("nan"), None, 1234, "x", 0.5)] == ["n/a", "n/a", "1,234", "x", "0.5000"]


def test_markdown() -> None:
    assert as_markdown(ROWS).splitlines() == [
        "| model | n | top-1 | F1 | size |",
        "| --- | ---: | ---: | ---: | ---: |",
        r"| a\|b_c | 3,589 | 0.5000 [0.4000, 0.6000] | n/a | 1.5000 |",
        "| =SUM(A1) | 10 | n/a | 0.2500 | n/a |",
    ]
    assert as_markdown([]) == as_latex([]) == as_csv([]) == ""


def test_latex() -> None:
    lines = as_latex(ROWS).splitlines()
    assert lines[0] == r"\begin{tabular}{lrrrr}"
    assert lines[4] == r"a|b\_c & 3,589 & 0.5000 [0.4000, 0.6000] & n/a & 1.5000 \\"
    assert lines[-1] == r"\end{tabular}"


def test_csv_keeps_all_digits_and_no_formula() -> None:
    first, second = csv.DictReader(io.StringIO(as_csv(ROWS)))
    assert (first["top-1"], first["top-1 low"], first["top-1 high"], first["F1"]) == ("0.5", "0.4", "0.6", "")
    assert second["model"] == "'=SUM(A1)"
    assert second["top-1 low"] == ""

"""A model over a data set: every sample once, matched by name, and nothing lost on the way."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.evaluation import evaluate
from fer_core.labels import AFFECTNET8, FER7, ClassSet
from fer_core.predict import Predictor

Make = Callable[..., Checkpoint]


def relabelled(samples: SampleTable, labels: list[str | None], classes: ClassSet) -> SampleTable:
    table = samples.table.set_column(3, "label", pa.array(labels, pa.string()))
    return dataclasses.replace(samples, table=table, classes=classes)


def test_every_sample_once_and_as_the_network_says(make_checkpoint: Make, drawn: SampleTable) -> None:
    samples = drawn.split("validation")
    checkpoint = make_checkpoint(temperature=1.7)
    seen: list[tuple[int, int]] = []
    found = evaluate(Predictor(checkpoint), samples, progress=lambda *at: seen.append(at))
    assert found.sample_ids == tuple(samples.table["sample_id"].to_pylist())
    np.testing.assert_array_equal(found.labels, samples.label_indices())
    x = torch.from_numpy((np.stack(samples.faces())[:, None] / 255 - 0.5) / 0.25).float()
    with torch.no_grad():
        logits = checkpoint.load()(x)
    np.testing.assert_allclose(found.logits, logits[None].numpy(), atol=1e-4)
    np.testing.assert_allclose(found.probabilities, (logits / 1.7).softmax(1).numpy(), atol=1e-5)
    assert seen[-1] == (56, 56)
    assert found.model_hash == checkpoint.card.weights_sha256
    assert found.data_hash == samples.data_hash()
    assert 0 < found.latency_ms < 1000
    scores = found.scores()
    assert scores.n == 56
    assert scores.accuracy == (logits.argmax(1).numpy() == samples.label_indices()).mean()


def test_labels_are_matched_by_name(make_checkpoint: Make, drawn: SampleTable) -> None:
    """Data in the order of FER7, a model in the order of AffectNet with one class more."""
    samples = drawn.split("test")
    found = evaluate(Predictor(make_checkpoint(classes=AFFECTNET8.names)), samples)
    # angry is AffectNet's class 6, disgust 5, fear 4, happy 1, sad 2, surprise 3, neutral 0.
    np.testing.assert_array_equal(found.labels, [6, 5, 4, 1, 2, 3, 0] * 4)
    assert found.classes == AFFECTNET8
    contempt = found.scores().per_class["contempt"]
    assert contempt.n == 0
    assert math.isnan(contempt.recall)


def test_a_label_that_the_model_does_not_know(make_checkpoint: Make, drawn: SampleTable) -> None:
    samples = drawn.split("test")
    labels: list[str | None] = ["contempt", "happy"] * 14
    with pytest.raises(DataError, match=r"label\(s\) contempt, which random does not know; its classes are angry"):
        evaluate(Predictor(make_checkpoint()), relabelled(samples, labels, AFFECTNET8))


def test_no_samples(make_checkpoint: Make) -> None:
    found = evaluate(Predictor(make_checkpoint(flip=True)), SampleTable.from_columns({}, FER7))
    assert found.logits.shape == (2, 0, 7)
    assert math.isnan(found.latency_ms)
    assert found.scores().n == 0
    assert math.isnan(found.scores().accuracy)


def test_both_views_count(make_checkpoint: Make, drawn: SampleTable) -> None:
    found: Any = evaluate(Predictor(make_checkpoint(flip=True)), drawn.split("test"))
    assert found.logits.shape == (2, 28, 7)
    views = torch.from_numpy(found.logits).double().softmax(2).numpy()
    np.testing.assert_allclose(found.probabilities, (views[0] + views[1]) / 2, atol=1e-12)


def test_samples_without_a_label_are_counted(make_checkpoint: Make, drawn: SampleTable) -> None:
    samples = drawn.split("test")
    names = samples.table["label"].to_pylist()
    bare = relabelled(samples, [None, None, *names[2:]], FER7)
    with pytest.raises(DataError, match=r"2 of 28 samples have no label"):
        evaluate(Predictor(make_checkpoint()), bare)


def test_twins_of_training_samples_are_told_apart(make_checkpoint: Make, drawn: SampleTable) -> None:
    """Three of the 28 faces lie in the training table as well, one of them twice and under another label."""
    samples, train = drawn.split("test"), drawn.split("train")
    copies = samples.table.take([4, 9, 27, 9])
    copies = copies.set_column(0, "sample_id", pa.array(["a", "b", "c", "d"]))
    copies = copies.set_column(3, "label", pa.array(["sad", "happy", "happy", "fear"]))
    seen = dataclasses.replace(train, table=pa.concat_tables([train.table, copies.cast(train.table.schema)]))
    found = evaluate(Predictor(make_checkpoint(flip=True)), samples, train=seen)
    assert found.twins is not None
    assert np.flatnonzero(found.twins).tolist() == [4, 9, 27]

    left = [i for i in range(28) if i not in {4, 9, 27}]
    right = found.probabilities.argmax(1) == samples.label_indices()
    apart = found.deduplicated()
    assert apart is not None
    assert apart.n == 25
    assert apart.accuracy == right[left].sum() / 25
    # Of FER7 the samples 4, 9 and 27 are sad, fear (9 = 7 + 2) and neutral (27 = 21 + 6).
    assert [s.n for s in apart.per_class.values()] == [4, 4, 3, 4, 3, 4, 3]

    told = found.as_json()
    assert told["twins_in_train"] == 3
    assert told["deduplicated"] == apart.as_json()
    official = found.scores().as_json()
    assert {key: told[key] for key in official} == official
    assert set(told) == {*official, "twins_in_train", "deduplicated"}
    assert "without the 3 samples that have an exact twin in the train split:\nn = 25; top-1" in found.as_text()


def test_twins_are_not_told_where_no_training_samples_are_given(make_checkpoint: Make, drawn: SampleTable) -> None:
    found = evaluate(Predictor(make_checkpoint()), drawn.split("test"))
    assert found.deduplicated() is None
    assert (found.as_json()["twins_in_train"], found.as_json()["deduplicated"]) == (None, None)
    assert found.as_text() == found.scores().as_text()


def test_where_every_sample_is_a_twin_nothing_is_left(make_checkpoint: Make, drawn: SampleTable) -> None:
    samples = drawn.split("test")
    found = evaluate(Predictor(make_checkpoint()), samples, train=samples)
    told = found.as_json()
    assert told["twins_in_train"] == told["n"] == 28
    assert (told["deduplicated"]["n"], told["deduplicated"]["accuracy"]) == (0, None)

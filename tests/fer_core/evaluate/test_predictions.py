"""Prediction tables: what is kept, what is refused, and what a second evaluation costs."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import softmax

from fer_core.card import read_card
from fer_core.data import SampleTable
from fer_core.errors import CheckpointError, DataError
from fer_core.evaluate.cached import evaluate_split
from fer_core.evaluate.evaluation import evaluate
from fer_core.evaluate.locked import looks, open_test
from fer_core.evaluate.predictions import About, Predictions
from fer_core.evaluate.shelf import find, list_predictions, load
from fer_core.export.shipping import ship
from fer_core.predict import Predictor
from tests.fer_core.evaluate.tables import permuted, sha256, table

Make = Callable[..., Any]


def test_what_is_saved_is_loaded_again() -> None:
    given = dataclasses.replace(table(50, views=2, temperature=1.7, latency_ms=2.5), twins=np.arange(50) % 3 == 0)
    file = given.save()
    assert file == find(sha256("model0"), given.about.data_hash, "validation")
    again = load(file)
    assert again.about == given.about
    assert again.sample_ids.to_pylist() == [f"sample-{i:06}" for i in range(50)]
    np.testing.assert_array_equal(again.labels, given.labels)
    np.testing.assert_array_equal(again.logits, given.logits)
    np.testing.assert_array_equal(again.twins, given.twins)
    expected = softmax(given.logits.astype(float) / 1.7, axis=2).mean(0)
    np.testing.assert_allclose(again.probabilities, expected, rtol=1e-12)
    np.testing.assert_array_equal(again.predicted, expected.argmax(1))
    np.testing.assert_allclose(again.losses, -np.log(expected[np.arange(50), given.labels]), rtol=1e-12)


def test_the_columns_on_disk_say_what_they_are() -> None:
    given = table(3, classes=("calm", "very_calm", "loud"), views=2, latency_ms=4.0)
    held = pq.read_table(given.save())
    logits = [f"logit_{v}_{c}" for v in (0, 1) for c in ("calm", "very_calm", "loud")]
    assert held.column_names == ["sample_id", "split", "label", "latency_ms", "twin", *logits]
    assert held["label"].to_pylist() == [given.about.classes[i] for i in given.labels]
    assert held["latency_ms"].to_pylist() == [4.0] * 3
    assert held["twin"].to_pylist() == [None] * 3
    np.testing.assert_array_equal(held["logit_1_very_calm"].to_numpy(), given.logits[1, :, 1])
    assert len(load(given.save()).logits) == 2


def test_a_part_has_the_figures_of_its_samples() -> None:
    given = table(100)
    whole = given.probabilities.copy()
    part = given.take(given.labels == 3)
    assert part.ids(np.array([0])) == [f"sample-{int(np.flatnonzero(given.labels == 3)[0]):06}"]
    np.testing.assert_array_equal(part.probabilities, whole[given.labels == 3])
    assert part.scores().n == int((given.labels == 3).sum())
    assert part.scores().accuracy == pytest.approx(float((whole.argmax(1) == given.labels)[given.labels == 3].mean()))


def test_no_sample_at_all() -> None:
    empty = table(0)
    assert load(empty.save()).scores().n == 0
    assert np.isnan(empty.scores().accuracy)


def test_what_is_refused() -> None:
    good = table(4)
    broken = good.logits.copy()
    broken[0, 2, 1] = np.nan
    with pytest.raises(DataError, match=r"1 of 4 samples have logits that are not finite.*'sample-000002'"):
        dataclasses.replace(good, logits=broken)
    with pytest.raises(DataError, match="'x' stands 2 times in the predictions of"):
        dataclasses.replace(good, sample_ids=pa.array(["x", "y", "x", "z"]))
    with pytest.raises(DataError, match=r"Labels lie in 0\.\.7"):
        dataclasses.replace(good, labels=np.array([0, 1, 2, 7]))
    with pytest.raises(DataError, match="shape"):
        dataclasses.replace(good, labels=good.labels[:3])
    with pytest.raises(CheckpointError, match=r"'\.\./\.\./x'"):
        table(4, model_hash="../../x").save()


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There are no predictions"):
        load(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="not a prediction table"):
        load(tmp_path / "bad.parquet")
    file = table(4).save()
    held = pq.read_table(file)
    pq.write_table(held.drop_columns(["logit_0_sad"]), file)
    with pytest.raises(DataError, match=r"lacks the column\(s\) logit_0_sad"):
        load(file)
    strange = held.set_column(2, "label", pa.array(["happy", "bored", "sad", "sad"]))
    pq.write_table(strange, file)
    with pytest.raises(DataError, match=r"1 label\(s\) outside its classes"):
        load(file)


def test_listing_reads_no_prediction_and_passes_over_what_is_none(home: Path) -> None:
    assert list_predictions() == []
    table(4, seed=1, created="2026-01-01T00:00:00+00:00").save()
    table(4, seed=2, split="test", created="2026-01-02T00:00:00+00:00").save()
    (home / "predictions" / "other.parquet").write_bytes(b"nothing")
    assert [(a.model, a.split) for a in list_predictions()] == [
        ("model2", "test"),
        ("model1", "validation"),
    ]
    assert looks() == ()


def test_the_test_split_is_locked_and_every_look_is_counted() -> None:
    given = table(4, split="test")
    file = given.save()
    for why in (None, "", "  ", "x" * 301):
        with pytest.raises(DataError, match="The test split is locked"):
            load(file, allow_test=why)
    assert looks() == ()
    load(file, allow_test="final figures\nof the paper")
    load(file, allow_test="again")
    open_test(sha256("another"), given.about.data_hash, "that one")
    assert [look.why for look in looks(given.about.model_hash)] == ["final figures of the paper", "again"]
    assert len(looks(data_hash=given.about.data_hash)) == 3
    assert looks(sha256("nobody")) == ()


def test_a_damaged_log_is_told(home: Path) -> None:
    open_test(sha256("m"), sha256("d"), "why")
    log = home / "predictions" / "test-looks.jsonl"
    log.write_text(log.read_text() + "half a li")
    with pytest.raises(DataError, match="is damaged"):
        looks()


class Counting(Predictor):
    """Counts what goes through the network."""

    passes = 0

    def logits(self, *args: Any, **more: Any) -> Any:
        Counting.passes += 1
        return super().logits(*args, **more)


@pytest.fixture
def passes() -> type[Counting]:
    Counting.passes = 0
    return Counting


def test_a_second_evaluation_answers_from_the_table(make_checkpoint: Make, drawn: SampleTable, passes: Any) -> None:
    predictor = Counting(make_checkpoint(flip=True))
    first = evaluate_split(predictor, drawn, "val", "drawn")
    assert passes.passes == 1
    second = evaluate_split(predictor, drawn, "validation", "drawn")
    assert passes.passes == 1
    np.testing.assert_array_equal(second.logits, first.logits)
    plain = evaluate(Predictor(make_checkpoint(flip=True)), drawn.split("validation"), train=drawn.split("train"))
    assert second.as_evaluation().as_json() == plain.as_json()
    assert json.dumps(plain.as_json())


def test_a_copy_under_another_name_answers_under_its_own(
    make_checkpoint: Make, drawn: SampleTable, passes: Any
) -> None:
    """The table is kept by the hash of the weights, which both have."""
    checkpoint = make_checkpoint()
    copy = dataclasses.replace(checkpoint, card=checkpoint.card.model_copy(update={"name": "copy"}))
    assert evaluate_split(Counting(checkpoint), drawn, "validation").about.model == "random"
    assert evaluate_split(Counting(copy), drawn, "validation").about.model == "copy"
    assert evaluate_split(Counting(checkpoint), drawn, "validation").about.model == "random"
    assert passes.passes == 1


def test_answers_of_another_precision_are_not_kept(make_checkpoint: Make, drawn: SampleTable) -> None:
    rough = evaluate_split(Predictor(make_checkpoint(), "bfloat16"), drawn, "validation")
    assert list_predictions() == []
    exact = evaluate_split(Predictor(make_checkpoint()), drawn, "validation")
    assert [about.model for about in list_predictions()] == ["random"]
    assert not np.array_equal(rough.logits, exact.logits)


def test_an_exported_file_answers_for_itself(make_checkpoint: Make, drawn: SampleTable) -> None:
    """The workspace holds PyTorch's answers, here made nonsense of, so that nobody can take them for the file's."""
    checkpoint = make_checkpoint()
    ship(checkpoint, "float32")
    checkpoint = dataclasses.replace(checkpoint, card=read_card(checkpoint.folder))
    kept = evaluate_split(Predictor(checkpoint), drawn, "validation")
    dataclasses.replace(kept, logits=-kept.logits).save()
    exported = evaluate_split(Predictor(checkpoint, exported=True), drawn, "validation")
    np.testing.assert_allclose(exported.logits, kept.logits, atol=1e-4)
    [about] = list_predictions()
    np.testing.assert_array_equal(load(about.file).logits, -kept.logits)  # nor does it replace them


def test_the_kept_table_follows_card_and_order(make_checkpoint: Make, drawn: SampleTable, passes: Any) -> None:
    checkpoint = make_checkpoint(flip=False)
    first = evaluate_split(Counting(checkpoint), drawn, "validation")
    warmer = dataclasses.replace(checkpoint, card=checkpoint.card.model_copy(update={"temperature": 2.0}))
    again = evaluate_split(Counting(warmer), drawn, "validation")
    assert passes.passes == 1
    np.testing.assert_allclose(again.probabilities, softmax(first.logits[0].astype(float) / 2, axis=1), rtol=1e-12)
    backwards = dataclasses.replace(drawn, table=drawn.table.take(np.arange(len(drawn))[::-1]))
    turned = evaluate_split(Counting(checkpoint), backwards, "validation")
    assert passes.passes == 1
    np.testing.assert_array_equal(turned.logits, first.logits[:, ::-1])
    mirrored = dataclasses.replace(checkpoint, card=checkpoint.card.model_copy(update={"flip": True}))
    assert len(evaluate_split(Counting(mirrored), drawn, "validation").logits) == 2
    assert passes.passes == 2
    other = checkpoint.card.preprocess.model_copy(update={"mean": (0.2,)})
    changed = dataclasses.replace(checkpoint, card=checkpoint.card.model_copy(update={"preprocess": other}))
    evaluate_split(Counting(changed), drawn, "validation")
    assert passes.passes == 3


def test_evaluating_the_test_split_needs_a_reason(make_checkpoint: Make, drawn: SampleTable) -> None:
    predictor = Predictor(make_checkpoint())
    with pytest.raises(DataError, match="locked"):
        evaluate_split(predictor, drawn, "test")
    found = evaluate_split(predictor, drawn, "test", allow_test="the test of this test")
    assert found.about.split == "test"
    assert [look.why for look in looks(predictor.card.weights_sha256)] == ["the test of this test"]


def test_permuting_samples_and_classes_changes_no_figure() -> None:
    given = table(300, views=2, temperature=1.3)
    chance = np.random.default_rng(1)
    other = permuted(given, chance.permutation(300), chance.permutation(7))
    mine, theirs = given.scores(), other.scores()
    assert (mine.accuracy, mine.balanced_accuracy, mine.macro_f1) == pytest.approx(
        (theirs.accuracy, theirs.balanced_accuracy, theirs.macro_f1), rel=1e-12
    )
    assert (mine.log_loss, mine.ece) == pytest.approx((theirs.log_loss, theirs.ece), rel=1e-9)
    assert all(mine.per_class[c].recall == theirs.per_class[c].recall for c in mine.classes)


def test_probabilities_alone_make_a_table() -> None:
    probabilities = np.array([[0.7, 0.3], [0.0, 1.0]])
    about = About(model="m", model_hash=sha256("m"), data_hash=sha256("d"), split="test", classes=("a", "b"))
    made = Predictions.of_probabilities(["x", "y"], np.array([0, 1]), probabilities, about)
    np.testing.assert_allclose(made.probabilities, probabilities, atol=1e-7)

"""What a run leaves behind beside its checkpoint: the predictions that its card's figures are of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.evaluate.cached import evaluate_split
from fer_core.evaluate.shelf import find, load_unlocked
from fer_core.predict import Predictor
from training.fit import Run, fit
from training.recipe import Recipe


def test_validation_is_not_predicted_a_second_time(
    few: SampleTable,
    tiny_recipe: Callable[..., Recipe],
    prepare: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = prepare(tiny_recipe(epochs=1), few)
    checkpoint = fit(run)
    validation = few.split("validation")
    expected = Predictor(checkpoint).logits(validation.faces())
    file = find(checkpoint.card.weights_sha256, validation.data_hash(), "validation")
    assert file is not None

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked again")

    monkeypatch.setattr(Predictor, "logits", never)
    kept = evaluate_split(Predictor(checkpoint), few, "validation")
    np.testing.assert_allclose(kept.logits, expected, rtol=1e-5, atol=1e-6)
    assert kept.about.data == "drawn"
    assert kept.right.mean() == pytest.approx(checkpoint.card.metrics["validation"]["accuracy"])
    in_run = load_unlocked(run.folder / "validation.parquet")  # what its record takes
    assert in_run.about.model_hash == checkpoint.card.weights_sha256
    assert in_run.sample_ids.equals(kept.sample_ids)

"""Evaluates a checkpoint on a split, once: a second time the prediction table answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fer_core.card import Card
from fer_core.data import SampleTable
from fer_core.data.schema import canonical_split
from fer_core.errors import DataError
from fer_core.evaluate.evaluation import Evaluation, evaluate, twins_of
from fer_core.evaluate.locked import open_test
from fer_core.evaluate.predictions import About, Predictions
from fer_core.evaluate.shelf import load_unlocked
from fer_core.predict import Predictor


def evaluate_split(
    predictor: Predictor,
    every: SampleTable,
    split: str,
    data: str = "",
    allow_test: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """The predictions of a checkpoint on one split, kept in the workspace.

    They are taken from there where the same weights, preprocessing and views have met the same samples; temperature and
    name are always those of the card. A table that is damaged is made again. Only PyTorch's answers in float32 are
    kept: those of other precisions and of exported files are others, and are measured anew.

    Args:
        predictor: the model.
        every: the whole data set; its train split tells which of the samples are exact copies of one.
        split: `train`, `validation`, `test`, or the source's own spelling.
        data: name of the data set, for the table.
        allow_test: why a test split is opened; needed for one, and logged.
        progress: called with (faces done, faces in all) after each batch.

    Raises:
        DataError: as `SampleTable.split`, `evaluate` and `open_test`; a network that gives no finite logits.
        CheckpointError: the card does not tell the hash of its weights.
    """
    samples, card = every.split(split), predictor.card
    about = _about(card, samples.data_hash(), canonical_split(split) or split, data)
    file = about.file  # refuses a card without a hash before any work is done
    if about.split == "test":
        open_test(about.model_hash, about.data_hash, allow_test)
    train = every.split("train") if "train" in every.splits() and about.split != "train" else None
    exact = predictor.precision == "float32" and predictor.backend == "PyTorch"
    kept = _kept(about, samples, 2 if card.flip else 1) if exact else None
    if kept is None:
        kept = _of(evaluate(predictor, samples, progress, train), about)
        if exact:
            kept.save()
        return kept
    twins = None if train is None else twins_of(samples, train)
    if not _same(twins, kept.twins) or not file.is_file():
        kept = replace(kept, twins=twins)
        kept.save()
    return kept.at_temperature(card.temperature).named(card.name)


def keep_evaluation(card: Card, found: Evaluation, split: str, data: str = "") -> Path:
    """Keeps what was evaluated elsewhere, in float32, where `evaluate_split` finds it; the file.

    Args:
        card: of the checkpoint that was evaluated.
        found: its answers.
        split: that they are for.
        data: name of the data set, for the table.

    Raises:
        CheckpointError: the card does not tell the hash of its weights.
    """
    return _of(found, _about(card, found.data_hash, split, data)).save()


def _about(card: Card, data_hash: str, split: str, data: str) -> About:
    return About(
        model=card.name, model_hash=card.weights_sha256, data=data, data_hash=data_hash, split=split,
        classes=card.class_set.names, temperature=card.temperature, preprocess=card.preprocess.model_dump_json(),
    )  # fmt: skip


def _of(found: Evaluation, about: About) -> Predictions:
    measured = None if np.isnan(found.latency_ms) else found.latency_ms
    return Predictions.of_evaluation(found, about.model_copy(update={"latency_ms": measured}))


def _kept(about: About, samples: SampleTable, views: int) -> Predictions | None:
    """The table of earlier where it holds for these samples and this card, in the samples' order."""
    if not about.file.is_file():
        return None
    try:
        found = load_unlocked(about.file)
    except DataError:
        return None
    was = found.about
    same = (was.model_hash, was.data_hash, was.classes, was.preprocess, len(found.logits)) == (
        about.model_hash, about.data_hash, about.classes, about.preprocess, views
    )  # fmt: skip
    if not same or len(found) != len(samples):
        return None
    ids = samples.table["sample_id"].combine_chunks()
    if not ids.equals(found.sample_ids):
        places = pc.index_in(ids, value_set=found.sample_ids)
        if places.null_count:
            return None
        found = found.take(np.asarray(places, dtype=np.int64))
    # Twins of pixels may stand under swapped ids: the labels must be those of these samples, one by one.
    labels = pc.index_in(samples.table["label"], value_set=pa.array(about.classes))
    return found if np.array_equal(np.asarray(labels), found.labels) else None


def _same(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    return first is second is None or (first is not None and second is not None and np.array_equal(first, second))

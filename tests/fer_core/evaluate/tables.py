"""Prediction tables made of chance, for tests."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from fer_core.evaluate.predictions import About, Predictions
from fer_core.labels import FER7


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def table(n: int = 400, seed: int = 0, skill: float = 1.5, of: int = 0, **about: Any) -> Predictions:
    """Predictions of a model (`seed`) on a data set (`of`); the labels are those of the data set."""
    classes = about.pop("classes", FER7.names)
    k, views = len(classes), about.pop("views", 1)
    labels = np.random.default_rng(1000 + of).choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    logits = np.random.default_rng(seed).normal(0, 1, (views, n, k)).astype(np.float32)
    logits[:, np.arange(n), labels] += skill
    values = {
        "model": f"model{seed}", "model_hash": sha256(f"model{seed}"), "data_hash": sha256(f"data{of}-{n}"),
        "data": f"data{of}", "split": "validation", "classes": classes,
    }  # fmt: skip
    ids = pa.array([f"sample-{i:06}" for i in range(n)], pa.string())
    return Predictions(ids, labels.astype(np.int64), logits, About.model_validate(values | about))


def permuted(given: Predictions, rows: Any = None, columns: Any = None) -> Predictions:
    """The same predictions with samples and classes in another order."""
    rows = np.arange(len(given)) if rows is None else np.asarray(rows)
    columns = np.arange(len(given.classes)) if columns is None else np.asarray(columns)
    about = given.about.model_copy(update={"classes": tuple(given.about.classes[i] for i in columns)})
    places = np.argsort(columns)
    return Predictions(
        given.sample_ids.take(pa.array(rows)), places[given.labels[rows]], given.logits[:, rows][:, :, columns], about
    )

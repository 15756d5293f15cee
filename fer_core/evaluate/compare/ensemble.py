"""Several models as one: the weighted mean of their probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_core.errors import DataError
from fer_core.evaluate.compare.aligned import aligned
from fer_core.evaluate.predictions import Predictions

_STEPS, _SMALL = 20_000, 1e-12


def ensemble(tables: Sequence[Predictions], weights: ArrayLike | None = None) -> Predictions:
    """The predictions of the weighted mean of the models' tempered probabilities.

    Args:
        tables: M tables of the same samples; `aligned` is applied.
        weights: (M,) 0 or more, brought to sum 1; None: all equal.

    Returns:
        A table whose model hash is that of the members' hashes and weights; its latency is the members' sum.

    Raises:
        DataError: as `aligned`, or weights that are negative, all 0, or not M.
    """
    tables = aligned(tables)
    given = np.ones(len(tables)) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (len(tables),) or not np.isfinite(given).all() or (given < 0).any() or given.sum() <= 0:
        raise DataError(f"{len(tables)} models need as many weights, 0 or more and not all 0; not {given.tolist()}.")
    given = given / given.sum()
    first = tables[0]
    mean = sum(w * table.probabilities for w, table in zip(given, tables, strict=True))
    members = [f"{t.about.model_hash}:{t.about.temperature:.6g}:{w:.6f}" for t, w in zip(tables, given, strict=True)]
    names = [f"{w:.2f} {t.about.model}" for t, w in zip(tables, given, strict=True) if w > 0]
    times = [t.about.latency_ms for t, w in zip(tables, given, strict=True) if w > 0]
    about = first.about.model_copy(
        update={
            "model": " + ".join(names),
            "model_hash": hashlib.sha256("\n".join(sorted(members)).encode()).hexdigest(),
            "temperature": 1.0,
            "preprocess": "",
            "latency_ms": None if None in times else sum(t for t in times if t is not None),
        }
    )
    logits = np.log(np.maximum(mean, 1e-15))[None].astype(np.float32)
    made = Predictions(first.sample_ids, first.labels, logits, about, first.twins)
    made.__dict__["probabilities"] = np.asarray(mean)  # as they are, not through the logarithm and back
    return made


def fit_weights(tables: Sequence[Predictions]) -> NDArray[np.float64]:
    """Weights of the mean with the lowest log-loss, by expectation-maximisation (Dempster et al. 1977).

    The log-loss of a mixture is convex in its weights, so that what is found is the best there is.

    Args:
        tables: M tables of the same validation samples; `aligned` is applied.

    Returns:
        (M,) 0 or more, sum 1.

    Raises:
        DataError: as `aligned`, no samples, or samples of the train or test split.
    """
    tables = aligned(tables)
    split, n = tables[0].about.split, len(tables[0])
    if split != "validation" or not n:
        raise DataError(
            f"Weights are fitted on validation, not on {n:,} samples of {split}: the members know the train split, and "
            "the test split is there to tell what came of it. Evaluate the models on validation first."
        )
    likely = np.stack([np.maximum(t.probabilities[np.arange(n), t.labels], 1e-15) for t in tables], axis=1)
    weights = np.full(len(tables), 1 / len(tables))
    for _ in range(_STEPS):
        share = likely * weights
        share /= share.sum(1, keepdims=True)
        better = share.mean(0)
        if np.abs(better - weights).max() < _SMALL:
            break
        weights = better
    return np.asarray(weights / weights.sum())

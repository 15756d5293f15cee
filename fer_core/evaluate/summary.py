"""Everything about the errors of one model as plain numbers, for the command line and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from fer_core.errors import DataError
from fer_core.evaluate.errors import class_figures, column, confusion, lens, with_threshold
from fer_core.evaluate.errors.remedies import Figures
from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.reliability import brier, classwise_ece, reliability
from fer_core.evaluate.slices import find_slices

_EXAMPLES = 20


def plain(value: Any) -> Any:
    """For JSON: NumPy's numbers as Python's, tuples as lists, and None for what is not finite."""
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def summary(predictions: Predictions, columns: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
    """Figures of all classes, one class under the lens, slices that fail, calibration.

    Args:
        predictions: N samples, at least one.
        columns: what is known of them, see `columns.columns_of`.
        name: of the class under the lens; None: the one with the lowest recall.

    Raises:
        DataError: no samples, or a class that there is none of.
    """
    if not len(predictions):
        raise DataError("There are no predictions to look for errors in; choose a split that has samples.")
    matrix = confusion(predictions)
    classes = class_figures(matrix.counts, matrix.classes)
    if name:
        name = predictions.classes.names[predictions.classes.index(name)]  # an alias such as joy has a name here
    else:
        name = min((c for c in classes if c.n), key=lambda c: c.recall).name
    slices = find_slices(~predictions.right, columns)
    ece = reliability(predictions.confidence, predictions.right)
    by_class, classwise = classwise_ece(predictions.probabilities, predictions.labels)
    answer = {
        "model": predictions.about.model,
        "split": predictions.about.split,
        "n": len(predictions),
        "accuracy": predictions.right.mean(),
        "accuracy_interval": wilson_interval(int(predictions.right.sum()), len(predictions)),
        "confusion": matrix.counts,
        "classes": [asdict(c) for c in classes],
        "lens": _lens(predictions, name),
        "slices": {
            "tested": slices.tested,
            "found": [{**asdict(one), "text": one.text} for one in slices.found],
        },
        "calibration": {
            "ece": ece.ece,
            "classwise_ece": classwise,
            "by_class": dict(zip(predictions.classes.names, by_class, strict=True)),
            "brier": brier(predictions.probabilities, predictions.labels).score,
            "bins": [asdict(b) for b in ece.bins],
        },
    }
    return dict(plain(answer))


def _lens(predictions: Predictions, name: str) -> dict[str, Any]:
    found, explained = lens(predictions, name), column(predictions, name)
    place = predictions.classes.index(name)

    def worth(figures: Figures) -> dict[str, Any]:
        of = figures.classes[place]
        return {
            "accuracy": figures.accuracy, "balanced_accuracy": figures.balanced_accuracy,
            "recall": of.recall, "precision": of.precision, "f1": of.f1,
        }  # fmt: skip

    remedies = []
    if found.n >= 2:
        for criterion in ("f1", "balanced_accuracy"):
            remedy = with_threshold(predictions, name, criterion)
            remedies.append(
                {
                    "what": remedy.what, "thresholds": [float(f[0]) for f in remedy.fitted],
                    "before": worth(remedy.before), "after": worth(remedy.after), "p": remedy.test.p,
                }
            )  # fmt: skip
    return {
        "name": found.name,
        "n": found.n,
        "goes": [asdict(f) for f in found.goes],
        "comes": [asdict(f) for f in found.comes],
        "column": {**asdict(explained), "text": explained.as_text()},
        "average_precision": found.curve.average_precision,
        "hardest": predictions.ids(found.hardest[:_EXAMPLES]),
        "missed": predictions.ids(found.missed[:_EXAMPLES]),
        "false_alarms": predictions.ids(found.false_alarms[:_EXAMPLES]),
        "remedies": remedies,
    }

"""Models against the test sets of other data: how far what was learnt on one holds on another.

Classes are matched by name. Where the two sides differ, a cell is measured over the classes that both have and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.metrics import Scores, score, wilson_interval
from fer_core.evaluate.predictions import Predictions
from fer_core.labels import ClassSet


@dataclass(frozen=True)
class Cell:
    """One model on one data set.

    Attributes:
        trained_on: data set of the model, or the model's name where that is not known.
        model: its name.
        tested_on: name of the data set.
        accuracy: top-1 over the shared classes, Wilson's bounds; NaN with n = 0.
        scores: all figures over the shared classes; None where there are fewer than two.
        classes: those that both sides have, in the model's order.
        told: what makes the cell ill-defined; empty where both sides have the same classes.
    """

    trained_on: str
    model: str
    tested_on: str
    accuracy: Interval
    scores: Scores | None
    classes: tuple[str, ...]
    told: tuple[str, ...]


def answerable(samples: SampleTable, classes: ClassSet) -> tuple[SampleTable, dict[str, int]]:
    """The samples whose label is one of a model's classes, and how many of each other class were left out.

    Raises:
        DataError: none is left.
    """
    labels = samples.table["label"].to_pylist()
    keep = [label in classes.names for label in labels]
    left_out: dict[str, int] = {}
    for label, kept in zip(labels, keep, strict=True):
        if not kept:
            left_out[label or "unlabelled"] = left_out.get(label or "unlabelled", 0) + 1
    if not any(keep):
        raise DataError(
            f"None of the {len(labels):,} samples has a label among {', '.join(classes.names)}; this model cannot be "
            "measured on this data."
        )
    return SampleTable(samples.table.filter(keep), samples.classes, samples.vote_classes), left_out


def cell(
    table: Predictions, data_classes: Sequence[str], trained_on: str = "", left_out: dict[str, int] | None = None
) -> Cell:
    """Measures one model on one data set over the classes that both have.

    Args:
        table: its predictions for the samples that it can answer, see `answerable`.
        data_classes: the data set's classes.
        trained_on: data set of the model.
        left_out: samples that it cannot answer, by class.
    """
    about = table.about
    shared = [name for name in about.classes if name in data_classes]
    only_model = [name for name in about.classes if name not in data_classes]
    only_data = [name for name in data_classes if name not in about.classes]
    told = []
    if only_data:
        n = sum((left_out or {}).values())
        told.append(f"{n:,} samples of {', '.join(only_data)} are left out: the model has no such class")
    if only_model:
        told.append(
            f"the model also says {', '.join(only_model)}, which the data lacks: those probabilities are left out and "
            "the rest brought to sum 1"
        )
    if len(shared) < 2:
        told.append(f"the two sides share {len(shared)} class(es), so that nothing can be told apart")
        undefined = Interval(*[float("nan")] * 3)
        return Cell(trained_on or about.model, about.model, about.data, undefined, None, tuple(shared), tuple(told))
    columns = np.array([about.classes.index(name) for name in shared])
    places = np.full(len(about.classes), -1)
    places[columns] = np.arange(len(columns))
    rows = places[table.labels] >= 0
    probabilities = table.probabilities[rows][:, columns]
    probabilities = probabilities / np.maximum(probabilities.sum(1, keepdims=True), 1e-300)
    labels = places[table.labels[rows]]
    found = score(probabilities, labels, ClassSet("shared", tuple(shared)))
    right = int(found.confusion.trace())
    accuracy = Interval(found.accuracy, *wilson_interval(right, found.n))
    return Cell(trained_on or about.model, about.model, about.data, accuracy, found, tuple(shared), tuple(told))

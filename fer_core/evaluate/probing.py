"""`python -m fer_core robustness` and `learning-curve`: what takes minutes, kept beside the prediction table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.cli import Json, emit, percent, progress_line
from fer_core.errors import DataError
from fer_core.evaluate.options import ASKED, CheckpointName, Data, Labels, Split, Truth, Why, ask, predicted

if TYPE_CHECKING:
    from fer_core.evaluate.errors.learning import LearningCurve

LEARNING, ROBUSTNESS = "learning", "robustness"


def register(app: typer.Typer) -> None:
    """Adds the commands to a command line."""
    app.command("robustness")(robustness_command)
    app.command("learning-curve")(learning_curve_command)


def robustness_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoint: CheckpointName,
    data: Data,
    split: Split = "validation",
    labels: Labels = None,
    each: Annotated[
        int | None,
        typer.Option(help="Faces of each class at most, drawn at random; default: what three minutes allow.", min=1),
    ] = None,
    truth: Truth = None,
    why: Why = ASKED,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint under noise, blur, JPEG, light, rotation and occlusion, class by class."""
    from fer_core.evaluate.results import keep_result
    from fer_core.evaluate.robustness import most_within, robustness, some_of_each
    from fer_core.predict import get_predictor

    asked = ask(checkpoint, data, split, labels, truth)
    found = predicted(asked, why)
    each = each or most_within(found.labels, found.about.latency_ms)
    rows = some_of_each(found.labels, each)
    samples = asked.every.split(split)
    faces = [samples.decode(int(row)) for row in rows]
    progress = progress_line("corrupted faces")
    curves = robustness(get_predictor(checkpoint), faces, found.labels[rows], progress=progress)
    answer = [curve.as_json() for curve in curves]
    keep_result(found.about, ROBUSTNESS, answer)
    lines = []
    for curve in curves:
        lines.append(f"{curve.corruption:<12}{curve.unit}")
        for severity, scores in zip(curve.severities, curve.scores, strict=True):
            lines.append(f"  {severity:>6g}: {percent(scores.accuracy, scores.accuracy_interval)}")
    told = f"top-1 of {len(rows):,} faces, at most {each:,} of each class, with Wilson's 95 % interval"
    emit(answer, as_json, "\n".join([told, *lines]))


def learning_curve_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoint: CheckpointName,
    data: Data,
    name: Annotated[str, typer.Option("--class", help="Class that the curve is of.")],
    split: Split = "validation",
    truth: Truth = None,
    why: Why = ASKED,
    as_json: Json = False,
) -> None:
    """Tell how the recall of a class grows with its training samples, and how many more a goal would need."""
    from fer_core.data.answers import load_features
    from fer_core.data.store import open_data_set
    from fer_core.evaluate.errors.learning import fitted_curve, measure_recalls
    from fer_core.evaluate.results import keep_result

    asked = ask(checkpoint, data, split, truth=truth)
    found, every = predicted(asked, why), asked.every
    if found.about.split == "train" or "train" not in every.splits():
        raise DataError(f"A learning curve learns from train and measures on another split, not on {split!r}.")
    data_set, label = open_data_set(str(data)), found.classes.index(name)
    features = load_features(data_set, found.about.model_hash)
    train = every.split("train")
    known = [found.classes.names.index(n) if n in found.classes.names else -1 for n in train.table["label"].to_pylist()]
    import numpy as np

    learnt = np.array(known, dtype=np.int64)
    rows = np.array(data_set.rows_of(train.table["sample_id"].to_pylist()))
    held_out = features[data_set.rows_of(found.sample_ids.to_pylist())]
    measured = measure_recalls(
        (features[rows[learnt >= 0]], learnt[learnt >= 0]), (held_out, found.labels), label,
        progress=progress_line("fits"),
    )  # fmt: skip
    keep_result(found.about, f"{LEARNING}-{label}", measured.as_json())
    curve = fitted_curve(measured)
    emit(measured.as_json(), as_json, _told(curve, name))


def _told(curve: LearningCurve, name: str) -> str:
    lines = [
        f"{n:>8,} samples of {name}: recall {percent(r)}" for n, r in zip(curve.samples, curve.recall, strict=True)
    ]
    return "\n".join(lines)

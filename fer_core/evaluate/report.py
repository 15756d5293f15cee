"""One run on paper: a self-contained HTML page, and a model card as Hugging Face knows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.card import Card
from fer_core.data.audit.page import STYLE
from fer_core.data.table import SampleTable
from fer_core.data.thumbnails import data_uri, fitted
from fer_core.evaluate.compare.bootstrap import Interval, bootstrap
from fer_core.evaluate.compare.export import as_markdown, shown
from fer_core.evaluate.errors import class_figures, confusion
from fer_core.evaluate.locked import looks
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.reliability import Reliability, brier, classwise_ece, reliability
from fer_core.evaluate.siblings import spread_text

Picture = NDArray[np.uint8]
_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc0-1.0")
_SIDE, _LONGEST_PX = 320, 96
_STYLE = """
.matrix td, .matrix th { text-align: right; padding: .35rem .6rem } .matrix th { font-weight: 500 }
svg { max-width: 26rem; color: var(--text) } td.number { text-align: right; font-variant-numeric: tabular-nums }
"""


def figures(predictions: Predictions, draws: int = 2000) -> dict[str, Interval]:
    """The headline figures with bounds: Wilson's for top-1, of the bootstrap for the rest; NaN on no samples.

    With no draws the rest have no bounds.
    """
    scores = predictions.scores()
    rows = {"top-1": Interval(scores.accuracy, *scores.accuracy_interval)}
    named = {"balanced accuracy": "balanced_accuracy", "macro-F1": "macro_f1", "log-loss": "log_loss", "ECE": "ece"}
    if not draws:
        return rows | {words: Interval(getattr(scores, name), math.nan, math.nan) for words, name in named.items()}
    drawn = bootstrap([predictions], draws)
    return rows | {words: drawn.interval(0, name) for words, name in named.items()}


def worst_errors(samples: SampleTable, predictions: Predictions, most: int = 24) -> list[tuple[Picture, str]]:
    """The most confident errors, each as it looks, with what it is and what is said.

    Args:
        samples: those that were answered, and perhaps others.
        predictions: the answers.
        most: so many at most; fewer where there are fewer errors.

    Raises:
        ImageError: a picture cannot be read (any more).
    """
    wrong = np.flatnonzero(~predictions.right)
    chosen = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:most]
    rows = pc.index_in(predictions.sample_ids.take(chosen), value_set=samples.table["sample_id"].combine_chunks())
    names = predictions.classes.names
    found = []
    for row, i in zip(rows, chosen, strict=True):
        if row.is_valid:
            said, sure = names[predictions.predicted[i]], predictions.confidence[i]
            words = f"{names[predictions.labels[i]]}, taken for {said} ({sure:.0%})"
            found.append((samples.decode(row.as_py()), words))
    return found


def html_report(card: Card, predictions: Predictions, pictures: Sequence[tuple[Picture, str]] = ()) -> str:
    """One page about a checkpoint and its predictions: no script, nothing fetched, light and dark.

    Args:
        card: of the checkpoint.
        predictions: what it answered on one split.
        pictures: faces with a caption each; only where the data's licence allows to pass them on.
    """
    about = predictions.about
    where = f"{escape(about.data or 'data')}, {escape(about.split)}, n = {len(predictions):,}"
    rows = "".join(
        f'<tr><td>{name}</td><td class="number">{shown(v)}</td></tr>' for name, v in figures(predictions).items()
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>{escape(card.name)}</title><style>{STYLE}{_STYLE}</style></head><body>",
            f'<h1>{escape(card.name)}</h1><p>{escape(card.summary)}</p><p class="quiet">{where}</p>',
            f"<section><h2>What it is</h2>{_facts(card, predictions)}</section>",
            f"<section><h2>Figures</h2><table>{rows}</table>{_twins(predictions)}</section>",
            f"<section><h2>Classes</h2>{_classes(predictions)}</section>",
            f"<section><h2>Confusion</h2>{_matrix(predictions)}</section>",
            f"<section><h2>Calibration</h2>{_calibration(predictions)}</section>",
            _gallery(pictures),
            "</body></html>",
        ]
    )


def _facts(card: Card, predictions: Predictions) -> str:
    facts = [
        ("Architecture", card.architecture), ("Parameters", f"{card.parameters:,}"),
        ("Classes", ", ".join(card.classes)), ("Weights", card.weights_sha256), ("Data", predictions.about.data_hash),
        ("Temperature", f"{predictions.about.temperature:.3f} {card.temperature_fitted_on}".strip()),
        ("Licence", card.licence), ("For", card.intended_use), ("Not for", card.limits),
    ]  # fmt: skip
    if card.trained:
        facts[2:2] = [
            ("Trained on", f"{card.trained.data}, {card.trained.n:,} faces (hash {card.trained.data_hash[:12]})"),
            ("Recipe", card.trained.recipe_name()), ("Began with", card.trained.origin()),
            ("Selected by", card.trained.selected_on),
        ]  # fmt: skip
    facts += [(f"One face, one thread, {name}", took.as_text()) for name, took in card.latency.items()]
    facts.append(("Top-1", spread_text(card)))
    if predictions.about.split == "test":
        many = len(looks(predictions.about.model_hash, predictions.about.data_hash))
        facts.append(("Looks at this test split", f"{many:,}"))
    rows = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in facts if value)
    return f"<table>{rows}</table>"


def _twins(predictions: Predictions) -> str:
    apart = predictions.without_twins()
    if apart is None:
        return '<p class="quiet">Intervals hold 95 %. Copies of training samples were not looked for.</p>'
    found = apart.scores()
    value = shown(Interval(found.accuracy, *found.accuracy_interval))
    left = len(predictions) - len(apart)
    return (
        f'<p class="quiet">Intervals hold 95 %. Without the {left:,} samples that have an exact copy in training: '
        f"top-1 {value}, n = {len(apart):,}.</p>"
    )


def _class_rows(predictions: Predictions) -> list[dict[str, object]]:
    found = class_figures(confusion(predictions).counts, predictions.classes)
    return [
        {
            "class": c.name, "n": c.n, "recall": Interval(c.recall, *c.recall_interval),
            "precision": Interval(c.precision, *c.precision_interval), "F1": Interval(c.f1, *c.f1_interval),
        }
        for c in found
    ]  # fmt: skip


def _classes(predictions: Predictions) -> str:
    rows = _class_rows(predictions)
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f'<td class="number">{escape(shown(v))}</td>' for v in row.values()) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _matrix(predictions: Predictions) -> str:
    found = confusion(predictions)
    shares, names = found.shares("row"), [escape(name) for name in found.classes.names]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = [
            f'<td style="background: rgba(0, 114, 178, {0 if math.isnan(share) else share:.2f})">{count:,}</td>'
            for count, share in zip(found.counts[i], shares[i], strict=True)
        ]
        rows.append(f"<tr><th>{name}</th>{''.join(cells)}</tr>")
    return (
        f'<table class="matrix"><tr><th></th>{head}</tr>{"".join(rows)}</table>'
        '<p class="quiet">Rows: as annotated; columns: as predicted; the shade is the share of the row.</p>'
    )


def _calibration(predictions: Predictions) -> str:
    found = reliability(predictions.confidence, predictions.right)
    score = brier(predictions.probabilities, predictions.labels)
    classwise = classwise_ece(predictions.probabilities, predictions.labels)[1]
    words = f"ECE {shown(found.ece)}, class-wise ECE {shown(classwise)}, Brier {shown(score.score)} (0 to 2)."
    return f"{_diagram(found)}<p>{words}</p>"


def _diagram(found: Reliability) -> str:
    """Share that is right (up) against confidence (right), as SVG."""
    bins = [b for b in found.bins if b.n]

    def at(x: float, y: float) -> str:
        return f"{30 + x * _SIDE:.1f},{10 + (1 - y) * _SIDE:.1f}"

    bars = "".join(
        f'<polyline points="{at(b.confidence, b.interval[0])} {at(b.confidence, b.interval[1])}" stroke="#8C8C8C"/>'
        for b in bins
    )
    line = " ".join(at(b.confidence, b.accuracy) for b in bins)
    return (
        f'<svg viewBox="0 0 {_SIDE + 50} {_SIDE + 50}" role="img" aria-label="Reliability diagram" fill="none">'
        f'<polyline points="{at(0, 1)} {at(0, 0)} {at(1, 0)}" stroke="currentColor"/>'
        f'<polyline points="{at(0, 0)} {at(1, 1)}" stroke="#8C8C8C" stroke-dasharray="4"/>{bars}'
        f'<polyline points="{line}" stroke="#0072B2" stroke-width="2"/>'
        f'<text x="{30 + _SIDE / 2}" y="{_SIDE + 40}" fill="currentColor" text-anchor="middle">confidence</text></svg>'
    )


def _gallery(pictures: Sequence[tuple[Picture, str]]) -> str:
    if not pictures:
        return ""
    shown_ones = "".join(
        f'<figure><img src="{data_uri(fitted(face, _LONGEST_PX))}" alt="{escape(words)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
        for face, words in pictures
    )
    return f'<section><h2>Most confident errors</h2><div class="pictures">{shown_ones}</div></section>'


def model_card(card: Card, predictions: Predictions) -> str:
    """`README.md` as Hugging Face shows it: metadata that its site reads, then the card in words and tables."""
    from huggingface_hub import EvalResult, ModelCardData

    about, found = predictions.about, figures(predictions)
    name_of_data = about.data or "unnamed"
    first = (card.licence.split() or [""])[0].strip(".,;").lower()
    known = first in _LICENCES
    names = {"top-1": "accuracy", "balanced accuracy": "balanced_accuracy", "macro-F1": "f1"}
    results = [
        EvalResult(
            task_type="image-classification", dataset_type=name_of_data, dataset_name=name_of_data,
            dataset_split=about.split, metric_type=names[name], metric_name=name, metric_value=round(value.value, 4),
        )
        for name, value in found.items()
        if name in names and not math.isnan(value.value)
    ]  # fmt: skip
    data = ModelCardData(
        license=first if known else "other",
        license_name=None if known or not card.licence else "see-below",
        tags=["facial-expression-recognition", "ferscope"],
        pipeline_tag="image-classification",
        model_name=card.name,
        eval_results=results or None,
    )
    trained = card.trained
    sections = {
        "What it is": f"{card.summary}\n\n{card.architecture}, {card.parameters:,} parameters; classes in the order of "
        f"the outputs: {', '.join(card.classes)}. Weights: SHA-256 `{card.weights_sha256}`.",
        "Intended use": card.intended_use,
        "Limits": card.limits,
        "Training": f"{trained.data}, {trained.n:,} faces, hash `{trained.data_hash}`. Recipe {trained.recipe_name()}; "
        f"{f'began with {trained.origin()}; ' if trained.origin() else ''}selected by {trained.selected_on}."
        if trained
        else "",
        "Preprocessing": f"```json\n{card.preprocess.model_dump_json(indent=2)}\n```",
        "Evaluation": f"{name_of_data} (hash `{about.data_hash}`), {about.split}, n = {len(predictions):,}; 95 % "
        f"intervals.\n\n{_headline(found, predictions)}\n{as_markdown(_class_rows(predictions))}".rstrip(),
        "Time": "\n".join(f"- one face, one thread, {name}: {took.as_text()}" for name, took in card.latency.items()),
        "Seeds": f"Top-1 on validation: {spread_text(card)}." if card.siblings else "",
        "Licence": card.licence,
    }
    body = "\n\n".join(f"## {name}\n\n{words}" for name, words in sections.items() if words.strip())
    return f"---\n{data.to_yaml()}\n---\n\n# {card.name}\n\n{body}\n"


def _headline(found: dict[str, Interval], predictions: Predictions) -> str:
    """The figures of all samples, and of those without an exact copy in training, as a table."""
    apart = predictions.without_twins()
    rows: list[dict[str, object]] = [{"samples": "all", "n": len(predictions), **found}]
    if apart is None:
        return f"{as_markdown(rows)}\nCopies of training samples were not looked for.\n"
    rows.append({"samples": "without exact copies of training samples", "n": len(apart), **figures(apart)})
    return as_markdown(rows)

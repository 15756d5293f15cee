"""`python -m fer_core evaluate`, `compare`, `errors` and `report`: measure models, and say why they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_core.cli import Json, emit, percent, progress_line
from fer_core.errors import DataError
from fer_core.evaluate import probing
from fer_core.evaluate.options import (
    ASKED,
    CheckpointName,
    Data,
    Labels,
    PrecisionName,
    Split,
    Truth,
    Why,
    ask,
    predicted,
)

if TYPE_CHECKING:
    from fer_core.card import Card, LabelSource
    from fer_core.evaluate.compare import Pair
    from fer_core.evaluate.cost import Cost
    from fer_core.evaluate.predictions import Predictions


def register(app: typer.Typer) -> None:
    """Adds the commands to a command line."""
    app.command("evaluate")(evaluate_command)
    app.command("compare")(compare_command)
    app.command("errors")(errors_command)
    app.command("report")(report_command)
    app.command("card")(card_command)
    probing.register(app)


def evaluate_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoint: CheckpointName,
    data: Data,
    split: Split,
    labels: Labels = None,
    shared: Annotated[
        bool, typer.Option("--shared-classes", help="Leave out samples of classes that the checkpoint does not have.")
    ] = False,
    precision: PrecisionName = "float32",
    onnx: Annotated[bool, typer.Option("--onnx", help="Ask the exported file, as int8 always does.")] = False,
    truth: Truth = None,
    why: Why = ASKED,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint on one split of face crops, with and without exact twins of those in the train split."""
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.labelling import in_words
    from fer_core.evaluate.compare.transfer import answerable

    asked = ask(checkpoint, data, split, labels, truth)
    if shared:
        asked = replace(asked, every=answerable(asked.every, open_checkpoint(checkpoint).card.class_set)[0])
    found = predicted(asked, why, precision, exported=onnx).as_evaluation()
    by = {"precision": precision, "backend": "ONNX Runtime" if onnx or precision == "int8" else "PyTorch"}
    answer = {**found.as_json(), "labels": asked.truth, "left_out": asked.left_out, **by}
    told = "" if asked.truth == "given" else f"{in_words(asked.truth, asked.left_out)}\n"
    emit(answer, as_json, told + found.as_text())


def card_command(
    checkpoint: Annotated[str, typer.Argument(help="Name or folder of a checkpoint; its card is written.")],
    data: Data,
    labels: Labels = None,
    sibling: Annotated[
        list[str] | None, typer.Option(help="Checkpoint of the same recipe with another seed; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Complete a card: figures of the shipped files, time for one face on one thread, mean and spread of the seeds."""
    from fer_core.card import write_card
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.opening import open_samples
    from fer_core.evaluate.complete import complete
    from fer_core.evaluate.siblings import spread_text

    opened = open_checkpoint(checkpoint)
    others = [open_checkpoint(name) for name in sibling or []]
    card = complete(opened, open_samples(data, labels), others, progress_line("faces"))
    write_card(opened.folder, card)
    measured = card.metrics["validation"]
    lines = [f"validation: {percent(measured['accuracy'])} (n = {measured['n']:,}), written to {opened.folder}"]
    lines += [f"one face, one thread, {name}: {took.as_text()}" for name, took in card.latency.items()]
    lines += [f"top-1: {spread_text(card)}"] if card.siblings else []
    emit(card.model_dump(mode="json", include={"metrics", "latency", "siblings"}), as_json, "\n".join(lines))


def compare_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoints: Annotated[list[str], typer.Argument(help="Two checkpoints or more.", show_default=False)],
    data: Data,
    split: Split = "validation",
    labels: Labels = None,
    draws: Annotated[int, typer.Option(help="Draws of the bootstrap.", min=100, max=100_000)] = 2000,
    table: Annotated[str, typer.Option(help="The leaderboard as markdown, latex or csv instead of text.")] = "",
    truth: Truth = None,
    why: Why = ASKED,
    as_json: Json = False,
) -> None:
    """Say whether one checkpoint is really better than another: McNemar, paired bootstrap, Holm, class by class."""
    from fer_core.checkpoint import open_checkpoint
    from fer_core.evaluate.compare.export import as_csv, as_latex, as_markdown
    from fer_core.evaluate.cost import cost

    ways = {"": as_markdown, "markdown": as_markdown, "latex": as_latex, "csv": as_csv}
    if table not in ways:
        raise DataError(f"--table is {table!r}; it must be markdown, latex or csv.")
    if len(checkpoints) < 2:
        raise DataError(f"Only {checkpoints[0]} was named; a comparison needs two checkpoints or more.")
    opened = [open_checkpoint(name) for name in checkpoints]
    truth = truth or _one_truth([one.card for one in opened])
    tables = [predicted(ask(name, data, split, labels, truth), why) for name in checkpoints]
    rows, pairs, answer = _compared(tables, {one.card.weights_sha256: cost(one) for one in opened}, draws)
    text = ways[table](rows) if table else "\n\n".join([as_markdown(rows).rstrip(), *(p.as_text() for p in pairs)])
    emit({"labels": truth, **answer}, as_json, text)


def _one_truth(cards: Sequence[Card]) -> LabelSource:
    """The labels that all of them learnt.

    Raises:
        DataError: they learnt others.
    """
    learnt = {card.label_source: card.name for card in reversed(cards)}
    if len(learnt) > 1:
        told = ", ".join(f"{name} learnt the labels {source!r}" for source, name in sorted(learnt.items()))
        raise DataError(f"{told}; say with --truth which of them all are measured by.")
    return next(iter(learnt))


def _compared(
    tables: Sequence[Predictions], costs: dict[str, Cost], draws: int
) -> tuple[list[dict[str, Any]], list[Pair], dict[str, Any]]:
    """Rows of the leaderboard, pairs, and all of it as plain numbers."""
    from fer_core.evaluate.compare import agreement, compare
    from fer_core.evaluate.compare.leaderboard import leaderboard
    from fer_core.evaluate.compare.pairs import plain

    rows = [standing.row() for standing in leaderboard(tables, costs, draws)]
    pairs, _ = compare(tables, draws)
    same = agreement(tables)
    answer = {
        "split": tables[0].about.split,
        "n": len(tables[0]),
        "data_hash": tables[0].about.data_hash,
        "leaderboard": [{name: _json(value) for name, value in row.items()} for row in rows],
        "pairs": [pair.as_json() for pair in pairs],
        "agreement": {"models": list(same.models), "share": [[plain(v) for v in row] for row in same.share]},
    }
    return rows, pairs, answer


def _json(value: Any) -> Any:
    from fer_core.evaluate.compare import Interval
    from fer_core.evaluate.compare.pairs import plain

    if isinstance(value, Interval):
        return {"value": plain(value.value), "low": plain(value.low), "high": plain(value.high)}
    return plain(value) if isinstance(value, float) else value


def errors_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoint: CheckpointName,
    data: Data,
    split: Split = "validation",
    labels: Labels = None,
    name: Annotated[str | None, typer.Option("--class", help="Class under the lens; default: the worst.")] = None,
    truth: Truth = None,
    why: Why = ASKED,
    as_json: Json = False,
) -> None:
    """Say where a checkpoint fails: class by class, one class under the lens, slices of the data, calibration."""
    from fer_core.evaluate.columns import columns_of
    from fer_core.evaluate.summary import summary

    asked = ask(checkpoint, data, split, labels, truth)
    found = predicted(asked, why)
    answer = {"labels": asked.truth, **summary(found, columns_of(asked.every.split(split), found), name)}
    emit(answer, as_json, _text(answer))


def _text(answer: dict[str, Any]) -> str:
    right = percent(answer["accuracy"], answer["accuracy_interval"])
    lines = [f"{answer['model']} on {answer['split']}, n = {answer['n']:,}: {right} right"]
    for row in answer["classes"]:
        shown = [f"{k} {percent(row[k], row[f'{k}_interval'])}" for k in ("recall", "precision", "f1")]
        lines.append(f"  {row['name']:<12}{'; '.join(shown)}; n = {row['n']:,}")
    lens = answer["lens"]
    lines.append(f"{lens['name']}, n = {lens['n']:,}: average precision {percent(lens['average_precision'])}")
    lines += [f"  taken for {f['name']:<12}{f['n']:>7,}  {percent(f['share'], f['interval'])}" for f in lens["goes"]]
    lines.append(f"  {lens['column']['text']}")
    for remedy in lens["remedies"]:
        before, after = (f"{percent(remedy[when]['recall'])}" for when in ("before", "after"))
        whole = f"{percent(remedy['before']['accuracy'])} -> {percent(remedy['after']['accuracy'])}"
        lines.append(f"  {remedy['what']}: recall {before} -> {after}, top-1 {whole} (each half by the other)")
    lines.append(f"slices that fail ({answer['slices']['tested']:,} tested, Benjamini-Hochberg at 5 %):")
    lines += [
        f"  {s['text']}: {percent(s['error'], s['interval'])} wrong against {percent(s['rest'])}, n = {s['n']:,}"
        for s in answer["slices"]["found"][:10]
    ] or ["  none"]
    calibration = answer["calibration"]
    lines.append(
        f"ECE {_number(calibration['ece'])}, class-wise {_number(calibration['classwise_ece'])}, "
        f"Brier {_number(calibration['brier'])}"
    )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def report_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoint: CheckpointName,
    data: Data,
    split: Split = "validation",
    labels: Labels = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page to this file.")] = None,
    readme: Annotated[Path | None, typer.Option(help="Write a Hugging Face model card to this file.")] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Show faces in the page; only where the data's licence allows it.")
    ] = False,
    truth: Truth = None,
    why: Why = ASKED,
) -> None:
    """Write a report of a checkpoint on one split: a page (--html), a model card (--readme), or both."""
    from fer_core.checkpoint import open_checkpoint
    from fer_core.evaluate.report import html_report, model_card, worst_errors

    if html is None and readme is None:
        raise DataError("Nothing to write: name a file with --html or --readme.")
    asked = ask(checkpoint, data, split, labels, truth)
    found = predicted(asked, why)
    card = open_checkpoint(checkpoint).card
    if html is not None:
        _write(html, html_report(card, found, worst_errors(asked.every, found) if pictures else ()))
    if readme is not None:
        _write(readme, model_card(card, found))


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{file} cannot be written ({error}); choose another place.") from error
    typer.echo(f"written: {file}")

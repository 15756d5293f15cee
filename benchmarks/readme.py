"""Writes the README's tables between their marks: scores from the cards of the shipped checkpoints, speed by measuring.

    python -m benchmarks.readme [--scores | --check]

`--scores` leaves the speed table as it is. `--check` writes nothing and fails where the scores are not those of the
cards. Measure speed on an idle machine.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.timing import Figure
from fer_core.card import CARD, Card, LabelSource, Timing, read_card
from fer_core.cli import percent
from fer_core.data.labelling import WORDS
from fer_core.evaluate.complete import processor
from fer_core.evaluate.siblings import spread_text
from fer_core.workspace import SHIPPED_CHECKPOINTS

SCRIPTS: tuple[str, ...] = (
    "app_start",
    "photo_to_map",
    "gradcam_cost",
    "batch_maps",
    "compact_latency",
    "import_csv",
    "near_duplicates",
    "browse",
    "errors_page",
    "live_pipeline",
    "first_step",
    "live_browser",
    "train_throughput",
)
README = Path(__file__).resolve().parent.parent / "README.md"


_COLUMNS = (
    *("checkpoint", "parameters", "faces", "top-1 [95 % interval]"),
    *("balanced accuracy", "macro-F1", "ECE", "one face"),
)


def scores() -> str:
    """All shipped checkpoints on validation, and their recall of each class; those of one kind of labels together."""
    cards = [read_card(file.parent) for file in sorted(SHIPPED_CHECKPOINTS.glob(f"*/{CARD}"))]
    by_labels = {source: [c for c in cards if c.label_source == source] for source in WORDS}
    return "\n\n".join(_table(source, of) for source, of in by_labels.items() if of)


def _table(source: LabelSource, cards: list[Card]) -> str:
    counts = {name: row["n"] for name, row in cards[0].metrics["validation"]["per_class"].items()}
    recall = [[c.metrics["validation"]["per_class"][name] for c in cards] for name in counts]
    return "\n".join(
        [
            f"Labels: {WORDS[source]}.",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            "|---|--:|--:|---|--:|--:|--:|--:|",
            *(line for card in cards for line in _lines(card)),
            "",
            f"| recall of | n | {' | '.join(f'`{card.name}`' for card in cards)} |",
            f"|---|--:|{'---|' * len(cards)}",
            *(
                f"| {name} | {n:,} | {' | '.join(percent(r['recall'], r['recall_interval']) for r in row)} |"
                for (name, n), row in zip(counts.items(), recall, strict=True)
            ),
        ]
    )


def _lines(card: Card) -> list[str]:
    figures = card.metrics["validation"]
    lines = [_line(f"`{card.name}`", f"{card.parameters:,}", figures, card.latency.get("float32"))]
    if figures.get("deduplicated"):
        what = f"without {figures['twins_in_train']:,} exact twins of training faces"
        lines.append(_line(what, "", figures["deduplicated"]))
    if "int8" in card.exports:
        eight_bits = card.exports["int8"].metrics["validation"]
        lines.append(_line("the same in 8 bits", "", eight_bits, card.latency.get("int8")))
    if card.siblings:
        lines.append(f"| its recipe: {spread_text(card)} |  |  |  |  |  |  |  |")
    return lines


def _line(name: str, parameters: str, row: dict[str, Any], took: Timing | None = None) -> str:
    rate = percent(row["accuracy"], row["accuracy_interval"])
    balanced = percent(row["balanced_accuracy"])
    time = f"{took.median_ms:.1f} ms" if took else ""
    figures = f"{rate} | {balanced} | {row['macro_f1']:.3f} | {row['ece']:.3f} | {time}"
    return f"| {name} | {parameters} | {row['n']:,} | {figures} |"


def speed() -> str:
    """Every figure of the other scripts, measured now on this machine."""
    cores, torch = os.cpu_count(), version("torch")
    lines = [
        f"Measured on {datetime.now(UTC):%d %B %Y}: {cores} cores of {processor()}, PyTorch {torch}, medians.",
        "",
        "| what | measured | goal | script |",
        "|---|---|---|---|",
    ]
    # Each in a process of its own: threads and memory of one would be measured with the next.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as apart:
        for script, figures in zip(SCRIPTS, apart.map(_figures, SCRIPTS), strict=True):
            for figure in figures:
                measured = figure.measured if figure.met else f"{figure.measured}: **missed**"
                lines.append(f"| {figure.what} | {measured} | {figure.goal} | `{script}` |")
    return "\n".join(lines)


def _figures(script: str) -> list[Figure]:
    figures: list[Figure] = importlib.import_module(f"benchmarks.{script}").figures()
    return figures


def between_marks(text: str, mark: str) -> tuple[str, str, str]:
    """What comes before a marked part of a text, the part, and what comes after.

    Raises:
        SystemExit: the text has no such marks, or has them twice.
    """
    found = re.fullmatch(rf"(.*<!-- {mark} -->\n)(.*?)(\n<!-- /{mark} -->.*)", text, re.DOTALL)
    if not found or text.count(f"<!-- {mark} -->") != 1:
        raise SystemExit(f"{README} needs <!-- {mark} --> and <!-- /{mark} --> around one table, each on its own line.")
    return found[1], found[2], found[3]


def main() -> None:
    """Writes what was asked for."""
    parser = argparse.ArgumentParser(description="Write the README's tables of scores and speed.")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--scores", action="store_true", help="only the scores")
    asked.add_argument("--check", action="store_true", help="only compare the scores with the cards")
    given = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    before, written, after = between_marks(text, "scores")
    if given.check:
        if written != scores():
            raise SystemExit(
                "The README's scores are not those of the cards; run python -m benchmarks.readme --scores."
            )
        return
    text = before + scores() + after
    if not given.scores:
        before, _, after = between_marks(text, "speed")
        text = before + speed() + after
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

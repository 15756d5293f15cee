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
from fer_core.card import CARD, Card, read_card
from fer_core.cli import percent
from fer_core.evaluate.complete import processor
from fer_core.workspace import DEFAULT_CHECKPOINT, SHIPPED_CHECKPOINTS

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


def scores() -> str:
    """All shipped checkpoints on validation, and the recall of each class for the first choice among them."""
    cards = [read_card(file.parent) for file in sorted(SHIPPED_CHECKPOINTS.glob(f"*/{CARD}"))]
    lines = [
        "| checkpoint | parameters | validation faces | top-1 [95 % interval] | balanced accuracy | macro-F1 | ECE |",
        "|---|--:|--:|---|--:|--:|--:|",
        *(line for card in cards for line in _lines(card)),
        "",
        f"Recall of `{DEFAULT_CHECKPOINT}` by class:",
        "",
        "| class | n | recall | 95 % interval |",
        "|---|--:|--:|---|",
    ]
    default = next(card for card in cards if card.name == DEFAULT_CHECKPOINT)
    for name, row in default.metrics["validation"]["per_class"].items():
        rate, _, interval = percent(row["recall"], row["recall_interval"]).partition(" [")
        lines.append(f"| {name} | {row['n']:,} | {rate} | [{interval} |")
    return "\n".join(lines)


def _lines(card: Card) -> list[str]:
    figures = card.metrics["validation"]
    lines = [_line(f"`{card.name}`", f"{card.parameters:,}", figures)]
    if figures.get("deduplicated"):
        what = f"without {figures['twins_in_train']:,} exact twins of training faces"
        lines.append(_line(what, "", figures["deduplicated"]))
    if "int8" in card.exports:
        lines.append(_line("the same in 8 bits", "", card.exports["int8"].metrics["validation"]))
    return lines


def _line(name: str, parameters: str, row: dict[str, Any]) -> str:
    rate = percent(row["accuracy"], row["accuracy_interval"])
    balanced = percent(row["balanced_accuracy"])
    return f"| {name} | {parameters} | {row['n']:,} | {rate} | {balanced} | {row['macro_f1']:.3f} | {row['ece']:.3f} |"


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

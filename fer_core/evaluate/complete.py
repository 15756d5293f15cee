"""Completes a card with what only the finished files can tell: their figures, their time for a face, other seeds."""

from __future__ import annotations

import platform
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from fer_core.card import Card, Export, Precision, Sibling, Timing
from fer_core.checkpoint import Checkpoint
from fer_core.cli import percent
from fer_core.data import SampleTable
from fer_core.data.labelling import under_labels
from fer_core.errors import DataError
from fer_core.evaluate.cost import latency
from fer_core.evaluate.evaluation import Evaluation, evaluate, same_top1
from fer_core.predict import Predictor

_ROUNDS = 200


def complete(
    checkpoint: Checkpoint,
    samples: SampleTable,
    siblings: Sequence[Checkpoint] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Card:
    """The card with its validation figures measured anew, the time for one face on one thread, and its siblings.

    The exported files that it names are measured too, on the same samples.

    Args:
        checkpoint: whose files are measured; nothing is written.
        samples: the data set that it was trained on; its validation split is measured by the labels that were learnt.
        siblings: checkpoints of the same recipe on the same data with other seeds; none: those in the card stay.
        progress: called with (faces done, faces in all).

    Raises:
        DataError: no validation split, no votes where they are needed, or a sibling of another recipe or other data, or
            of the same seed.
        CheckpointError: files are missing or changed.
    """
    card = checkpoint.card
    samples = under_labels(samples, card.label_source, card.classes)
    train = samples.split("train") if "train" in samples.splits() else None
    held = samples.split("validation")
    reference = evaluate(Predictor(checkpoint), held, progress, train)
    found = reference.as_json()
    exports, latency = {}, {"float32": one_face(checkpoint, "float32")}
    for precision, export in card.exports.items():
        file = evaluate(Predictor(checkpoint, precision, exported=True), held, progress, train)
        exports[precision] = with_figures(export, file, reference)
        name = "int8" if precision == "int8" else "float32-onnx"
        latency[name] = one_face(checkpoint, precision, exported=True)
    changes = {
        "metrics": card.metrics | {"validation": found},
        "exports": exports,
        "latency": latency,
        "siblings": tuple(_sibling(card, other.card, found["n"]) for other in siblings) or card.siblings,
    }
    return card.model_copy(update=changes)


def with_figures(export: Export, found: Evaluation, reference: Evaluation) -> Export:
    """An exported file's entry with its validation figures, beside PyTorch's in float32 on the same samples."""
    metrics = export.metrics | {"validation": found.as_json()}
    return export.model_copy(update={"metrics": metrics, "same_top1": same_top1(found, reference)})


def one_face(checkpoint: Checkpoint, precision: Precision, rounds: int = _ROUNDS, *, exported: bool = False) -> Timing:
    """The time for one face on one thread of this machine, by PyTorch or by the exported file.

    Raises:
        CheckpointError: files are missing or changed.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a predictor takes as many threads as torch has when it is made
    try:
        took = latency(Predictor(checkpoint, precision, exported=exported), rounds)
    finally:
        torch.set_num_threads(threads)
    return Timing(median_ms=took.median_ms, interval=took.interval, n=took.n, threads=1, machine=processor())


def processor() -> str:
    """This machine's processor in words."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.is_file() else None
    return named[1] if named else platform.processor() or platform.machine()


def spread(card: Card) -> tuple[float, float, int] | None:
    """Mean and sample standard deviation of top-1 over the seeds, and how many; None without siblings."""
    if not card.siblings:
        return None
    reached = [card.metrics["validation"]["accuracy"], *(sibling.accuracy for sibling in card.siblings)]
    return statistics.mean(reached), statistics.stdev(reached), len(reached)


def spread_text(card: Card) -> str:
    """For a line: what the seeds reached; empty without siblings."""
    found = spread(card)
    if not found:
        return ""
    return f"mean {percent(found[0])}, standard deviation {100 * found[1]:.2f} points over {found[2]} seeds"


def _sibling(card: Card, other: Card, n: int) -> Sibling:
    mine, theirs = card.trained, other.trained
    if mine is None or theirs is None:
        raise DataError(f"{(card if mine is None else other).name} was not trained here: it has no recipe to compare.")
    same = {"seed": 0, "name": "", "summary": "", "licence": "", "intended_use": "", "limits": ""}
    if mine.recipe | same != theirs.recipe | same or mine.data_hash != theirs.data_hash:
        raise DataError(f"{other.name} is no sibling of {card.name}: its recipe or its training data differ.")
    if mine.seed == theirs.seed:
        raise DataError(f"{other.name} has the seed {theirs.seed} of {card.name}; a sibling needs another one.")
    reached = other.metrics.get("validation")
    if reached is None or reached["n"] != n:
        raise DataError(f"{other.name} was not measured on the {n:,} validation samples of {card.name}.")
    return Sibling(
        seed=theirs.seed,
        weights_sha256=other.weights_sha256,
        accuracy=reached["accuracy"],
        balanced_accuracy=reached["balanced_accuracy"],
        n=n,
    )

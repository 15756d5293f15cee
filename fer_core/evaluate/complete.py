"""Completes a card with what only the finished files can tell: their figures, their time for a face, other seeds."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from fer_core.card import Card, Export, Precision, Timing
from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.data.labelling import under_labels
from fer_core.evaluate.cost import latency
from fer_core.evaluate.evaluation import Evaluation, evaluate, same_top1
from fer_core.evaluate.siblings import measured_siblings
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
        DataError: no validation split, no votes where they are needed, or as `measured_siblings`.
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
        "siblings": measured_siblings(card, siblings, held, progress) or card.siblings,
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

"""What the commands about predictions share: their options, and the predictions themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.card import LabelSource, Precision
from fer_core.cli import progress_line

if TYPE_CHECKING:
    from fer_core.data import SampleTable
    from fer_core.evaluate.predictions import Predictions
    from fer_core.predict import Predictor

CheckpointName = Annotated[str, typer.Option("--checkpoint", help="Name or folder of a checkpoint.")]
Data = Annotated[
    Path, typer.Option("--data", help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")
]
Labels = Annotated[Path | None, typer.Option("--labels", help="FER+ votes (fer2013new.csv) for FER2013.")]
Split = Annotated[str, typer.Option("--split", help="train, validation, test, or the source's own name.")]
PrecisionName = Annotated[
    Precision, typer.Option("--precision", help="float32, bfloat16, or int8 (an exported file; see `export`).")
]
Why = Annotated[str, typer.Option("--why", help="Why the test split is opened; logged, and counted.")]
Truth = Annotated[
    LabelSource | None,
    typer.Option(
        "--truth", help="Labels to measure by: given, or ferplus-majority. Default: those that the checkpoint learnt."
    ),
]
ASKED = "asked for on the command line"


@dataclass(frozen=True)
class Asked:
    """A checkpoint, and the samples that it is asked about.

    Attributes:
        checkpoint: name or folder.
        split: `train`, `validation`, `test`, or the source's own spelling.
        every: all samples, under the labels that are measured by.
        data: what they are called.
        truth: where the labels come from.
        left_out: samples of the split without such a label, by reason.
    """

    checkpoint: str
    split: str
    every: SampleTable
    data: str
    truth: LabelSource
    left_out: dict[str, int]


def ask(checkpoint: str, data: Path, split: str, labels: Path | None = None, truth: LabelSource | None = None) -> Asked:
    """Opens the data under the labels that the checkpoint learnt, or others that are named; tells what that leaves out.

    Raises:
        DataError: as `open_samples` and `under_labels`.
        CheckpointError: as `open_checkpoint`.
    """
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.labelling import in_words, left_out, named, under_labels
    from fer_core.data.opening import open_samples

    card, every = open_checkpoint(checkpoint).card, open_samples(data, labels)
    truth = truth or card.label_source
    missing = {} if truth == "given" else left_out(every.split(split), truth, card.classes)
    if truth != "given":
        typer.echo(in_words(truth, missing), err=True)  # whatever the command prints
    return Asked(checkpoint, split, under_labels(every, truth, card.classes), named(data.name, truth), truth, missing)


def fastest(checkpoint: str, precision: Precision) -> Predictor:
    """The faster of PyTorch and the exported file, where there is one; what is wrong with that is told."""
    from fer_core.backends import choose, way

    choice = choose(checkpoint, (precision,))
    for problem in choice.problems:
        typer.echo(f"Warning: {problem} Meanwhile {way(choice.predictor)} answers.", err=True)
    return choice.predictor


def predicted(
    asked: Asked, why: str = ASKED, precision: Precision = "float32", *, exported: bool = False
) -> Predictions:
    """The predictions of a checkpoint on one split, from the workspace where they are there already."""
    from fer_core.evaluate.cached import evaluate_split
    from fer_core.predict import get_predictor

    progress = progress_line(f"{Path(asked.checkpoint).name}: faces")
    predictor = get_predictor(asked.checkpoint, precision, exported=exported)
    return evaluate_split(predictor, asked.every, asked.split, asked.data, why, progress)

"""What the commands about predictions share: their options, and the predictions themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.card import Precision
from fer_core.cli import progress_line

if TYPE_CHECKING:
    from fer_core.data import SampleTable
    from fer_core.evaluate.predictions import Predictions

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
ASKED = "asked for on the command line"


def predicted(
    checkpoint: str,
    every: SampleTable,
    data: Path,
    split: str,
    why: str = ASKED,
    precision: Precision = "float32",
) -> Predictions:
    """The predictions of a checkpoint on one split, from the workspace where they are there already."""
    from fer_core.evaluate.cached import evaluate_split
    from fer_core.predict import get_predictor

    progress = progress_line(f"{Path(checkpoint).name}: faces")
    return evaluate_split(get_predictor(checkpoint, precision), every, split, data.name, why, progress)

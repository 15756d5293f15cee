"""`python -m fer_core export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fer_core.cli import Json, emit, percent, progress_line


def export_command(
    checkpoint: Annotated[str, typer.Argument(help="Name or folder of a checkpoint.")],
    form: Annotated[Literal["onnx"], typer.Option("--format", help="Form of the file.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="8-bit integers; needs --data.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Data set that measures the file.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    as_json: Json = False,
) -> None:
    """Write a checkpoint as one file that runs without this project, beside its weights, and check it."""
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.opening import open_samples
    from fer_core.export.shipping import ship

    samples = open_samples(data, labels) if data else None
    done = ship(open_checkpoint(checkpoint), "int8" if int8 else "float32", samples, progress_line("faces"))
    size = done.file.stat().st_size
    answer: dict[str, Any] = {
        "file": str(done.file),
        "format": form,
        "bytes": size,
        "largest_difference": done.export.largest_difference,
        "checked_on": done.export.checked_on,
        "calibrated_on": done.export.calibrated_on,
    }
    lines = [f"{done.file} ({size / 1e6:.2f} MB)"]
    lines += [f"differs from PyTorch by at most {done.export.largest_difference:.2g} on {done.export.checked_on}"]
    if done.evaluation and done.reference:
        ours, theirs = done.evaluation.scores(), done.reference.scores()
        answer |= {"accuracy": ours.accuracy, "accuracy_of_weights": theirs.accuracy, "n": ours.n}
        lines += [f"validation: {percent(ours.accuracy)}, the weights {percent(theirs.accuracy)} (n = {ours.n:,})"]
    emit(answer, as_json, "\n".join(lines))

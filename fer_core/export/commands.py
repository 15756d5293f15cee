"""`python -m fer_core export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fer_core.cli import Json, emit, percent, progress_line


def export_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    checkpoint: Annotated[str, typer.Argument(help="Name or folder of a checkpoint.")],
    form: Annotated[Literal["onnx"], typer.Option("--format", help="Form of the file.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="8-bit integers; needs --data.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Data set that measures the file.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    most_lost: Annotated[
        float, typer.Option(help="Points of top-1 that 8 bits may lose; a file that loses more is not kept.", min=0)
    ] = 0.5,
    as_json: Json = False,
) -> None:
    """Write a checkpoint as one file that runs without this project, beside its weights, and check it."""
    from fer_core.card import Exported
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.opening import open_samples
    from fer_core.export.shipping import ship

    samples = open_samples(data, labels) if data else None
    precision: Exported = "int8" if int8 else "float32"
    done = ship(open_checkpoint(checkpoint), precision, samples, progress_line("faces"), most_lost / 100)
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
        same = done.export.same_top1
        answer |= {"accuracy": ours.accuracy, "accuracy_of_weights": theirs.accuracy, "n": ours.n, "same_top1": same}
        lines += [f"validation: {percent(ours.accuracy)}, the weights {percent(theirs.accuracy)} (n = {ours.n:,})"]
        lines += [f"the same class as PyTorch on {same:,} of these {ours.n:,} faces"]
    else:
        lines += ["not measured: name a data set with a validation split (--data)"]
    emit(answer, as_json, "\n".join(lines))

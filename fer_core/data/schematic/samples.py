"""A whole set of schematic faces as a sample table, with the truth about each sample beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fer_core.data.looks import LOOK_COLUMNS, Reduced, measured, reduced
from fer_core.data.pictures import Picture
from fer_core.data.schematic.face import draw_face
from fer_core.data.schematic.planting import Sample, planned
from fer_core.data.schematic.spec import SchematicSpec
from fer_core.data.schematic.spoiling import no_face, spoiled
from fer_core.data.schematic.units import NUMBERS, annotated
from fer_core.data.table import SampleTable
from fer_core.labels import FER7

SOURCE = "schematic"

# What is known of each sample, in the order of the sample table.
TRUTH_SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("true_label", pa.string()),  # the expression drawn; null where there is no face
        pa.field("flaw", pa.list_(pa.string()), nullable=False),  # fields of `Flaws`; empty: none
        pa.field("partner", pa.list_(pa.string()), nullable=False),  # sample ids that it makes a pair with
        pa.field("face_index", pa.int32()),  # `draw_face` of it gives the masks before any flaw; null: no face
        pa.field("landmarks", pa.list_(pa.float32())),  # x, y, x, y, ... in the order of `LANDMARK_NAMES`; pixels
        pa.field("action_units", pa.list_(pa.float32())),  # intensity of each of `UNITS`, in order
    ]
)


@dataclass(frozen=True)
class SchematicSet:
    """Drawn faces and the truth about them.

    Attributes:
        samples: the table. Source `schematic`, classes FER7, votes of ten simulated annotators in the order of FER7,
            ids as of `SchematicSpec.sample_id`, subjects `schematic-SEED-s001`, splits by subject: 70, 15 and 15 of a
            hundred. Pictures are PNG, RGB.
        truth: one row for each sample, columns as of `TRUTH_SCHEMA`.
        spec: what was drawn.
    """

    samples: SampleTable
    truth: pa.Table
    spec: SchematicSpec


def schematic_samples(spec: SchematicSpec, progress: Callable[[int, int], None] | None = None) -> SchematicSet:
    """Draws a whole set; nothing is read or written.

    Annotators vote on what is drawn, so that a wrong label does not agree with its votes, and faint or covered
    expressions divide them; where there is no face they vote at random.

    Args:
        spec: the set.
        progress: called with (faces done, faces in all) after each face.

    Raises:
        DataError: too few samples for the flaws asked for.
    """
    plan = planned(spec)
    ids = {sample.index: spec.sample_id(sample.index) for sample in plan}
    columns: dict[str, list[Any]] = {
        name: [] for name in ("sample_id", "image", "label", "votes", "split", "subject_id", "source")
    }
    truth: dict[str, list[Any]] = {name: [] for name in TRUTH_SCHEMA.names}
    small: list[Reduced] = []
    for done, sample in enumerate(plan, start=1):
        image, known, probabilities = _made(spec, sample)
        chance = np.random.default_rng((spec.seed, 6, sample.index))
        number = spec.subject_of(sample.index)
        cells = (
            ids[sample.index], _png(image), sample.label, annotated(probabilities, chance), sample.split,
            f"{SOURCE}-{spec.seed}-s{number:03d}", SOURCE,
        )  # fmt: skip
        for values, cell in zip(columns.values(), cells, strict=True):
            values.append(cell)
        known |= {
            "sample_id": ids[sample.index],
            "true_label": sample.expression,
            "flaw": sample.flaws,
            "partner": [ids[partner] for partner in sample.partners],
        }
        for name, values in truth.items():
            values.append(known[name])
        small.append(reduced(image))
        if progress is not None:
            progress(done, len(plan))
    looks = measured(small)
    measures = {name: [getattr(look, name) for look in looks] for name in LOOK_COLUMNS}
    table = SampleTable.from_columns(columns | measures, FER7, FER7.names)
    return SchematicSet(table, pa.table(truth, schema=TRUTH_SCHEMA), spec)


def _made(spec: SchematicSpec, sample: Sample) -> tuple[Picture, dict[str, Any], NDArray[np.float64]]:
    """The sample's picture, what is known of it, and what observers read in it, (7,)."""
    if sample.expression is None:
        chance = np.random.default_rng((spec.seed, 7, sample.index))
        nothing = {"face_index": None, "landmarks": None, "action_units": None}
        return no_face(spec.size_px, sample.variant, chance), nothing, np.full(len(FER7), 1 / len(FER7))
    face = draw_face(spec, sample.face)
    image, points = face.image, face.landmarks
    for flaw in sample.flaws:
        if flaw != "near_twins_across_splits" or sample.face != sample.index:  # of a pair, only the copy is changed
            image, points = spoiled(image, points, flaw, sample.variant)
    known = {
        "face_index": sample.face,
        "landmarks": points.ravel(),
        "action_units": [face.action_units.get(unit, 0.0) for unit in NUMBERS],
    }
    return image, known, face.reading


def _png(image: Picture) -> bytes:
    _, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()

"""Faces cut out of the photographs of a data set, as they are cut out of whatever is classified later.

A network learns from the crop that it is given: training, evaluation and the pages read what is kept here, and a live
picture goes through the same detector and the same cut (`fer_core.faces.crop_face`, no margin, eyes level where the
detector tells where they are). A checkpoint whose card names another `crop_margin` cuts by it in photographs.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fer_core.data.looks import LOOK_COLUMNS, Look, looks
from fer_core.data.pictures import Picture, as_grey_if_grey
from fer_core.data.schema import SCHEMA
from fer_core.data.seen import Seen
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.images import DEFAULT_LIMITS

if TYPE_CHECKING:
    from fer_core.faces import Detector, Face

FacesHow = Literal["auto", "crop", "keep"]
FACES_HOW: tuple[FacesHow, ...] = ("auto", "crop", "keep")
MARGIN = 0.0
MAX_SIDE_PX = 1024  # the largest input that a network may have
MAX_NAMES = 1000
_BATCH = 16  # a task that is stopped ends after one batch
_CHUNK = 512  # rows; the largest crops, 3 MB each, make 1.6 GB
_THREADS = 4
# Goes up with every change of what a detector answers or of which face is taken.
_TABLE = "faces_1"
_COLUMNS = ("found", "face")


@dataclass(frozen=True)
class FacesFound:
    """What came of looking for faces.

    Attributes:
        detector: name of the one that looked.
        pictures: how many it looked at.
        found: in how many it found a face.
        several: in how many it found more than one; the largest was taken.
        without: number of pictures without a face by class, in the classes' order, `unlabelled` last; only classes
            that have any.
        names: sample ids of those without, the first thousand, in the table's order.
    """

    detector: str
    pictures: int
    found: int
    several: int
    without: dict[str, int]
    names: tuple[str, ...]

    @classmethod
    def of(cls, samples: SampleTable, detector: str, several: int) -> Self:
        """Counts in samples that `crop_faces` has been through."""
        faceless = samples.table.filter(pc.is_null(samples.table["face_box"]))
        counted = Counter(faceless["label"].to_pylist())
        without = {name or "unlabelled": counted[name] for name in (*samples.classes.names, None) if counted[name]}
        names = tuple(faceless["sample_id"].slice(0, MAX_NAMES).to_pylist())
        return cls(detector, len(samples), len(samples) - len(faceless), several, without, names)


@dataclass(frozen=True)
class Cropped:
    """Samples after the cut.

    Attributes:
        samples: as many as before and in their order. Where a face was found its crop is the picture (`image`, PNG,
            grey where the photograph is), measured anew, with `face_box` and `face_score`; `path` still names the
            photograph. The others are as they were, with `face_box` null.
        found: the counts.
    """

    samples: SampleTable
    found: FacesFound

    @property
    def with_face(self) -> SampleTable:
        """The samples that show one; may be empty."""
        table = self.samples.table
        return dataclasses.replace(self.samples, table=table.filter(pc.is_valid(table["face_box"])))


def crop_faces(
    samples: SampleTable,
    detector: Detector,
    cache_file: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Cropped:
    """Cuts the largest face out of every picture.

    The crop is square, its side the longer one of the box, at the photograph's resolution up to 1,024 pixels.

    Args:
        samples: pictures of any size; may be empty.
        detector: finds the faces.
        cache_file: where answers of the detector are kept after each batch, by the pixels that it saw, so that what
            was broken off goes on and the same picture is looked at once; None keeps nothing.
        progress: called with (done, all) after each batch.

    Raises:
        ImageError: a picture cannot be read (any more).
        DataError: the cache file is no cache, or cannot be written.
    """
    cache = Seen(cache_file, _TABLE, _COLUMNS)
    columns = _Columns()
    several = 0
    try:
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in range(0, len(samples), _BATCH):
                batch = dataclasses.replace(samples, table=samples.table.slice(start, _BATCH))
                answers = _answers(batch, detector, cache, threads)
                several += sum(answer.found > 1 for answer in answers)
                columns.extend(_cells(batch.table, answers))
                if progress is not None:
                    progress(start + len(batch), len(samples))
    finally:
        cache.close()
    table = samples.table
    for name, column in columns.finish().items():
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), column)
    cropped = dataclasses.replace(samples, table=table)
    return Cropped(cropped, FacesFound.of(cropped, detector.name, several))


class _Columns:
    """The changed columns as they grow, in chunks that are few and yet below Arrow's 2 GB."""

    def __init__(self) -> None:
        self._open: dict[str, list[Any]] = {name: [] for name in ("image", "face_box", "face_score", *LOOK_COLUMNS)}
        self._chunks: dict[str, list[pa.Array]] = {name: [] for name in self._open}

    def extend(self, cells: dict[str, list[Any]]) -> None:
        for name, values in cells.items():
            self._open[name] += values
        if len(self._open["image"]) >= _CHUNK:
            self._close()

    def finish(self) -> dict[str, pa.ChunkedArray]:
        self._close()
        return {name: pa.chunked_array(chunks, SCHEMA.field(name).type) for name, chunks in self._chunks.items()}

    def _close(self) -> None:
        for name, values in self._open.items():
            self._chunks[name].append(pa.array(values, SCHEMA.field(name).type))
            values.clear()


@dataclass(frozen=True)
class _Answer:
    """How many faces a picture shows, the largest of them, and its crop."""

    found: int
    face: Face | None = None
    crop: Picture | None = None


def _answers(batch: SampleTable, detector: Detector, cache: Seen, threads: ThreadPoolExecutor) -> list[_Answer]:
    keys = batch.table["sha256"].to_pylist()
    kept = [cache.get(key, detector.name) for key in keys]

    def answer(row: int) -> _Answer:
        known = _from_cells(kept[row])
        if known is not None and known.face is None:
            return known
        rgb = _rgb(batch.decode(row))
        if known is None:
            faces = detector.detect(rgb)  # the largest first
            known = _Answer(len(faces), faces[0] if faces else None)
        return dataclasses.replace(known, crop=_crop(rgb, known.face)) if known.face else known

    answers = list(threads.map(answer, range(len(batch))))
    new = [row for row, cells in enumerate(kept) if cells is None]
    cache.put([(keys[row], detector.name, *_as_cells(answers[row])) for row in new])
    return answers


def _rgb(picture: Picture) -> Picture:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _crop(rgb: Picture, face: Face) -> Picture:
    from fer_core.faces import crop_face  # pages name this module's options without loading a detector

    size = max(DEFAULT_LIMITS.min_side, min(round(max(face.box[2:])), MAX_SIDE_PX))
    return as_grey_if_grey(crop_face(rgb, face, margin=MARGIN, size=size))


def _as_cells(answer: _Answer) -> tuple[int, str | None]:
    face = answer.face
    if face is None:
        return answer.found, None
    points = None if face.landmarks is None else face.landmarks.tolist()
    box = [float(number) for number in face.box]
    return answer.found, json.dumps({"box": box, "score": float(face.score), "landmarks": points})


def _from_cells(cells: tuple[Any, ...] | None) -> _Answer | None:
    if cells is None:
        return None
    from fer_core.faces import Face

    found, text = cells
    if text is None:
        return _Answer(found)
    held = json.loads(text)
    points = held["landmarks"]
    landmarks = None if points is None else np.array(points, np.float32)
    return _Answer(found, Face(tuple(held["box"]), held["score"], landmarks))


def _cells(table: pa.Table, answers: Sequence[_Answer]) -> dict[str, list[Any]]:
    """The changed columns of a batch: of the crop where there is one, else as they are."""
    seen = iter(looks([answer.crop for answer in answers if answer.crop is not None]))
    cells: dict[str, list[Any]] = {name: table[name].to_pylist() for name in ("image", *LOOK_COLUMNS)}
    cells["face_box"] = [None if a.face is None else list(a.face.box) for a in answers]
    cells["face_score"] = [None if a.face is None else a.face.score for a in answers]
    for row, answer in enumerate(answers):
        if answer.crop is not None:
            look: Look = next(seen)
            cells["image"][row] = _png(answer.crop)
            for name in LOOK_COLUMNS:
                cells[name][row] = getattr(look, name)
    return cells


def _png(crop: Picture) -> bytes:
    stored = crop if crop.ndim == 2 else crop[..., ::-1]
    done, data = cv2.imencode(".png", stored)
    if not done:
        raise DataError(f"A crop of {crop.shape[1]} x {crop.shape[0]} pixels cannot be written as PNG.")
    return data.tobytes()

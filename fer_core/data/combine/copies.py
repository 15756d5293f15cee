"""Augmented copies: variants of training pictures as rows of their own, bound to the picture they were made of."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.combine.columns import concatenated, is_among, replaced
from fer_core.data.looks import LOOK_COLUMNS, looks
from fer_core.data.pictures import Picture, pack_grey
from fer_core.data.schema import SCHEMA
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import canonical

_COPY = "#aug"
_BATCH = 512


@dataclass(frozen=True)
class CopyStyle:
    """How much a copy may differ from its original.

    Attributes:
        flip: probability of a mirror image, 0 to 1.
        rotate_deg: largest rotation either way, degrees.
        shift: largest shift along each axis, as a fraction of the side.
        scale: largest change of size, as a fraction; 0.1 is 1/1.1 to 1.1.
        noise_sd: standard deviation of Gaussian noise, grey levels of 255.

    Raises:
        DataError: a value outside its range, or a style that changes nothing.
    """

    flip: float = 0.5
    rotate_deg: float = 8.0
    shift: float = 0.05
    scale: float = 0.08
    noise_sd: float = 4.0

    def __post_init__(self) -> None:
        largest = {"flip": 1.0, "rotate_deg": 45.0, "shift": 0.3, "scale": 0.5, "noise_sd": 64.0}
        for name, most in largest.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise DataError(f"{name} of an augmented copy is {value}; it must lie between 0 and {most:g}.")
        if not (self.rotate_deg or self.shift or self.scale or self.noise_sd or self.flip):
            raise DataError("This style makes copies without any change; raise at least one of its values.")


DEFAULT_STYLE = CopyStyle()


def augmented_copies(
    samples: SampleTable, per_class: Mapping[str, int] | int, seed: int = 0, style: CopyStyle = DEFAULT_STYLE
) -> SampleTable:
    """The samples and, after them, augmented copies of training pictures.

    A copy has its original's label, votes, source and subject, the original's id as `parent_id`, and stands in
    `train`; it is called `<original>#aug1`, `#aug2` and so on. Every original is copied as often as any other, give
    or take one. How a copy differs follows from the seed and its name alone.

    Args:
        samples: of which the training pictures that are no copies themselves are copied.
        per_class: number of copies to make per class, any spelling; or one number of training samples that each class
            shall have at least, copies that are there included.
        seed: of the choice and of the changes.
        style: how much a copy may differ.

    Raises:
        DataError: an unknown class, one without training pictures, or a number below zero.
        ImageError: a picture cannot be read (any more).
    """
    originals = _originals(samples)
    numbers = _numbers(samples, per_class, originals)
    taken = Counter(samples.table["parent_id"].to_pylist())
    there = set(samples.table["sample_id"].to_pylist())
    ids: list[str] = samples.table["sample_id"].to_pylist()
    rows, names = [], []
    for label, count in numbers.items():
        order = sorted(originals[label], key=lambda row: _digest(seed, ids[row]))
        for turn in range(count):
            row = order[turn % len(order)]
            taken[ids[row]] += 1
            while f"{ids[row]}{_COPY}{taken[ids[row]]}" in there:
                taken[ids[row]] += 1
            rows.append(row)
            names.append(f"{ids[row]}{_COPY}{taken[ids[row]]}")
    parts = [samples.table]
    for start in range(0, len(rows), _BATCH):
        batch = slice(start, start + _BATCH)
        parts.append(_copies(samples, rows[batch], names[batch], seed, style))
    return dataclasses.replace(samples, table=concatenated(parts))


def _originals(samples: SampleTable) -> dict[str, NDArray[np.intp]]:
    """Rows of training pictures that are no copies, by class."""
    table = samples.table
    own = is_among(table["split"], ["train"]) & np.asarray(pc.is_null(table["parent_id"]), dtype=bool)
    return {c: np.flatnonzero(own & is_among(table["label"], [c])) for c in samples.classes.names}


def _numbers(
    samples: SampleTable, per_class: Mapping[str, int] | int, originals: Mapping[str, NDArray[np.intp]]
) -> dict[str, int]:
    """How many copies to make of each class."""
    if isinstance(per_class, int):
        if per_class < 0:
            raise DataError(f"Each class cannot have {per_class} samples; give a number from zero.")
        training = samples.table["label"].filter(pc.equal(samples.table["split"], "train"))
        there = {c: int(is_among(training, [c]).sum()) for c in samples.classes.names}
        # A class that the data set knows by name alone has nothing to be copied, and nobody asked for it by name.
        return {c: max(0, per_class - n) for c, n in there.items() if len(originals[c])}
    numbers = {canonical(c): n for c, n in per_class.items()}
    for label, count in numbers.items():
        if label not in originals:
            known = ", ".join(samples.classes.names)
            raise DataError(f"There is no class {label!r} to copy; the classes are {known}.")
        if count < 0:
            raise DataError(f"{count} copies of {label} cannot be made; give a number from zero.")
        if count and not len(originals[label]):
            raise DataError(f"There is no training picture of {label} to copy; leave the class out or top it up first.")
    return numbers


def _digest(seed: int, name: str) -> int:
    """A number that depends on the seed and the id alone, so that other rows change nothing."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def _copies(samples: SampleTable, rows: Sequence[int], names: Sequence[str], seed: int, style: CopyStyle) -> pa.Table:
    """Rows of copies, one per row given."""
    table = samples.table.take(pa.array(rows, pa.int64()))
    faces = dataclasses.replace(samples, table=_renamed(table, names)).faces()
    made = [_varied(face, style, np.random.default_rng(_digest(seed, n))) for face, n in zip(faces, names, strict=True)]
    seen = looks(made)
    looked = {c: pa.array([getattr(look, c) for look in seen], SCHEMA.field(c).type) for c in LOOK_COLUMNS}
    return replaced(
        _renamed(table, names),
        parent_id=table["sample_id"],
        path=pa.nulls(len(rows), pa.string()),
        image=pa.array([_packed(face) for face in made], pa.binary()),
        face_box=pa.nulls(len(rows), SCHEMA.field("face_box").type),
        face_score=pa.nulls(len(rows), SCHEMA.field("face_score").type),
        **looked,
    )


def _renamed(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table with other sample ids."""
    return replaced(table, sample_id=pa.array(names, pa.string()))


def _varied(face: Picture, style: CopyStyle, chance: np.random.Generator) -> Picture:
    """A variant of one picture, of the same shape; what is moved in from outside repeats the border."""
    mirror = chance.random() < style.flip
    angle, dx, dy, size = chance.uniform(-1, 1, 4)
    height, width = face.shape[:2]
    varied = np.ascontiguousarray(face[:, ::-1]) if mirror else face
    if style.rotate_deg or style.shift or style.scale:
        zoom = math.exp(size * math.log1p(style.scale))
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle * style.rotate_deg, zoom)
        turn[:, 2] += (dx * style.shift * width, dy * style.shift * height)
        border = cv2.BORDER_REPLICATE
        varied = cv2.warpAffine(varied, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)  # type: ignore[assignment]
    noisy = varied.astype(np.float32) + chance.normal(0, style.noise_sd, face.shape)
    return np.rint(noisy).clip(0, 255).astype(np.uint8)


def _packed(face: Picture) -> bytes:
    """The picture as a file without loss: PGM where it is grey, else PNG."""
    if face.ndim == 2:
        return pack_grey(face)
    return bytes(cv2.imencode(".png", np.ascontiguousarray(face[..., ::-1]))[1])

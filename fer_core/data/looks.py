"""What can be told of a picture from its pixels alone: size, hashes, brightness, contrast, sharpness.

Everything but size and SHA-256 is measured on the picture brought to 48x48 grey, so that pictures of different sizes
can be compared, and many at once. The numbers of a picture do not depend on which others are measured with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.pictures import Picture, pixel_hash, to_grey
from fer_core.data.table import SampleTable
from fer_core.data.taking import take_rows
from fer_core.preprocess import resized

SIDE_PX = 48
_HASHED_PX = 32
_BITS = 8
_BATCH = 512


@dataclass(frozen=True)
class Look:
    """What is measured on one picture.

    Attributes:
        width: pixels.
        height: pixels.
        sha256: of the decoded pixels, see `pictures.pixel_hash`.
        phash: 16 hex digits; see `perceptual_hashes`.
        brightness: mean grey, 0 to 255.
        contrast: standard deviation of grey, 0 to 127.5.
        sharpness: variance of the Laplacian (Pech-Pacheco et al. 2000, doi:10.1109/ICPR.2000.903548); low is blurred.
    """

    width: int
    height: int
    sha256: str
    phash: str
    brightness: float
    contrast: float
    sharpness: float


LOOK_COLUMNS = tuple(f.name for f in dataclasses.fields(Look))


@dataclass(slots=True)
class Reduced:
    """What is kept of a picture until many can be measured at once; `small` is 48x48 grey."""

    width: int
    height: int
    sha256: str
    small: Picture


def reduced(picture: Picture) -> Reduced:
    """A picture, (H, W) grey or (H, W, 3) RGB, uint8, without its megabytes."""
    height, width = picture.shape[:2]
    return Reduced(width, height, pixel_hash(picture), resized(to_grey(picture), SIDE_PX))


def looks(pictures: Sequence[Picture]) -> list[Look]:
    """Measures pictures; one call on many is several times as fast as many calls.

    Args:
        pictures: (H, W) grey or (H, W, 3) RGB, uint8, of any sizes; may be empty.
    """
    return measured([reduced(picture) for picture in pictures])


def measured(pictures: Sequence[Reduced]) -> list[Look]:
    """As `looks`, of pictures that are reduced already."""
    if not pictures:
        return []
    count = len(pictures)
    small = np.concatenate([picture.small for picture in pictures]).reshape(count, SIDE_PX, SIDE_PX)
    brightness, grey_variance = _mean_and_variance(small.reshape(count, -1))
    # One tall picture: what is measured across the seams are the borders, which are left out.
    laplacian = cv2.Laplacian(small.reshape(-1, SIDE_PX), cv2.CV_16S).reshape(small.shape)[:, 1:-1, 1:-1]
    _, sharpness = _mean_and_variance(laplacian.reshape(count, -1))
    measures = (brightness.tolist(), np.sqrt(grey_variance).tolist(), sharpness.tolist())
    columns = zip(pictures, perceptual_hashes(small), *measures, strict=True)
    return [Look(p.width, p.height, p.sha256, phash, b, c, s) for p, phash, b, c, s in columns]


def _mean_and_variance(rows: NDArray[np.generic]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each row; added up row by row, so that no row's result depends on the others."""
    values = rows.astype(np.float32)
    mean = values.mean(axis=1)
    values -= mean[:, None]
    return mean, np.square(values, out=values).mean(axis=1)


def perceptual_hashes(small: Picture) -> list[str]:
    """64-bit hashes that differ in few bits where pictures differ little (Zauner 2010, pHash).

    The picture is brought to 32x32; a bit says whether one of the 8x8 lowest frequencies of its discrete cosine
    transform lies above their median. Bits run row by row, most significant first, as in the package imagehash, whose
    resampling differs slightly.

    Args:
        small: (N, 48, 48) grey.

    Returns:
        N times 16 hex digits.
    """
    across = small.reshape(-1, SIDE_PX) @ _LOW.T
    frequencies = (_LOW @ across.reshape(-1, SIDE_PX, _BITS)).reshape(-1, _BITS * _BITS)
    # A picture of one grey has no frequencies but the lowest; rounding keeps noise from making bits of them.
    flat = frequencies.round(6)
    bits = np.packbits(flat > np.median(flat, axis=1, keepdims=True), axis=1)
    digits = bits.tobytes().hex()
    return [digits[start : start + 16] for start in range(0, len(digits), 16)]


def _low_frequencies() -> NDArray[np.float64]:
    """(8, 48): averages 48 values to 32, then takes the eight lowest frequencies of a type-II cosine transform."""
    area = np.zeros((_HASHED_PX, SIDE_PX))
    step = SIDE_PX / _HASHED_PX
    for to in range(_HASHED_PX):
        for of in range(SIDE_PX):
            area[to, of] = max(0.0, min((to + 1) * step, of + 1) - max(to * step, of)) / step
    frequency, place = np.mgrid[:_BITS, :_HASHED_PX]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / (2 * _HASHED_PX)) @ area)


_LOW = _low_frequencies()


def with_looks(samples: SampleTable, progress: Callable[[int, int], None] | None = None) -> SampleTable:
    """The same samples with every look filled in that was missing.

    Args:
        samples: rows whose `phash` is there are taken as they are.
        progress: called with (done, all) after each batch of what had to be looked at.

    Raises:
        ImageError: a picture cannot be read (any more).
    """
    missing = np.flatnonzero(np.asarray(pc.is_null(samples.table["phash"])))
    if not len(missing):
        return samples
    found = [look for batch in _batches(samples, missing, progress) for look in batch]
    table = samples.table
    for name in LOOK_COLUMNS:
        field = table.schema.field(name)
        values = table[name].to_pylist()
        for row, look in zip(missing, found, strict=True):
            values[row] = getattr(look, name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    return dataclasses.replace(samples, table=table)


def _batches(
    samples: SampleTable, rows: NDArray[np.intp], progress: Callable[[int, int], None] | None
) -> Iterator[list[Look]]:
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        part = dataclasses.replace(samples, table=take_rows(samples.table, batch))
        yield measured([reduced(part.decode(row)) for row in range(len(part))])
        if progress is not None:
            progress(start + len(batch), len(rows))

"""FER2013 as Kaggle gives it: `fer2013.csv`, `icml_face_data.csv`, and the competition's `train.csv`.

Goodfellow et al. 2013, arXiv 1307.0414. One row per face: an emotion's code, 2,304 grey values, and the part
it is in.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer_core.data.pictures import pack_grey, pixel_hash
from fer_core.data.readers.base import Import, Problem, ReadOptions, csv_header, register
from fer_core.data.schema import canonical_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import FER7

SIDE_PX = 48
PIXELS = SIDE_PX * SIDE_PX
_BATCH_ROWS = 64  # half a megabyte of text, which stays in the processor's cache
_CODES = tuple(str(i) for i in range(len(FER7)))
_REPAIR = "correct the row or download the file again"


@dataclass
class _Row:
    """One line of the file, taken apart but not yet understood."""

    number: int
    where: str
    emotion: bytes
    usage: bytes
    pixels: bytes


@dataclass
class _Columns:
    """The sample table's columns as they grow."""

    sample_id: list[str] = field(default_factory=list)
    image: list[bytes] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)


@register
class Fer2013Csv:
    """Reader of FER2013's CSV files."""

    name = "fer2013-csv"
    describe = (
        "FER2013's CSV (fer2013.csv or icml_face_data.csv, columns emotion and pixels, and Usage where it has parts)"
    )

    def matches(self, path: Path) -> bool:
        """A CSV file with an `emotion` or a `pixels` column; which of them is missing is said while reading."""
        return bool({"emotion", "pixels"} & {name.lower() for name in csv_header(path)})

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All faces, 48x48 grey, labelled with FER7; without a Usage column they are all in `train`."""
        header = [name.lower() for name in csv_header(path)]
        missing = [name for name in ("emotion", "pixels") if name not in header]
        if missing:
            raise DataError(
                f"{path} lacks the column(s) {', '.join(missing)}. It has {', '.join(csv_header(path))}; needed are "
                "emotion and pixels, and Usage where the file has several parts."
            )
        total = path.stat().st_size
        columns = _Columns()
        batch: list[_Row] = []
        with path.open("rb") as file:
            file.readline()
            for row in _rows(file, path.name, header, options):
                batch.append(row)
                if len(batch) == _BATCH_ROWS:
                    _take(batch, path.name, columns, options)
                    batch.clear()
                    options.advance(file.tell(), total)
            _take(batch, path.name, columns, options)
        options.advance(total, total)
        size = len(columns.label)
        sides = np.full(size, SIDE_PX, dtype=np.int32)
        given = {**vars(columns), "source": [path.name] * size, "width": sides, "height": sides}
        return options.finish(SampleTable.from_columns(given, FER7), path)


def _rows(file: BinaryIO, name: str, header: list[str], options: ReadOptions) -> Iterator[_Row]:
    """Splits lines into fields, passing over blank ones. Rows and lines count from 1; the header is line 1, no row."""
    emotion, pixels = header.index("emotion"), header.index("pixels")
    usage = header.index("usage") if "usage" in header else None
    number = 0
    for line_number, line in enumerate(file, start=2):
        text = line.strip()
        if not text:
            continue
        number += 1
        where = f"{name}, row {number} (line {line_number})"
        fields = text.split(b",") if b'"' not in text else _quoted(text)
        if len(fields) != len(header):
            found = f"it has {len(fields)} field(s), but the header has {len(header)}"
            options.report(Problem(where, found, _REPAIR, number))
            continue
        part = b"train" if usage is None else fields[usage].strip()
        yield _Row(number, where, fields[emotion].strip(), part, fields[pixels].strip())


def _quoted(line: bytes) -> list[bytes]:
    try:
        return [text.encode() for text in next(csv.reader([line.decode(errors="replace")]))]
    except csv.Error:  # a field of more than 128 KiB
        return []


def _take(rows: list[_Row], name: str, columns: _Columns, options: ReadOptions) -> None:
    """Turns a batch of rows into cells of the table."""
    values = parse_pixels([row.pixels for row in rows])
    for i, row in enumerate(rows):
        problem = _label_problem(row)
        face = None
        if problem is None:
            face = values[i] if values is not None else _one_face(row.pixels)
        if isinstance(face, str):
            problem = Problem(row.where, face, _REPAIR, row.number)
        if problem is not None:
            options.report(problem)
            continue
        picture = np.asarray(face, dtype=np.uint8).reshape(SIDE_PX, SIDE_PX)
        columns.sample_id.append(f"{name}:{row.number}")
        columns.image.append(pack_grey(picture))
        columns.label.append(FER7.names[int(row.emotion)])
        columns.split.append(str(canonical_split(row.usage.decode())))
        columns.sha256.append(pixel_hash(picture))


def _label_problem(row: _Row) -> Problem | None:
    """What is wrong with a row's code or part, if anything."""
    code = row.emotion.decode(errors="replace")
    if code not in _CODES:
        names = ", ".join(f"{i} {name}" for i, name in enumerate(FER7.names))
        return Problem(row.where, f"the emotion is {code!r}", f"FER2013 knows {names}", row.number)
    usage = row.usage.decode(errors="replace")
    if canonical_split(usage) is None:
        return Problem(
            row.where, f"the Usage is {usage!r}", "it must be Training, PublicTest or PrivateTest", row.number
        )
    return None


def parse_pixels(texts: list[bytes]) -> NDArray[np.uint8] | None:
    """Faces written as numbers, many at once: about twenty times as fast as a loop over the numbers.

    Args:
        texts: one face each, its 2,304 values in 0..255 as decimal numbers between single spaces.

    Returns:
        (N, 2304) uint8, or None where any of the texts is written differently or wrong; those need
        `_one_face`.
    """
    text = np.frombuffer(b" ".join([*texts, b""]), dtype=np.uint8)
    digits = text - 48  # wraps for anything below "0", so that one comparison finds all that is no digit
    ends = np.flatnonzero(text == 32)
    if len(ends) != PIXELS * len(texts) or int((digits > 9).sum()) != len(ends):
        return None
    # As many spaces as values in all would also hold for a face too short beside one too long.
    starts = np.cumsum([0] + [len(t) + 1 for t in texts])[1:] - 1
    if not np.array_equal(ends[PIXELS - 1 :: PIXELS], starts):
        return None
    lengths = np.diff(ends, prepend=-1) - 1
    if len(lengths) and (lengths.min() < 1 or lengths.max() > 3):
        return None
    units = np.concatenate([np.zeros(2, np.uint8), digits]).astype(np.int16)  # text[i] is units[i + 2]
    values = units[ends + 1]
    values += np.where(lengths > 1, units[ends] * 10, 0).astype(np.int16)
    values += np.where(lengths > 2, units[ends - 1] * 100, 0).astype(np.int16)
    if len(values) and values.max() > 255:
        return None
    return values.astype(np.uint8).reshape(len(texts), PIXELS)


def _one_face(text: bytes) -> NDArray[np.uint8] | str:
    """One face whose text is not as plain as `parse_pixels` needs it, or what is wrong with it."""
    tokens = text.split()
    if len(tokens) != PIXELS:
        return f"it has {len(tokens):,} pixel values instead of {PIXELS:,} (48 x 48)"
    for position, token in enumerate(tokens, start=1):
        if not token.isdigit() or len(token) > 3 or int(token) > 255:
            return f"pixel {position:,} is {token[:20].decode(errors='replace')!r}, not a whole number from 0 to 255"
    return np.array([int(t) for t in tokens], dtype=np.uint8)

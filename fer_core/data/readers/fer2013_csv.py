"""FER2013 as Kaggle gives it: `fer2013.csv`, `icml_face_data.csv`, and the competition's `train.csv`.

Goodfellow et al. 2013, arXiv 1307.0414. One row per face: an emotion's code, 2,304 grey values, and the part
it is in.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer_core.data.looks import LOOK_COLUMNS, Look, looks
from fer_core.data.pictures import pack_grey
from fer_core.data.readers.base import PATH_COLUMNS, Import, Problem, ReadOptions, csv_header, register
from fer_core.data.schema import canonical_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import FER7

SIDE_PX = 48
PIXELS = SIDE_PX * SIDE_PX
_BATCH_ROWS = 128
_PARSED_ROWS = 16  # what is made of so many stays in the processor's cache; of 64 it takes two and a half times as long
_BUFFER_BYTES = 1 << 20  # a line is longer than the buffer that a file has by default
_LABELS = {str(i).encode(): name for i, name in enumerate(FER7.names)}
_REPAIR = "correct the row or download the file again"


@dataclass(slots=True)
class _Row:
    """One line of the file, taken apart but not yet understood; `number` counts rows, `line` lines, both from 1."""

    number: int
    line: int
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
    looks: list[Look] = field(default_factory=list)


@register
class Fer2013Csv:
    """Reader of FER2013's CSV files."""

    name = "fer2013-csv"
    describe = (
        "FER2013's CSV (fer2013.csv or icml_face_data.csv, columns emotion and pixels, and Usage where it has parts)"
    )

    def matches(self, path: Path) -> bool:
        """A CSV file with a column `pixels`, or `emotion` without paths; what is missing is said while reading."""
        names = {name.lower() for name in csv_header(path)}
        return "pixels" in names or ("emotion" in names and not names & set(PATH_COLUMNS))

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
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
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
        seen = {name: [getattr(look, name) for look in columns.looks] for name in LOOK_COLUMNS}
        kept = {name: cells for name, cells in vars(columns).items() if name != "looks"}
        given = {**kept, **seen, "source": [path.name] * size}
        return options.finish(SampleTable.from_columns(given, FER7), path)


def _rows(file: BinaryIO, name: str, header: list[str], options: ReadOptions) -> Iterator[_Row]:
    """Splits lines into fields, passing over blank ones. Rows and lines count from 1; the header is line 1, no row."""
    emotion, pixels = header.index("emotion"), header.index("pixels")
    usage = header.index("usage") if "usage" in header else None
    number = 0
    for line_number, line in enumerate(file, start=2):
        if line.isspace():
            continue
        number += 1
        fields = line.split(b",") if b'"' not in line else _quoted(line.strip())
        if len(fields) != len(header):
            found = f"it has {len(fields)} field(s), but the header has {len(header)}"
            options.report(Problem(_where(name, number, line_number), found, _REPAIR, number, "broken-row"))
            continue
        part = b"train" if usage is None else fields[usage].strip()
        yield _Row(number, line_number, fields[emotion].strip(), part, fields[pixels].strip())


def _where(name: str, number: int, line: int) -> str:
    return f"{name}, row {number} (line {line})"


def _quoted(line: bytes) -> list[bytes]:
    try:
        return [text.encode() for text in next(csv.reader([line.decode(errors="replace")]))]
    except csv.Error:  # a field of more than 128 KiB
        return []


def _take(rows: list[_Row], name: str, columns: _Columns, options: ReadOptions) -> None:
    """Turns a batch of rows into cells of the table."""
    pictures = []
    for row, face in zip(rows, _faces([row.pixels for row in rows]), strict=True):
        label, split = _LABELS.get(row.emotion), _split(row.usage)
        if label is None or split is None or isinstance(face, str):
            options.report(_problem(row, name, face))
            continue
        picture = face.reshape(SIDE_PX, SIDE_PX)
        columns.sample_id.append(f"{name}:{row.number}")
        columns.image.append(pack_grey(picture))
        columns.label.append(label)
        columns.split.append(split)
        pictures.append(picture)
    columns.looks += looks(pictures)


def _faces(texts: list[bytes]) -> Iterator[NDArray[np.uint8] | str]:
    """The 2,304 values of each face, or what is wrong with it."""
    for start in range(0, len(texts), _PARSED_ROWS):
        some = texts[start : start + _PARSED_ROWS]
        values = parse_pixels(some)
        yield from map(_one_face, some) if values is None else values


@cache
def _split(usage: bytes) -> str | None:
    return canonical_split(usage.decode(errors="replace"))


def _problem(row: _Row, name: str, face: NDArray[np.uint8] | str) -> Problem:
    """What is wrong with a row: its code, its part or, as `face` says, its pixels."""
    where = _where(name, row.number, row.line)
    if row.emotion not in _LABELS:
        remedy = "FER2013 knows " + ", ".join(f"{i} {label}" for i, label in enumerate(FER7.names))
        said = f"the emotion is {row.emotion.decode(errors='replace')!r}"
        return Problem(where, said, remedy, row.number, "unknown-code")
    if _split(row.usage) is None:
        said = f"the Usage is {row.usage.decode(errors='replace')!r}"
        return Problem(where, said, "it must be Training, PublicTest or PrivateTest", row.number, "unknown-split")
    return Problem(where, str(face), _REPAIR, row.number, "broken-row")


def parse_pixels(texts: list[bytes]) -> NDArray[np.uint8] | None:
    """Faces written as numbers, many at once: many times as fast as a loop over the numbers.

    Every step is one pass over all bytes, so that it runs at the speed of the processor's cache.

    Args:
        texts: one face each, its 2,304 values in 0..255 as decimal numbers between single spaces.

    Returns:
        (N, 2304) uint8, or None where any of the texts is written differently or wrong; those need
        `_one_face`.
    """
    # Three spaces in front, so that each last digit has its two neighbours; `ends` counts from behind them.
    text = np.frombuffer(b" ".join([b"  ", *texts, b""]), dtype=np.uint8)
    digits = text - 48  # wraps for anything below "0", so that one comparison finds all that is no digit
    is_digit, is_space = digits < 10, text == 32
    ends = np.flatnonzero(is_space[3:])
    if len(ends) != PIXELS * len(texts) or np.count_nonzero(is_digit) + len(ends) + 3 != len(text):
        return None
    # As many spaces as values in all would also hold for a face too short beside one too long.
    if not np.array_equal(ends[PIXELS - 1 :: PIXELS], np.cumsum([len(t) + 1 for t in texts]) - 1):
        return None
    pairs = is_digit[1:] & is_digit[:-1]
    if (is_space[2:-1] & is_space[3:]).any() or (pairs[2:] & pairs[:-2]).any():  # no digit, or four
        return None
    weight = is_digit.view(np.uint8)
    digits *= weight
    ones_and_tens = digits[2:] + digits[1:-1] * np.uint8(10)
    values = ones_and_tens.take(ends)
    hundreds = (digits[:-2] * weight[1:-1]).take(ends)
    if hundreds.max(initial=0) > 2 or ((hundreds == 2) & (values > 55)).any():
        return None
    values += hundreds * np.uint8(100)
    return values.reshape(len(texts), PIXELS)


def _one_face(text: bytes) -> NDArray[np.uint8] | str:
    """One face whose text is not as plain as `parse_pixels` needs it, or what is wrong with it."""
    tokens = text.split()
    if len(tokens) != PIXELS:
        return f"it has {len(tokens):,} pixel values instead of {PIXELS:,} (48 x 48)"
    for position, token in enumerate(tokens, start=1):
        if not token.isdigit() or len(token) > 3 or int(token) > 255:
            return f"pixel {position:,} is {token[:20].decode(errors='replace')!r}, not a whole number from 0 to 255"
    return np.array([int(t) for t in tokens], dtype=np.uint8)

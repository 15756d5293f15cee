"""Parquet with encoded pictures: Hugging Face data sets, and tables of bytes and labels.

The order of integer labels is taken from the file or from the caller, never guessed; only a column called
`emotion` is taken as the code of `fer2013.csv`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fer_core.data.looks import looks
from fer_core.data.pictures import Picture, decode_picture
from fer_core.data.readers.base import Import, Kind, Problem, ReadOptions, register
from fer_core.data.readers.saved_table import is_saved_table
from fer_core.data.schema import canonical_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError, ImageError
from fer_core.labels import FER7, ClassSet, canonical, class_set, class_set_for

_IMAGE = ("image", "img")
_LABEL = ("label", "labels", "emotion")
_SPLIT = ("split", "usage")
_VOTES = "ferplus_"
_BATCH_ROWS = 512
_REPAIR = "write the row again or leave it out"


@dataclass(frozen=True)
class _Layout:
    """Which column holds what, and what the labels mean.

    Attributes:
        image: column of encoded pictures, or of structs of `bytes` and `path`.
        label: column of labels.
        codes: class of each integer label, in order; None where labels are names.
        split: column of the split; None where the file's name tells, or all is training.
        votes: columns of numbers of votes.
    """

    image: str
    label: str
    codes: ClassSet | None
    split: str | None
    votes: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        return [c for c in (self.image, self.label, self.split, *self.votes) if c is not None]

    @property
    def vote_classes(self) -> tuple[str, ...]:
        return tuple(canonical(column.removeprefix(_VOTES)) for column in self.votes)


@dataclass(frozen=True)
class _Row:
    """One row of one file; `number` counts over all files, from 1."""

    number: int
    sample_id: str
    where: str
    source: str
    default_split: str
    cells: dict[str, Any]


@register
class ParquetPictures:
    """Reader of Parquet files with pictures in them."""

    name = "parquet"
    describe = (
        "Parquet with pictures (columns image and label, labels or emotion; a file, or a folder of parts as Hugging "
        "Face gives it)"
    )

    def matches(self, path: Path) -> bool:
        """A Parquet file, or a folder with Parquet files in it or in its `data` folder."""
        if path.is_file() and path.suffix.lower() != ".parquet":
            with path.open("rb") as file:
                return file.read(4) == b"PAR1" and not is_saved_table(path)
        return bool(_parts(path)) and not is_saved_table(path)

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures with their labels, splits and votes, in the order of the files' names and rows."""
        files = [_open(part) for part in (_parts(path) or [path])]
        layout = _layout(files[0].schema_arrow, path, options)
        for file, part in zip(files, _parts(path) or [path], strict=True):
            if _layout(file.schema_arrow, part, options) != layout:
                raise DataError(
                    f"{part} has other columns or classes than the first part; import the parts one by one."
                )
        total = sum(file.metadata.num_rows for file in files)
        taken = []
        source = _rows(files, _parts(path) or [path], layout)
        while rows := list(islice(source, _BATCH_ROWS)):
            understood = [cells for row in rows if (cells := _understand(row, layout, options)) is not None]
            seen = looks([cells.pop("picture") for cells in understood])
            taken += [cells | vars(look) for cells, look in zip(understood, seen, strict=True)]
            options.advance(rows[-1].number, total)
        classes = layout.codes or class_set_for(c["label"] for c in taken if c["label"])
        columns = {name: [cells[name] for cells in taken] for name in (taken[0] if taken else ())}
        return options.finish(SampleTable.from_columns(columns, classes, layout.vote_classes), path)


def _parts(path: Path) -> list[Path]:
    """The Parquet files of a data set, sorted by name."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".parquet" else []
    return sorted(p for folder in (path, path / "data") for p in folder.glob("*.parquet") if p.is_file())


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file ({error}); download it again.") from error


def _layout(schema: pa.Schema, path: Path, options: ReadOptions) -> _Layout:
    by_lower = {name.lower(): name for name in schema.names}
    image = next((by_lower[n] for n in _IMAGE if n in by_lower), None)
    label = next((by_lower[n] for n in _LABEL if n in by_lower), None)
    if image is None or label is None:
        raise DataError(
            f"{path} has the columns {', '.join(schema.names)}; needed are image (encoded pictures) and label, labels "
            "or emotion."
        )
    split = next((by_lower[n] for n in _SPLIT if n in by_lower), None)
    votes = tuple(n for n in schema.names if n.lower().startswith(_VOTES))
    return _Layout(image, label, _codes(schema, label, path, options), split, votes)


def _codes(schema: pa.Schema, label: str, path: Path, options: ReadOptions) -> ClassSet | None:
    """What integer labels stand for; None where the labels are names."""
    kind = schema.field(label).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return None
    if not pa.types.is_integer(kind):
        raise DataError(f"The column {label} of {path} is of type {kind}; labels must be names or integers.")
    names = _hugging_face_names(schema, label)
    if names:
        return class_set(names)
    if options.classes is not None:
        return options.classes
    if label.lower() == "emotion":
        return FER7
    raise DataError(
        f"The column {label} of {path} holds integers, and the file does not say which classes they stand for. Give "
        "the class names in order (classes=ClassSet(...)), write names instead of integers, or, where they are the "
        "codes of fer2013.csv (0 angry ... 6 neutral), call the column emotion."
    )


def _hugging_face_names(schema: pa.Schema, label: str) -> list[str]:
    """Names of a ClassLabel feature in the metadata that the `datasets` library writes; empty where there are none."""
    try:
        held = json.loads((schema.metadata or {})[b"huggingface"])
        names = held["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _rows(files: Sequence[pq.ParquetFile], paths: Sequence[Path], layout: _Layout) -> Iterator[_Row]:
    number = 0
    for file, path in zip(files, paths, strict=True):
        # Hugging Face's parts are called `train-00000-of-00002.parquet`.
        default = canonical_split(re.split(r"[-.]", path.name)[0]) or "train"
        within = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=layout.columns):
            for cells in batch.to_pylist():
                number, within = number + 1, within + 1
                yield _Row(number, f"{path.name}:{within}", f"{path.name}, row {within}", path.name, default, cells)


def _understand(row: _Row, layout: _Layout, options: ReadOptions) -> dict[str, Any] | None:
    """The sample table's cells of one row and its `picture`; None where it has a problem."""
    kind: Kind = "unknown-code"
    try:
        label = _label(row.cells[layout.label], layout.codes)
        kind = "unknown-split"
        split = _split(row.cells[layout.split] if layout.split else row.default_split)
        kind = "unreadable"
        data, picture = _picture(row.cells[layout.image])
        votes = [row.cells[column] for column in layout.votes]
    except (DataError, ImageError) as error:
        options.report(Problem(row.where, str(error).rstrip("."), _REPAIR, row.number, kind))
        return None
    return {
        "sample_id": row.sample_id,
        "image": data,
        "label": label,
        "split": split,
        "votes": None if not votes or None in votes else votes,
        "source": row.source,
        "picture": picture,
    }


def _label(value: int | str | None, codes: ClassSet | None) -> str | None:
    """Class name of a cell. Hugging Face marks a picture without a label by -1."""
    if value is None or value == -1:
        return None
    if isinstance(value, str):
        if not value.strip():
            raise DataError("the label is an empty text")
        return canonical(value)
    if codes is None or not 0 <= value < len(codes):
        raise DataError(f"the label is {value}, but the classes are numbered 0 to {len(codes or ()) - 1}")
    return codes.names[value]


def _split(value: str | None) -> str:
    split = canonical_split(value) if isinstance(value, str) else None
    if split is None:
        raise DataError(f"the split is {value!r}, not train, validation or test in any usual spelling")
    return split


def _picture(cell: bytes | dict[str, Any] | None) -> tuple[bytes, Picture]:
    """The encoded and the decoded picture of a cell."""
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not data:
        raise ImageError("the cell holds no picture")
    if not isinstance(data, bytes):
        raise ImageError(f"the cell holds {type(data).__name__}, not an encoded picture")
    return data, decode_picture(data, "the picture")

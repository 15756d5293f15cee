"""A list of picture files with their labels, as people write it themselves: CSV, TSV or with semicolons.

Columns, in any order and any case of letters: one of paths (`path`, `file`, `filename`, `file_name`, `image`,
`image_path`, `filepath`, `img`), one of labels (`label`, `labels`, `emotion`, `expression`, `class`), and if wanted the
split (`split`, `usage`), the person (`subject`, `subject_id`, `person`) and numbers of votes (`votes_happy`, ...).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_core.data.readers.base import PATH_COLUMNS, Import, Kind, Problem, ReadOptions, register
from fer_core.data.readers.files import Found, Tree, import_files
from fer_core.data.readers.lists import AGAIN, Row, csv_rows, file_of, has_cells
from fer_core.data.readers.schemes import subject_of
from fer_core.data.schema import canonical_split
from fer_core.errors import DataError
from fer_core.labels import FER7, ClassSet, canonical, class_set_for

_LABELS = ("label", "labels", "emotion", "expression", "class")
_SPLITS = ("split", "usage")
_SUBJECTS = ("subject", "subject_id", "person")
_VOTES = ("votes_", "vote_", "ferplus_")
_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
_DELIMITERS = ",;\t"
_LONGEST_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class _Layout:
    """What separates the cells, and the number of each column; None where there is none.

    Attributes:
        votes: the class and the number of each column of votes.
    """

    delimiter: str
    width: int
    path: int
    label: int
    split: int | None
    subject: int | None
    votes: tuple[tuple[str, int], ...]


@register
class CsvOfPaths:
    """Reader of lists of picture files."""

    name = "csv-paths"
    describe = "a list of files (.csv or .tsv with columns such as path and label, and split, subject where known)"

    def matches(self, path: Path) -> bool:
        """A list with a column of paths and one of labels."""
        return _layout(path) is not None

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All files of the list; paths start from the list's folder, and may not leave it.

        Without a column of splits they are all in `train`. Labels are names, or numbers from 0 with
        `options.classes`, which says what they stand for.

        Raises:
            DataError: labels are numbers and nobody says what they stand for.
        """
        layout = _layout(path)
        if layout is None:
            raise DataError(f"{path} has no columns of paths and labels.")
        rows = [row for row in csv_rows(path, delimiter=layout.delimiter) if has_cells(row, layout.width, options)]
        if options.classes is None:
            _check_named({row.cells[layout.label] for row in rows}, path)
        tree = Tree(path.parent)
        understood = (_found(row, layout, tree, options) for row in rows)
        found = [file for file in understood if file is not None]
        classes = class_set_for(file.label for file in found) if found and options.classes is None else FER7
        return import_files(found, path, classes, options, [name for name, _ in layout.votes])


def _layout(path: Path) -> _Layout | None:
    """How a file is laid out; None where it is no such list."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return None
    with path.open("rb") as file:
        line = file.readline(_LONGEST_HEADER_BYTES).decode("utf-8-sig", errors="replace").strip("\r\n")
    delimiter = max(_DELIMITERS, key=line.count)
    names = [name.strip().lower() for name in next(csv.reader([line.replace("\0", "")], delimiter=delimiter), [])]
    path_column, label = _place(names, PATH_COLUMNS), _place(names, _LABELS)
    if path_column is None or label is None or "pixels" in names:
        return None
    votes = tuple((canonical(n.removeprefix(v)), i) for i, n in enumerate(names) for v in _VOTES if n.startswith(v))
    split, subject = _place(names, _SPLITS), _place(names, _SUBJECTS)
    return _Layout(delimiter, len(names), path_column, label, split, subject, votes)


def _place(names: list[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _number(label: str) -> int | None:
    """The number that a label is, also as pandas writes a column with gaps (`3.0`)."""
    plain = label.strip().removesuffix(".0")
    return int(plain) if plain.isascii() and plain.removeprefix("-").isdigit() and len(plain) < 9 else None


def _check_named(labels: set[str], path: Path) -> None:
    numbers = sorted(label.strip() for label in labels if _number(label) is not None)
    if numbers:
        raise DataError(
            f"Labels of {path} are numbers ({', '.join(numbers[:8])}), and the file does not say which classes they "
            "stand for. Give the class names in order, from 0 (classes=ClassSet(...)), or write names instead."
        )


def _found(row: Row, layout: _Layout, tree: Tree, options: ReadOptions) -> Found | None:
    """The file of a row with what the row says of it; None where there is a problem, which is noted."""
    try:
        label = _label(row.cells[layout.label], options.classes)
        split = _split(row.cells[layout.split] if layout.split is not None else "train")
        votes = [_vote(row.cells[column]) for _, column in layout.votes]
    except _BadCellError as error:
        options.report(Problem(row.where, str(error), AGAIN, row.number, error.kind))
        return None
    file = file_of(row.cells[layout.path], row, tree, options)
    if file is None:
        return None
    subject = row.cells[layout.subject].strip() if layout.subject is not None else subject_of(file.name)
    place = file.relative_to(tree.root).as_posix()
    return Found(file, place, label, split, subject or None, votes or None, row.number)


class _BadCellError(DataError):
    """A cell that stands for nothing."""

    def __init__(self, message: str, kind: Kind) -> None:
        super().__init__(message)
        self.kind = kind


def _label(text: str, classes: ClassSet | None) -> str:
    number = _number(text)
    if number is not None and classes is not None:
        if not 0 <= number < len(classes):
            said = f"the label is {number}, but the classes are numbered 0 to {len(classes) - 1}"
            raise _BadCellError(said, "unknown-code")
        return classes.names[number]
    if not text.strip():
        raise _BadCellError("the label is empty", "unknown-code")
    return canonical(text)


def _split(text: str) -> str:
    split = canonical_split(text)
    if split is None:
        said = f"the split is {text!r}, not train, validation or test in any usual spelling"
        raise _BadCellError(said, "unknown-split")
    return split


def _vote(text: str) -> float:
    try:
        votes = float(text)
    except ValueError:
        votes = math.nan
    if not 0 <= votes < math.inf:
        raise _BadCellError(f"a vote is {text!r}, not a number from 0 on", "unknown-code")
    return votes

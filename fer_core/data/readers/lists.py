"""What readers of lists share: lists of picture files with their labels, as CSV or plain text."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_core.data.readers.base import Problem, ReadOptions
from fer_core.data.readers.files import OutsideError, Tree, outside
from fer_core.errors import DataError

AGAIN = "unpack the data set again, or correct the list"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list; `number` counts from 1, without the names of the columns."""

    number: int
    where: str
    cells: list[str]


def csv_rows(path: Path, *, names: bool = True, delimiter: str = ",") -> Iterator[Row]:
    """The rows of a list, passing over empty lines.

    Args:
        path: the file, UTF-8.
        names: whether the first line names the columns; it is no row.
        delimiter: what separates the cells.

    Raises:
        DataError: a cell is so long that the file cannot be a list.
    """
    number = 0
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = csv.reader(file, delimiter=delimiter)
        try:
            for cells in lines:
                if names:
                    names = False
                elif cells:
                    number += 1
                    yield Row(number, f"{path.name}, row {number} (line {lines.line_num})", cells)
        except csv.Error as error:
            raise DataError(f"{path} cannot be read as a list at line {lines.line_num} ({error}).") from error


def has_cells(row: Row, wanted: int, options: ReadOptions) -> bool:
    """Whether a row has as many cells as there are columns; otherwise a problem."""
    if len(row.cells) == wanted:
        return True
    said = f"it has {len(row.cells)} field(s), but the header has {wanted}"
    options.report(Problem(row.where, said, AGAIN, row.number, "broken-row"))
    return False


def file_of(name: str, row: Row, tree: Tree, options: ReadOptions) -> Path | None:
    """The file that a row names; None where there is none in the data set, which is a problem."""
    try:
        found = tree.find(name)
    except OutsideError:
        options.report(outside(f"{row.where}: {name}", tree.root, row.number))
        return None
    if found is None:
        said = f"there is no {name} in {tree.root}" if name.strip() else "it names no file"
        options.report(Problem(row.where, said, AGAIN, row.number, "missing-file"))
    return found

"""Readers of published data sets, one file per format.

A new format is a new module in this folder with a class under `@register`; it is found by being here.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pyarrow as pa

from fer_core.data.readers.base import (
    REGISTRY,
    Import,
    OnError,
    Problem,
    Progress,
    Reader,
    ReadOptions,
    csv_header,
)
from fer_core.data.readers.ferplus_csv import attach_votes
from fer_core.errors import DataError
from fer_core.labels import ClassSet

__all__ = ["Import", "Problem", "Reader", "read_samples", "readers"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def readers() -> tuple[Reader, ...]:
    """All readers, sorted by name."""
    return tuple(REGISTRY[name] for name in sorted(REGISTRY))


def read_samples(
    path: Path | str,
    *,
    labels: Path | str | None = None,
    on_error: OnError = "stop",
    progress: Progress | None = None,
    classes: ClassSet | None = None,
    cache_file: Path | None = None,
) -> Import:
    """Reads a data set of any known layout.

    Args:
        path: file or folder.
        labels: FER+'s `fer2013new.csv`, whose votes are attached to the rows of FER2013 in `path`.
        on_error: `stop` raises at the first row or picture that cannot be read; `skip` leaves it out and
            tells of it in the result.
        progress: called now and then with (done, total); the unit is the reader's (bytes, rows or files).
        classes: what integer labels stand for, in order, for a Parquet or CSV file that does not tell. For data sets
            that do tell, the classes to take: what is labelled otherwise is left out and counted.
        cache_file: where what was seen in picture files is kept, so that an import that was broken off goes on
            where it stopped; None keeps nothing.

    Returns:
        The samples, the problems, and the counts of what was left out; at least one sample.

    Raises:
        DataError: the path does not exist, has no known layout, or (with `stop`) holds something unreadable.
    """
    path = Path(path)
    try:
        reader = next((r for r in readers() if r.matches(path)), None)
        if reader is None:
            raise DataError(_no_reader(path))
        result = reader.read(path, ReadOptions(on_error, progress, classes, cache_file))
        return result if labels is None else attach_votes(result, Path(labels), on_error)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read to its end ({error}); check the permissions or copy it again."
        ) from error


def _no_reader(path: Path) -> str:
    """Why no reader takes this path, and what is taken."""
    layouts = "Known layouts: " + "; ".join(r.describe for r in readers()) + "."
    if not path.exists():
        return f"There is no file or folder {path}; check the spelling. {layouts}"
    if path.is_dir():
        return f"{_no_folder(path)} {layouts}"
    if not path.stat().st_size:
        return f"{path} is empty (0 bytes); download or export it again. {layouts}"
    columns = csv_header(path) if path.suffix.lower() in (".csv", ".txt", ".tsv") else []
    if columns:
        return f"{path} has the columns {', '.join(columns)}, which fit no known layout. {layouts}"
    return f"{path} ends in {path.suffix or 'no suffix'!r} and has no known layout. {layouts}"


def _no_folder(path: Path) -> str:
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    if not inside:
        return f"The folder {path} is empty; choose one with pictures in folders named after the expressions."
    nested = next((p for p in inside if p.is_dir() and any(r.matches(p) for r in readers())), None)
    if nested is not None:
        return f"The folder {path} holds no classes itself, but {nested} does; choose that one."
    some = ", ".join(p.name for p in inside[:5])
    return f"The folder {path} has no class folders with pictures in them; it holds {some}."

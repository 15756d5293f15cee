"""Looks at picture files: several at once, and each only once, however often an import is broken off."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from fer_core.data.looks import LOOK_COLUMNS, Look, Reduced, measured, reduced
from fer_core.data.pictures import read_picture
from fer_core.errors import DataError, ImageError

_BATCH = 256
_CHUNK = 32
_THREADS = 4
# Goes up with every change of what a look measures, so that no cache answers with what was measured otherwise.
_TABLE = "looks_1"


class LookCache:
    """What was seen in files, kept on disk by path, size and time of change.

    Args:
        file: SQLite file; made where it is missing. Without one nothing is kept.

    Raises:
        DataError: the file is no cache, or cannot be written.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        if file is not None:
            with self._told():
                file.parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(file, timeout=30)
                columns = f"path TEXT PRIMARY KEY, stamp TEXT, {', '.join(LOOK_COLUMNS)}"
                self._connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({columns})")

    def get(self, path: Path, stamp: str) -> Look | None:
        """What was seen in a file, if it has not changed since."""
        if self._connection is None or not is_utf8(str(path)):
            return None
        with self._told():
            query = f"SELECT * FROM {_TABLE} WHERE path = ?"  # noqa: S608
            row = self._connection.execute(query, (str(path),)).fetchone()
        return Look(*row[2:]) if row is not None and row[1] == stamp else None

    def put(self, seen: Sequence[tuple[Path, str, Look]]) -> None:
        """Keeps what was seen, at once on disk."""
        if self._connection is not None:
            marks = ", ".join("?" * (2 + len(LOOK_COLUMNS)))
            rows = [(str(path), stamp, *dataclasses.astuple(look)) for path, stamp, look in seen if is_utf8(str(path))]
            with self._told(), self._connection:
                self._connection.executemany(f"INSERT OR REPLACE INTO {_TABLE} VALUES ({marks})", rows)  # noqa: S608

    def close(self) -> None:
        """Lets go of the file."""
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            self.close()
            raise DataError(
                f"{self._file} cannot keep what was seen in the pictures ({error}); delete it, or keep it elsewhere."
            ) from error


def look_at_files(paths: Sequence[Path], cache_file: Path | None = None) -> Iterator[Look | ImageError]:
    """What there is to see in each file, in their order; an ImageError where one cannot be read.

    Pictures are decoded by several threads (OpenCV and Pillow let go of the interpreter while they decode).

    Args:
        paths: picture files.
        cache_file: where what was seen is kept after every batch; None keeps nothing.

    Raises:
        DataError: the cache file is no cache, or cannot be written.
    """
    cache = LookCache(cache_file)
    try:
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in range(0, len(paths), _BATCH):
                yield from _look_at_batch(paths[start : start + _BATCH], cache, threads)
    finally:
        cache.close()


def _look_at_batch(paths: Sequence[Path], cache: LookCache, threads: ThreadPoolExecutor) -> list[Look | ImageError]:
    stamps = [_stamp(path) for path in paths]
    found: list[Look | ImageError | None] = [cache.get(p, s) for p, s in zip(paths, stamps, strict=True)]
    unseen = [i for i, look in enumerate(found) if look is None]
    chunks = [unseen[start : start + _CHUNK] for start in range(0, len(unseen), _CHUNK)]
    for chunk, answers in zip(chunks, threads.map(lambda c: _look_at([paths[i] for i in c]), chunks), strict=True):
        for i, answer in zip(chunk, answers, strict=True):
            found[i] = answer
    cache.put([(paths[i], stamps[i], look) for i in unseen if isinstance(look := found[i], Look)])
    return [look for look in found if look is not None]


def _look_at(paths: Sequence[Path]) -> list[Look | ImageError]:
    """Keeps of each picture only its reduction, so that a batch of large ones takes no more memory than one."""
    answers = [_read(path) for path in paths]
    seen = iter(measured([answer for answer in answers if isinstance(answer, Reduced)]))
    return [next(seen) if isinstance(answer, Reduced) else answer for answer in answers]


def _read(path: Path) -> Reduced | ImageError:
    try:
        return reduced(read_picture(path, "the picture"))
    except ImageError as error:
        return error


def is_utf8(text: str) -> bool:
    """Whether a path can be written down: SQLite and Arrow take no names that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""  # it is read all the same, and the error told
    return f"{status.st_size} {status.st_mtime_ns}"

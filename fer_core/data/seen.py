"""What was found out about pictures, kept on disk, so that work that was broken off goes on where it stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_core.errors import DataError


class Seen:
    """Rows by key, each believed only as long as its stamp is the same.

    Args:
        file: SQLite file; made where it is missing. Without one nothing is kept.
        table: name of the table; it goes up with every change of what its columns mean.
        columns: names of what is kept.

    Raises:
        DataError: the file is no such file, or cannot be written.
    """

    def __init__(self, file: Path | None, table: str, columns: Sequence[str]) -> None:
        self._file, self._table, self._width = file, table, 2 + len(columns)
        self._connection: sqlite3.Connection | None = None
        if file is not None:
            with self._told():
                file.parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(file, timeout=30)
                names = f"path TEXT PRIMARY KEY, stamp TEXT, {', '.join(columns)}"
                self._connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({names})")

    def get(self, key: str, stamp: str) -> tuple[Any, ...] | None:
        """What was kept under a key, in the order of the columns; None for another stamp, or nothing."""
        if self._connection is None:
            return None
        with self._told():
            query = f"SELECT * FROM {self._table} WHERE path = ?"  # noqa: S608
            row = self._connection.execute(query, (key,)).fetchone()
        return row[2:] if row is not None and row[1] == stamp else None

    def put(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Keeps rows (key, stamp, columns...), at once on disk."""
        if self._connection is not None:
            marks = ", ".join("?" * self._width)
            with self._told(), self._connection:
                self._connection.executemany(f"INSERT OR REPLACE INTO {self._table} VALUES ({marks})", rows)  # noqa: S608

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

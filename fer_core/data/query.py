"""Filters, sorts and counts a version of a data set without loading it: DuckDB on its Parquet file."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from fer_core.errors import DataError

# What can be bounded and sorted by, with the words for it.
NUMBERS = {
    "brightness": "brightness (mean grey, 0 to 255)",
    "contrast": "contrast (standard deviation of grey)",
    "sharpness": "sharpness (variance of the Laplacian)",
    "width": "width (pixels)",
    "height": "height (pixels)",
    "vote_entropy": "disagreement of the votes (bits)",
    "confidence": "confidence of the prediction",
    "loss": "loss of the prediction (nats)",
}
OF_ANSWERS = ("predicted", "confidence", "loss")
_NAMED = ("label", "split", "source", "subject_id", "pose", "predicted")
_SORTED_BY = ("row", "label", "subject_id", "predicted", *NUMBERS)
_MEMORY = "400MB"


@dataclass(frozen=True)
class Filters:
    """What a sample must be to be shown; everything that is given must hold.

    Attributes:
        among: column to the values that pass, of `label`, `split`, `source`, `subject_id`, `pose`, `predicted`; None
            among the values passes where the cell is empty. A column with no values lets everything pass.
        between: column of `NUMBERS` to (lowest, highest), both included; an empty cell does not pass.
        outcome: whether the prediction is the label.
        rows: only these rows of the data set; None for all.
    """

    among: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    between: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    outcome: Literal["any", "right", "wrong"] = "any"
    rows: tuple[int, ...] | None = None

    def needs_answers(self) -> bool:
        """Whether a checkpoint's answers are asked for."""
        asked = {*(c for c, values in self.among.items() if values), *self.between}
        return self.outcome != "any" or bool(asked & set(OF_ANSWERS))


class Catalogue:
    """One version of a data set, and what one checkpoint says of it. Threads may share one.

    Args:
        table: Parquet file of the version (`DataSet.table_file`).
        answers: Parquet file of a checkpoint's answers (`answers.answers_file`), where there is one.

    Raises:
        DataError: one of the files is missing or damaged; every question may raise it, too.
    """

    def __init__(self, table: Path, answers: Path | None = None) -> None:
        self.has_answers = answers is not None
        self._files = (table, answers)
        self._connection = duckdb.connect(config={"memory_limit": _MEMORY})
        self._connection.execute("SET parquet_metadata_cache = true")
        with _told(table, answers):
            there = self._connection.sql(f"SELECT * FROM {_source(table)} LIMIT 0").columns
        # A version that was written before there was a column has none of it.
        samples = _source(table) if "pose" in there else f"(SELECT *, NULL::VARCHAR AS pose FROM {_source(table)})"
        view = f"SELECT * FROM {samples}"
        if answers is not None:
            # A class that the checkpoint does not have has no loss; greatest alone would pass over the missing value.
            view = (
                "SELECT s.*, a.predicted, a.confidence, CASE WHEN list_contains(a.classes, s.label) THEN "
                "-ln(greatest(a.probabilities[list_position(a.classes, s.label)], 1e-12)) END AS loss "
                f"FROM {samples} s LEFT JOIN {_source(answers)} a USING (row)"
            )
        with _told(table, answers):
            self._connection.execute(f"CREATE VIEW samples AS {view}")

    def count(self, filters: Filters) -> int:
        """Number of samples that pass."""
        return int(self._ask("SELECT count(*) AS n FROM samples", filters)["n"][0].as_py())

    def page(
        self, filters: Filters, order: str = "row", *, descending: bool = False, offset: int = 0, limit: int = 60
    ) -> pa.Table:
        """Some of the samples that pass, in order.

        Args:
            filters: who passes.
            order: `row` (as imported), `label`, `subject_id`, `predicted`, or one of `NUMBERS`; empty cells come last,
                equal ones as imported.
            descending: from the highest.
            offset: how many are passed over.
            limit: how many are given at most.

        Returns:
            The columns of `store.VERSION`, and where there are answers predicted, confidence and loss.

        Raises:
            DataError: an order that there is none of, or one that needs answers where there are none.
        """
        if order not in _SORTED_BY:
            raise DataError(f"Samples cannot be sorted by {order!r}, but by {', '.join(_SORTED_BY)}.")
        self._check([order])
        way = "DESC" if descending else "ASC"
        return self._ask(
            "SELECT * FROM samples",
            filters,
            f"ORDER BY {order} {way} NULLS LAST, row LIMIT {int(limit)} OFFSET {int(offset)}",
        )

    def rows(self, filters: Filters) -> list[int]:
        """Rows of all samples that pass, rising."""
        return list(self._ask("SELECT row FROM samples", filters, "ORDER BY row")["row"].to_pylist())

    def counts(self, filters: Filters, *columns: str) -> list[dict[str, Any]]:
        """Number `n` of samples that pass for each combination of cells of some columns, most first."""
        self._check(columns)
        listed = ", ".join(columns)
        query = f"SELECT {listed}, count(*) AS n FROM samples"
        found = self._ask(query, filters, f"GROUP BY {listed} ORDER BY n DESC, {listed}")
        return list(found.to_pylist())

    def span(self, column: str) -> tuple[float, float] | None:
        """Lowest and highest value of one of `NUMBERS`; None where all cells are empty."""
        self._check([column])
        found = self._ask(f"SELECT min({column}) AS lowest, max({column}) AS highest FROM samples", Filters())
        low, high = found["lowest"][0].as_py(), found["highest"][0].as_py()
        return None if low is None else (float(low), float(high))

    def _check(self, columns: Any) -> None:
        known = {"row", "vote_label", *_NAMED, *NUMBERS}
        for column in columns:
            if column not in known:
                raise DataError(f"A sample has no {column!r}.")
            if column in OF_ANSWERS and not self.has_answers:
                raise DataError(f"There is no {column} yet: let the checkpoint classify this data set first.")

    def _ask(self, query: str, filters: Filters, then: str = "") -> pa.Table:
        query, values = self._where(query, filters)
        with _told(*self._files):
            return self._connection.cursor().sql(f"{query} {then}", params=values).to_arrow_table()

    def _where(self, query: str, filters: Filters) -> tuple[str, list[Any]]:
        """The query with the filters' conditions; values travel beside it, never within."""
        conditions: list[str] = []
        values: list[Any] = []
        for column, passing in filters.among.items():
            if column not in _NAMED:
                raise DataError(f"Samples cannot be filtered by {column!r}, but by {', '.join(_NAMED)}.")
            if passing:
                self._check([column])
                named = [v for v in passing if v is not None]
                empty = f" OR {column} IS NULL" if None in passing else ""
                conditions.append(f"({column} IN (SELECT unnest(?::VARCHAR[])){empty})")
                values.append(named)
        for column, (low, high) in filters.between.items():
            if column not in NUMBERS:
                raise DataError(f"{column!r} has no bounds; {', '.join(NUMBERS)} have.")
            self._check([column])
            conditions.append(f"{column} BETWEEN ? AND ?")
            values += [low, high]
        if filters.outcome != "any":
            self._check(["predicted"])
            conditions.append("predicted = label" if filters.outcome == "right" else "predicted <> label")
        if filters.rows is not None:
            conditions.append("row IN (SELECT unnest(?::BIGINT[]))")
            values.append(list(filters.rows))
        return (f"{query} WHERE {' AND '.join(conditions)}" if conditions else query), values


def _source(file: Path) -> str:
    """A Parquet file for DuckDB, to which a star, a `key=value` or a tilde in a path would mean more than a name."""
    name = glob.escape(str(file.absolute())).replace("'", "''")
    return f"read_parquet('{name}', hive_partitioning = false)"


@contextmanager
def _told(table: Path, answers: Path | None) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        files = f"{table} or {answers}" if answers else str(table)
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{files} cannot be searched ({reason}); show another version, or let the checkpoint classify again."
        ) from error

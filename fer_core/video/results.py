"""What an analysis left, read a part at a time: a table of hours of film does not fit on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_core.errors import DataError
from fer_core.video.job import ANNOTATED, FACES, PICTURES, read_summary

MOST_POINTS = 2000
_TEXTS = {FACES: {"file": "VARCHAR"}, PICTURES: {"file": "VARCHAR", "drawn": "VARCHAR", "problem": "VARCHAR"}}


@dataclass(frozen=True)
class Result:
    """The folder of one analysis.

    Attributes:
        folder: where `analyse_video` or `analyse_pictures` wrote to.
    """

    folder: Path

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the analysis returned.

        Raises:
            DataError: there is none, or it is damaged.
        """
        return read_summary(self.folder)

    @property
    def annotated(self) -> Path | None:
        """The annotated video; None where there is none."""
        path = self.folder / ANNOTATED
        return path if path.is_file() else None

    def tracks(self, most: int = 100) -> list[dict[str, Any]]:
        """The faces of a video, those seen longest first; empty without a face.

        Returns:
            `track`, `start_s`, `end_s`, `frames`, `shown` (the reading that it has in most frames) and `share` (of its
            frames in which it has it).
        """
        return self._rows(
            """
            WITH counted AS (SELECT track, shown, count(*) AS n, min(time_s) AS first_s, max(time_s) AS last_s
                             FROM faces GROUP BY track, shown)
            SELECT track, min(first_s) AS start_s, max(last_s) AS end_s, sum(n)::BIGINT AS frames,
                   arg_max(shown, n) AS shown, max(n) / sum(n) AS share
            FROM counted GROUP BY track ORDER BY frames DESC, track LIMIT ?
            """,
            [most],
        )

    def shares(self) -> dict[str, float]:
        """Share of all rows by reading, most frequent first, sum 1; empty without a face."""
        rows = self._rows("SELECT shown, count(*) AS n FROM faces GROUP BY shown ORDER BY n DESC, shown", [])
        total = sum(row["n"] for row in rows)
        return {str(row["shown"]): row["n"] / total for row in rows}

    def timeline(self, track: int, most: int = MOST_POINTS) -> list[dict[str, Any]]:
        """The rows of one face of a video by time, evenly thinned to about `most`; the last one is always there."""
        return self._rows(
            """
            WITH own AS (SELECT *, row_number() OVER (ORDER BY frame) - 1 AS place, count(*) OVER () AS n FROM faces
                         WHERE track = ?)
            SELECT * EXCLUDE (place, n) FROM own
            WHERE place % greatest(1, ceil(n / ?))::BIGINT = 0 OR place = n - 1 ORDER BY frame
            """,
            [track, most],
        )

    def rows(self, most: int = 1000, offset: int = 0) -> list[dict[str, Any]]:
        """Rows of `faces.csv` as they stand there."""
        return self._rows("SELECT * FROM faces LIMIT ? OFFSET ?", [most, offset])

    def pictures(self, most: int = 1000) -> list[dict[str, Any]]:
        """Rows of `pictures.csv`; with the readings of the faces as `shown`, such as `2 happy, 1 unsure`.

        Empty for a video.
        """
        if not (self.folder / PICTURES).is_file():
            return []
        return self._rows(
            """
            WITH counted AS (SELECT file, shown, count(*) AS n FROM faces GROUP BY ALL),
            told AS (SELECT file, string_agg(n || ' ' || shown, ', ' ORDER BY n DESC, shown) AS shown FROM counted
                     GROUP BY file)
            SELECT pictures.*, told.shown FROM pictures LEFT JOIN told USING (file) ORDER BY pictures.file LIMIT ?
            """,
            [most],
        )

    def _rows(self, query: str, values: list[Any]) -> list[dict[str, Any]]:
        """Asks DuckDB, which reads the files as a stream."""
        import duckdb

        with duckdb.connect() as connection:
            try:
                for name in (FACES, PICTURES):
                    if (self.folder / name).is_file():
                        # Names of files are text, also where one looks like a number or a date.
                        texts = _TEXTS[name] if (self.folder / PICTURES).is_file() else {}
                        read = connection.read_csv(str(self.folder / name), header=True, delimiter=",", dtype=texts)
                        read.create_view(name.removesuffix(".csv"))
                found = connection.execute(query, values)
                names = [column[0] for column in found.description or ()]
                return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
            except duckdb.Error as error:
                raise DataError(f"The tables in {self.folder} cannot be read ({error}); analyse it again.") from error

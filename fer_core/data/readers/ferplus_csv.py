"""FER+'s `fer2013new.csv`: votes without pictures, to be attached to the rows of FER2013.

The file names no picture of FER2013. Its rows are in the order of `fer2013.csv` (35,887 in both), which is
how the authors' own script joins the two; their picture names (`fer0000017.png`) are not row numbers
throughout.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from fer_core.data.ferplus import VOTE_CLASSES
from fer_core.data.readers.base import Import, OnError, Problem, ReadOptions, csv_header, register
from fer_core.data.schema import SPLITS, canonical_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import FERPLUS8, canonical

_REPAIR = "correct the row or download the file again"
# On the real files 63 % of FER2013's labels are FER+'s most frequent vote; 23 % when all votes are one row off.
_LEAST_AGREEMENT = 0.4
_ENOUGH_ROWS = 200


@dataclass(frozen=True)
class _Votes:
    """The rows of a FER+ file.

    Attributes:
        splits: split of each row.
        counts: votes of each row in the order of `VOTE_CLASSES`; None where the row cannot be read.
    """

    splits: list[str]
    counts: list[list[int] | None]


@register
class FerPlusCsv:
    """Recognises FER+'s votes and says where they belong; they are no data set by themselves."""

    name = "ferplus-csv"
    describe = "FER+'s votes (fer2013new.csv), given as labels beside FER2013's file"

    def matches(self, path: Path) -> bool:
        """A CSV file with the columns of FER+."""
        return not _missing(path)

    def read(self, path: Path, options: ReadOptions) -> Import:  # noqa: ARG002  (the signature of every reader)
        """Never succeeds.

        Raises:
            DataError: always; the file holds no pictures.
        """
        raise DataError(
            f"{path} holds FER+'s votes but no pictures. Open fer2013.csv, icml_face_data.csv or a Parquet file of "
            "FER2013, and give this file as its labels."
        )


def attach_votes(result: Import, path: Path, on_error: OnError = "stop") -> Import:
    """FER2013 with FER+'s votes; labels stay FER2013's.

    Rows are matched by position: over the whole file where both have the same number of rows, otherwise
    within each split (FER+ file complete, FER2013 file without PrivateTest).

    Args:
        result: FER2013, read from a file that keeps the order of its rows.
        path: `fer2013new.csv`.
        on_error: what to do about a row of votes that cannot be read; with `skip` its face has no votes.

    Raises:
        DataError: the file is no FER+ file, a row cannot be read (with `stop`), the numbers of rows do not
            fit, or the votes contradict the labels so often that the rows must be in another order.
    """
    if result.samples.table["image"].null_count:
        raise DataError(
            f"{path.name} is matched by the order of rows, which a folder of pictures does not have; import FER2013 "
            "from its CSV or Parquet file."
        )
    options = ReadOptions(on_error)
    votes = _read(path, options)
    positions = _positions(result, votes, path)
    counts = [votes.counts[p] for p in positions]
    _check_agreement(result.samples, counts, path)
    table = result.samples.table
    index = table.schema.get_field_index("votes")
    table = table.set_column(index, table.schema.field("votes"), pa.array(counts, type=pa.list_(pa.float32())))
    samples = SampleTable(table, result.samples.classes, VOTE_CLASSES)
    return Import(samples, (*result.problems, *options.problems), result.left_out)


def _missing(path: Path) -> list[str]:
    """Columns of FER+ that a file lacks."""
    header = {canonical(name) for name in csv_header(path)}
    return [name for name in ("usage", *VOTE_CLASSES) if name not in header]


def _read(path: Path, options: ReadOptions) -> _Votes:
    if not path.is_file():
        raise DataError(f"There is no file {path}; FER+'s votes are in fer2013new.csv.")
    if _missing(path):
        raise DataError(
            f"{path} lacks the column(s) {', '.join(_missing(path))}. It has {', '.join(csv_header(path)) or 'none'}; "
            "FER+'s fer2013new.csv has Usage, Image name and ten columns of votes."
        )
    header = [canonical(name) for name in csv_header(path)]
    usage, columns = header.index("usage"), [header.index(name) for name in VOTE_CLASSES]
    votes = _Votes([], [])
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = csv.reader(file)
        next(lines)
        for cells in filter(None, lines):
            number = len(votes.splits) + 1
            where = f"{path.name}, row {number} (line {lines.line_num})"
            split = canonical_split(cells[usage]) if len(cells) == len(header) else None
            found = [cells[c].strip() for c in columns] if split else []
            wrong = next((f"a vote is {cell!r}" for cell in found if not _is_count(cell)), None)
            if split is None:
                wrong = f"it has {len(cells)} of {len(header)} fields or an unknown Usage ({','.join(cells)[:60]!r})"
            if wrong:
                options.report(Problem(where, wrong, _REPAIR, number, "unknown-code" if split else "broken-row"))
            votes.splits.append(split or "")
            votes.counts.append(None if wrong else [int(cell) for cell in found])
    return votes


def _is_count(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) < 4


def _positions(result: Import, votes: _Votes, path: Path) -> list[int]:
    """For each sample its row in the FER+ file, from 0."""
    samples = result.samples
    splits: list[str] = samples.table["split"].to_pylist()
    left_out = {p.row for p in result.problems if p.row is not None}
    total = len(samples) + len(left_out)
    if total == len(votes.splits):
        positions = [i for i in range(total) if i + 1 not in left_out]
        other = next((i for i, s in zip(positions, splits, strict=True) if votes.splits[i] not in (s, "")), None)
        if other is None:
            return positions
        if left_out:
            raise DataError(
                f"Row {other + 1} is in another split in {path} than in FER2013's file; the two do not fit."
            )
    if left_out:
        raise DataError(
            f"{len(left_out)} row(s) of FER2013 could not be read and {path} has {len(votes.splits):,} rows instead of "
            f"{total:,}, so that the votes cannot be matched by position; correct the rows, or use the complete "
            "fer2013.csv."
        )
    return _positions_by_split(samples, votes, path)


def _positions_by_split(samples: SampleTable, votes: _Votes, path: Path) -> list[int]:
    """The first face of a split gets the first votes of that split, and so on; the numbers must be equal."""
    rows = {split: [i for i, s in enumerate(votes.splits) if s == split] for split in SPLITS}
    unlike = [(s, n, len(rows[s])) for s, n in samples.splits().items() if n != len(rows[s])]
    if unlike:
        counts = "; ".join(f"{s}: {n:,} faces, {v:,} rows of votes" for s, n, v in unlike)
        raise DataError(
            f"{path} does not fit these faces ({counts}). Votes are matched by position within each split, so both "
            "must be complete and in the original order."
        )
    seen: Counter[str] = Counter()
    positions = []
    for split in samples.table["split"].to_pylist():
        positions.append(rows[split][seen[split]])
        seen[split] += 1
    return positions


def _check_agreement(samples: SampleTable, counts: list[list[int] | None], path: Path) -> None:
    """Refuses votes in another order than the faces, which would otherwise spoil every number quietly."""
    labels: list[str | None] = samples.table["label"].to_pylist()
    pairs = [(label, c[: len(FERPLUS8)]) for label, c in zip(labels, counts, strict=True) if label and c]
    if len(pairs) < _ENOUGH_ROWS:
        return
    winners = np.array([c for _, c in pairs]).argmax(axis=1)
    share = float(np.mean([FERPLUS8.names[w] == label for w, (label, _) in zip(winners, pairs, strict=True)]))
    if share < _LEAST_AGREEMENT:
        raise DataError(
            f"Only {share:.0%} of the labels are the most frequent vote in {path} (about 63 % in the original files), "
            "so the rows are in another order; use both files as they were published."
        )

"""Data sets kept in the workspace: pictures once, and every version of the table beside them.

```
workspace/datasets/NAME/
    samples.arrow        the sample table as it was imported, pictures included; memory-mapped, never changed
    v0001.parquet        a version: which rows of it, under which labels, in which splits, and what is browsed by
    v0001.json           what the version is and where it comes from
    head.json            number of the version that is shown
    tags.json            rows by tag
    .lock                held while something is written
    answers/             what checkpoints say, see `answers`
    audit/               reports by version
```

A sample is known by its row in `samples.arrow`, in every version. A version is never changed: a remedy writes a new
one, and to undo it is to step back. Nothing here touches the files that were imported.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq
from filelock import FileLock
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from fer_core.card import NAME
from fer_core.data.looks import with_looks
from fer_core.data.schema import SCHEMA
from fer_core.data.scratch import LOCK, scratch_beside
from fer_core.data.table import SampleTable
from fer_core.data.taking import take_rows
from fer_core.data.versions import VERSION, Version, write_json, write_version
from fer_core.errors import DataError
from fer_core.labels import ClassSet
from fer_core.workspace import data_set_names, workspace

__all__ = ["VERSION", "DataSet", "Version", "keep", "list_data_sets", "open_data_set", "write_json"]
_ROWS_PER_BATCH = 10_000
_SAME = ["sha256", "votes"]
_TAGS = TypeAdapter(dict[str, tuple[int, ...]])


@dataclass(frozen=True)
class DataSet:
    """A data set in the workspace."""

    folder: Path

    @property
    def name(self) -> str:
        """As it was imported."""
        return self.folder.name

    @property
    def classes(self) -> ClassSet:
        """The labels' classes, in order."""
        return self._first.classes

    @property
    def vote_classes(self) -> tuple[str, ...]:
        """What annotators could vote for; empty where no votes are known."""
        return self._first.vote_classes

    @property
    def _first(self) -> SampleTable:
        return SampleTable.from_saved(self.imported.slice(0, 1), self.folder)

    @cached_property
    def imported(self) -> pa.Table:
        """The table as it was imported, memory-mapped: reading some cells costs nothing for the others.

        Raises:
            DataError: the file is missing or damaged.
        """
        file = self.folder / "samples.arrow"
        try:
            return pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{file} cannot be read ({error}); delete the data set {self.name} and import it again."
            ) from error

    @property
    def imported_at(self) -> int:
        """When it was imported, nanoseconds since 1970; tells it from another one of the same name, imported later."""
        return (self.folder / "samples.arrow").stat().st_mtime_ns

    def versions(self) -> tuple[Version, ...]:
        """All versions, the oldest first."""
        numbers = sorted(int(p.stem[1:]) for p in self.folder.glob("v*.json") if p.stem[1:].isdecimal())
        return tuple(self.version(number) for number in numbers)

    def version(self, number: int) -> Version:
        """One version.

        Raises:
            DataError: there is none of this number, or its note is damaged.
        """
        file = self._file(number, "json")
        try:
            return Version.model_validate_json(file.read_bytes())
        except FileNotFoundError as error:
            raise DataError(f"The data set {self.name} has no version {number}.") from error
        except ValidationError as error:
            raise DataError(f"{file} is damaged; delete it and show another version of {self.name}.") from error

    @property
    def head(self) -> Version:
        """The version that is shown and trained on."""
        try:
            number = int(json.loads((self.folder / "head.json").read_bytes())["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.folder / 'head.json'} is missing or damaged; import the data set {self.name} again, as it was."
            ) from error
        return self.version(number)

    def step_to(self, number: int) -> Version:
        """Makes another version the one that is shown; nothing is lost.

        Raises:
            DataError: there is none of this number.
        """
        version = self.version(number)
        write_json(self.folder / "head.json", {"version": number})
        return version

    def table_file(self, number: int) -> Path:
        """The Parquet file of a version, with the columns of `VERSION`."""
        return self._file(number, "parquet")

    def samples(self, number: int | None = None) -> SampleTable:
        """A version; without a number the one that is shown.

        Raises:
            DataError: there is none of this number, or its files are damaged.
        """
        file = self.table_file(self.head.number if number is None else self.version(number).number)
        try:
            version = pq.read_table(file, columns=["row", "label", "split"])
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file} cannot be read ({error}); show another version of {self.name}.") from error
        table = self.cells(version["row"])
        for name in ("label", "split"):
            table = table.set_column(SCHEMA.get_field_index(name), SCHEMA.field(name), version[name])
        return SampleTable.from_saved(table, file)

    def cells(self, rows: Sequence[int] | pa.ChunkedArray) -> pa.Table:
        """Rows of the table as it was imported, in the order that is asked for.

        Raises:
            DataError: a row that there is none of.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < self.imported.num_rows:
            raise DataError(f"The data set {self.name} has the rows 0 to {self.imported.num_rows - 1}, not others.")
        return take_rows(self.imported, wanted)

    def rows_of(self, sample_ids: Sequence[str]) -> list[int]:
        """The rows of some samples, in their order; ids that the data set never had are left out."""
        places = pc.index_in(pa.array(sample_ids, pa.string()), value_set=self.imported["sample_id"])
        return pc.drop_null(places).to_pylist()  # type: ignore[no-any-return]

    def rows_with(self, text: str) -> list[int]:
        """The rows of all samples whose id holds a text, in any case."""
        holds = pc.match_substring(self.imported["sample_id"], text, ignore_case=True)
        return np.flatnonzero(np.asarray(holds)).tolist()

    def add_version(self, samples: SampleTable, note: str, report: dict[str, Any] | None = None) -> Version:
        """Keeps a changed table and shows it; if nothing has changed, what is shown stays.

        Args:
            samples: samples of this data set with other labels or splits, or fewer of them.
            note: how it came to be, one line.
            report: figures of it.

        Raises:
            DataError: a sample that the data set never had, or other classes or votes; keep such a table under a name
                of its own.
        """
        with self._locked():
            return self._add_version(samples, note, report or {})

    def _add_version(self, samples: SampleTable, note: str, report: dict[str, Any]) -> Version:
        head = self.head
        data_hash = samples.data_hash()
        if data_hash == head.data_hash and len(samples) == head.n:
            return head
        rows = self._rows_of_same(samples)
        version = Version(
            number=1 + max(v.number for v in self.versions()), note=note, parent=head.number, n=len(samples),
            data_hash=data_hash, created=time.time(), report=report,
        )  # fmt: skip
        write_version(samples, rows, version, self.table_file(version.number))
        return self.step_to(version.number)

    def _rows_of_same(self, samples: SampleTable) -> NDArray[np.int64]:
        """The rows of samples that differ from what was imported in label and split at most.

        Raises:
            DataError: they differ in more.
        """
        rows = np.array(self.rows_of(samples.table["sample_id"].to_pylist()), dtype=np.int64)
        strangers = len(samples) - len(rows)
        if strangers:
            other = f"{strangers:,} of {len(samples):,} samples are not in the data set {self.name}"
        elif samples.classes.names != self.classes.names or samples.vote_classes != self._first.vote_classes:
            other = f"The data set {self.name} has other classes or votes"
        elif not self.imported.select(_SAME).take(rows).equals(samples.table.select(_SAME)):
            other = f"The data set {self.name} has other pictures or votes under these ids"
        else:
            return rows
        raise DataError(f"{other}; choose another name for them, or delete that data set first.")

    def tags(self) -> dict[str, tuple[int, ...]]:
        """Rows by tag, sorted by tag.

        Raises:
            DataError: the file of the tags is damaged.
        """
        file = self.folder / "tags.json"
        try:
            return dict(sorted(_TAGS.validate_json(file.read_bytes()).items()))
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            raise DataError(f"{file} is damaged; delete it to go on without tags.") from error

    def tag(self, name: str, rows: Iterable[int]) -> None:
        """Keeps a selection under a name, in the place of what had this name; an empty one deletes it.

        Raises:
            DataError: the name is empty, longer than 60 characters or holds a line break.
        """
        name = name.strip()
        if not name or len(name) > 60 or not name.isprintable():
            raise DataError(f"{name[:60]!r} is not a name for a tag: it has 1 to 60 printable characters.")
        with self._locked():
            tags = {**self.tags(), name: tuple(int(row) for row in rows)}
            write_json(self.folder / "tags.json", {tag: kept for tag, kept in tags.items() if kept})

    def delete(self) -> None:
        """Forgets the data set with all its versions; files that it was imported from stay."""
        with scratch_beside(self.folder) as gone, contextlib.suppress(FileNotFoundError):
            self.folder.replace(gone / self.name)  # at once, so that no half of it is ever listed

    def _locked(self) -> FileLock:
        return FileLock(self.folder / LOCK)

    def _file(self, number: int, suffix: str) -> Path:
        return self.folder / f"v{number:04}.{suffix}"


def keep(name: str, samples: SampleTable, note: str, report: dict[str, Any] | None = None) -> DataSet:
    """Keeps samples as a data set.

    Once more with the samples of a version nothing is written, and it is shown again; with other labels or splits, or
    fewer samples, they become a new version.

    Args:
        name: of the data set; letters, digits, '.', '_' and '-'.
        samples: pictures included; looks that are missing are filled in.
        note: where they come from, one line.
        report: what came of the import.

    Raises:
        DataError: the name cannot be one, there is a data set of this name with other pictures, classes or votes, there
            are no samples, or no room.
        ImageError: a picture cannot be read (any more).
    """
    check_name(name)
    if not len(samples):
        raise DataError(f"There are no samples to keep as {name}.")
    samples = with_looks(samples)
    data_set = DataSet(workspace() / "datasets" / name)
    if (data_set.folder / "samples.arrow").is_file():
        return _again(data_set, samples, note, report or {})
    version = Version(
        number=1, note=note, parent=None, n=len(samples), data_hash=samples.data_hash(), created=time.time(),
        report=report or {},
    )  # fmt: skip
    try:
        with scratch_beside(data_set.folder) as scratch:
            _write(samples, version, scratch)
            shutil.rmtree(data_set.folder, ignore_errors=True)  # without pictures it is no data set
            scratch.replace(data_set.folder)
    except OSError as error:
        raise DataError(f"{data_set.folder} cannot be written ({error}); make room, or choose another name.") from error
    return data_set


def check_name(name: str) -> None:
    """Refuses what cannot be the name of a data set.

    Raises:
        DataError: other characters than letters, digits, '.', '_' and '-', or too many.
    """
    if not NAME.fullmatch(name):
        raise DataError(
            f"{name[:100]!r} is not a name for a data set: it begins with a letter or a digit and goes on with "
            "letters, digits, '.', '_' and '-', at most 100 in all."
        )


def _write(samples: SampleTable, version: Version, folder: Path) -> None:
    """All files of a data set with its first version."""
    with pa.OSFile(str(folder / "samples.arrow"), "wb") as file, pa.ipc.new_file(file, samples.table.schema) as to:
        to.write_table(samples.table, max_chunksize=_ROWS_PER_BATCH)
    scratch = DataSet(folder)
    write_version(samples, np.arange(len(samples)), version, scratch.table_file(version.number))
    scratch.step_to(version.number)


def _again(data_set: DataSet, samples: SampleTable, note: str, report: dict[str, Any]) -> DataSet:
    data_set._rows_of_same(samples)  # noqa: SLF001  (of this module)
    known = {v.data_hash: v.number for v in data_set.versions()}
    same = known.get(samples.data_hash())
    if same is not None:
        data_set.step_to(same)
    else:
        data_set.add_version(samples, note, report)
    return data_set


def list_data_sets() -> tuple[DataSet, ...]:
    """The data sets of the workspace, sorted by name."""
    return tuple(DataSet(workspace() / "datasets" / name) for name in data_set_names())


def open_data_set(name: str) -> DataSet:
    """A data set of the workspace.

    Raises:
        DataError: there is none of this name; the message names those there are.
    """
    known = {d.name: d for d in list_data_sets()}
    if name not in known:
        there = f"There are: {', '.join(known)}." if known else "None has been imported yet."
        raise DataError(f"There is no data set {name[:100]!r} in {workspace()}. {there}")
    return known[name]

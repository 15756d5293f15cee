"""What every reader shares: the registry, the options, and the log of what could not be read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from fer_core.data.look_files import look_at_files
from fer_core.data.looks import Look
from fer_core.data.table import SampleTable
from fer_core.errors import DataError, ImageError
from fer_core.labels import ClassSet

Progress = Callable[[int, int], None]
OnError = Literal["stop", "skip"]
Kind = Literal[
    "unreadable",  # a picture or an annotation that cannot be decoded
    "missing-file",  # named by a list or by its partner, but not there
    "broken-row",  # a line whose fields cannot be told apart, or that lacks one
    "unknown-code",  # a label or vote that stands for nothing
    "unknown-split",
    "misnamed",  # the name does not follow the data set's scheme
    "misplaced",  # in a folder where it does not belong
    "outside",  # leads out of the data set
    "doubled",  # the same sample twice
]
PATH_COLUMNS = ("path", "file", "filename", "file_name", "image", "image_path", "filepath", "img")
_PROGRESS_EVERY = 100


@dataclass(frozen=True)
class Problem:
    """One row or file that could not be read.

    Attributes:
        where: file, and row or picture within it, as a person would look it up.
        what: what is wrong, with the value; a clause without a full stop.
        remedy: what to do; a clause without a full stop.
        row: number of the data row, 1 for the first after the header; None for a picture file.
        kind: what an import report counts together.
    """

    where: str
    what: str
    remedy: str
    row: int | None = None
    kind: Kind = "unreadable"

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}."


@dataclass(frozen=True)
class Import:
    """What came of reading a data set.

    Attributes:
        samples: the rows that could be read.
        problems: the rows and files that could not, in the order of the source; empty where everything was
            read.
        left_out: what was rightly passed over, by reason: a class that was not asked for, a sequence without a label.
        photographs: whether the data set's pictures are whole photographs, of which a face is a part.
    """

    samples: SampleTable
    problems: tuple[Problem, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    photographs: bool = False


@dataclass
class ReadOptions:
    """What the caller of `read_samples` asked for, and the problems met so far.

    Attributes:
        on_error: `stop` raises at the first problem, `skip` leaves the row out and goes on.
        progress: called with (done, total) in the reader's own unit: bytes, rows or files.
        classes: what integer labels stand for, where the file does not tell; where it does, the classes to take.
        cache_file: where what was seen in picture files is kept, so that an import that was broken off goes on.
        problems: filled by `report`.
        left_out: filled by `leave_out`.
    """

    on_error: OnError = "stop"
    progress: Progress | None = None
    classes: ClassSet | None = None
    cache_file: Path | None = None
    problems: list[Problem] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def report(self, problem: Problem) -> None:
        """Notes a problem.

        Raises:
            DataError: the caller asked to stop at the first one.
        """
        if self.on_error == "stop":
            raise DataError(f"{problem} To go on without what cannot be read, import with on_error='skip'.")
        self.problems.append(problem)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Counts what is passed over without being wrong; `reason` ends the sentence "12 left out: ..."."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count

    def advance(self, done: int, total: int) -> None:
        """Tells the caller how far the reading is."""
        if self.progress is not None:
            self.progress(done, total)

    def look_at_files(self, paths: Sequence[Path]) -> Iterator[Look | ImageError]:
        """What there is to see in each picture file, in their order, telling the caller how far it is."""
        for done, answer in enumerate(look_at_files(paths, self.cache_file), start=1):
            if done % _PROGRESS_EVERY == 0 or done == len(paths):
                self.advance(done, len(paths))
            yield answer

    def finish(self, samples: SampleTable, path: Path) -> Import:
        """The result of a reader.

        Raises:
            DataError: nothing at all could be read.
        """
        if not len(samples) and self.problems:
            count = len(self.problems)
            raise DataError(f"Nothing in {path} could be read. The first of {count} problem(s): {self.problems[0]}")
        if not len(samples):
            why = "; ".join(f"{count} left out: {reason}" for reason, count in self.left_out.items())
            said = f" ({why})" if why else ""
            raise DataError(f"{path} holds no samples{said}; choose a file or folder with pictures in it.")
        return Import(samples, tuple(self.problems), dict(self.left_out))


class Reader(Protocol):
    """A published layout of a data set.

    Attributes:
        name: short and unique.
        describe: one line that says what the layout looks like; it stands in error messages and on the page.
    """

    name: str
    describe: str

    def matches(self, path: Path) -> bool:
        """Whether an existing file or folder has this layout; looks at headers only, raises nothing."""

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All samples of the file or folder.

        Raises:
            DataError: the layout is broken, or a row is and the caller asked to stop.
        """


ReaderClass = TypeVar("ReaderClass", bound=type[Reader])
REGISTRY: dict[str, Reader] = {}


def register(reader: ReaderClass) -> ReaderClass:
    """Class decorator: makes a reader known to `read_samples`."""
    if reader.name in REGISTRY:
        raise ValueError(f"the reader {reader.name!r} is registered twice")
    REGISTRY[reader.name] = reader()
    return reader


def csv_header(path: Path) -> list[str]:
    """Column names of a CSV file, stripped; empty where the file is no text or has no first line."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return []
    if not text or "\0" in text:
        return []
    return [name.strip() for name in next(csv.reader([text]))]

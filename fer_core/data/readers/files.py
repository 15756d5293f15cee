"""What readers of picture files share: looking through folders, staying inside them, and making the table.

Folders may hold a million files: they are listed once, and a file that was listed is not asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from fer_core.data.look_files import is_utf8
from fer_core.data.looks import LOOK_COLUMNS
from fer_core.data.readers.base import Import, Problem, ReadOptions
from fer_core.data.table import SampleTable
from fer_core.errors import DataError, ImageError
from fer_core.labels import ClassSet

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_NO_LINKS = "links are not followed out of the data set, so copy the pictures into it"
_GLANCE = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A picture file and what the data set says about it.

    Attributes:
        path: the file.
        sample_id: its place in the data set, with `/`.
        label: canonical class name.
        split: canonical.
        subject: the person, where the data set tells.
        votes: one number for each of the reader's vote classes.
        row: of the list that names it, for problems.
        pose: how the head is turned, where the data set tells.
    """

    path: Path
    sample_id: str
    label: str
    split: str = "train"
    subject: str | None = None
    votes: list[float] | None = None
    row: int | None = None
    pose: str | None = None


class OutsideError(DataError):
    """A name that leads out of the data set."""


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return name[name.rfind(".") :].lower() in SUFFIXES


def visible(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted by name, without hidden files and what macOS adds to archives."""
    return sorted(_visible(folder), key=lambda e: e.name)


def glance(folder: Path) -> list[os.DirEntry[str]]:
    """Some of what a folder holds, enough to recognise a layout by."""
    return list(islice(_visible(folder), _GLANCE))


def has_pictures(folder: Path) -> bool:
    """Whether a folder holds a picture; stops at the first."""
    return any(is_picture(e.name) and e.is_file() for e in _visible(folder))


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (e for e in entries if not e.name.startswith((".", "__MACOSX")))


def folder_below(root: Path, *names: str) -> Path | None:
    """The folder `root/names...`, whatever the case of its letters; None where there is none."""
    folder = root
    for name in names:
        if not folder.is_dir():
            return None
        inside = [e.name for e in _visible(folder) if e.name.lower() == name.lower() and e.is_dir()]
        if not inside:
            return None
        folder = folder / min(inside, key=lambda n: (n != name, n))
    return folder


def first_folder(
    root: Path, places: Iterable[Sequence[str]], fits: Callable[[Path], bool] = lambda _: True
) -> Path | None:
    """The first of several folders below `root` that is there and fits; `()` stands for `root` itself."""
    folders = (folder_below(root, *place) for place in places)
    return next((f for f in folders if f is not None and f.is_dir() and fits(f)), None)


def pictures_in(folder: Path, root: Path, options: ReadOptions) -> list[os.DirEntry[str]]:
    """The picture files directly in a folder, sorted by name; a link out of `root` is a problem.

    Args:
        folder: lies inside `root`.
        root: resolved.
        options: is told of the problems.
    """
    kept = []
    for entry in visible(folder):
        if not is_picture(entry.name):
            continue
        if entry.is_symlink() and not leads_inside(entry.path, root):
            options.report(outside(Path(entry.path).relative_to(root).as_posix(), root))
        elif entry.is_file():
            kept.append(entry)
    return kept


def folders_in(folder: Path, root: Path, options: ReadOptions) -> Iterator[Path]:
    """The folders directly in a folder, sorted by name; a link out of `root` is a problem.

    Args:
        folder: lies inside `root`.
        root: resolved.
        options: is told of the problems.
    """
    for entry in visible(folder):
        if not entry.is_dir():
            continue
        if entry.is_symlink() and not leads_inside(entry.path, root):
            options.report(outside(Path(entry.path).relative_to(root).as_posix(), root))
        else:
            yield Path(entry.path)


def leads_inside(path: str | Path, root: Path) -> bool:
    """Whether a path stays below `root`, a resolved folder, once its links are followed."""
    return Path(path).resolve().is_relative_to(root)


def outside(where: str, root: Path, row: int | None = None) -> Problem:
    """The problem of a file that is not in the data set."""
    return Problem(where, f"it leads out of {root}", _NO_LINKS, row, "outside")


class Tree:
    r"""The files below a folder, looked up by the names that a list gives them.

    Lists are written on Windows as well: `\` separates like `/`, and where no file has exactly the name, the case of
    its letters does not matter.

    Args:
        root: the folder; links may not lead out of it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._spellings = tuple(f"{p.as_posix()}/" for p in (self.root, root.absolute()))
        self._listings: dict[str, dict[str, str]] = {}
        self._folders: dict[str, str | None] = {"": ""}

    def find(self, name: str) -> Path | None:
        """The file of this name; None where there is none.

        Raises:
            OutsideError: the name leads out of the folder.
        """
        plain = name.strip().replace("\\", "/")
        if plain.startswith("/") or plain[1:2] == ":":
            begins = next((b for b in self._spellings if plain.startswith(b)), None)
            if begins is None:
                raise OutsideError(f"{name!r} is a place outside {self.root}")
            plain = plain.removeprefix(begins)
        place = os.path.normpath(plain)
        if place == ".." or place.startswith("../"):
            raise OutsideError(f"{name!r} leads out of {self.root}")
        folder, _, file = place.rpartition("/")
        actual = self._folder(folder)
        found = None if actual is None else self._entry(actual, file)
        if found is None:
            return None
        path = self.root / found
        if path.is_symlink() and not leads_inside(path, self.root):
            raise OutsideError(f"{name!r} is a link out of {self.root}")
        return path

    def _folder(self, name: str) -> str | None:
        """The folder of this name as it is written on the disk, from the root on."""
        if name not in self._folders:
            parent, _, last = name.rpartition("/")
            above = self._folder(parent)
            found = None if above is None else self._entry(above, last)
            if found is not None and not leads_inside(self.root / found, self.root):
                raise OutsideError(f"{name!r} is a link out of {self.root}")
            self._folders[name] = found
        return self._folders[name]

    def _entry(self, folder: str, name: str) -> str | None:
        if folder not in self._listings:
            try:
                with os.scandir(self.root / folder) as entries:
                    names = [e.name for e in entries]
            except OSError:  # a file where the name wants a folder, or one that may not be read
                names = []
            listing = {other.lower(): other for other in sorted(names, reverse=True)}
            self._listings[folder] = listing | {other: other for other in names}
        listing = self._listings[folder]
        actual = listing.get(name) or listing.get(name.lower())
        return None if actual is None else f"{folder}/{actual}".lstrip("/")


def import_files(
    found: Iterable[Found], path: Path, classes: ClassSet, options: ReadOptions, vote_classes: Sequence[str] = ()
) -> Import:
    """The last step of a reader of picture files: looks at each and makes the table.

    Samples are sorted by id. What is labelled with none of the classes is left out and counted; a file that cannot be
    read, and a second sample of one id, is a problem.

    Args:
        found: the files, in any order.
        path: what the user chose, for errors; its name becomes the samples' source.
        classes: the data set's own; `options.classes` has precedence.
        options: what the caller asked for.
        vote_classes: what `Found.votes` count.
    """
    classes = options.classes or classes
    kept = _distinct(_in_classes(found, classes, options), options)
    columns: dict[str, list[Any]] = {name: [] for name in LOOK_COLUMNS}
    taken = []
    for file, look in zip(kept, options.look_at_files([f.path for f in kept]), strict=True):
        if isinstance(look, ImageError):
            options.report(_unreadable(file, look))
            continue
        taken.append(file)
        for name in LOOK_COLUMNS:
            columns[name].append(getattr(look, name))
    about = {
        "sample_id": [f.sample_id for f in taken],
        "path": [str(f.path) for f in taken],
        "label": [f.label for f in taken],
        "votes": [f.votes for f in taken],
        "split": [f.split for f in taken],
        "subject_id": [f.subject for f in taken],
        "pose": [f.pose for f in taken],
        "source": [path.resolve().name] * len(taken),
    }
    return options.finish(SampleTable.from_columns(about | columns, classes, tuple(vote_classes)), path)


def _in_classes(found: Iterable[Found], classes: ClassSet, options: ReadOptions) -> Iterator[Found]:
    for file in found:
        if file.label in classes.names:
            yield file
        else:
            options.leave_out(f"labelled {file.label}, which is not among the classes")


def _distinct(found: Iterable[Found], options: ReadOptions) -> list[Found]:
    kept: list[Found] = []
    for file in sorted(found, key=lambda f: f.sample_id):
        if not is_utf8(f"{file.path}{file.sample_id}"):
            said, remedy = "its name is not written in UTF-8", "rename the file"
            where = file.sample_id.encode(errors="replace").decode()
            options.report(Problem(where, said, remedy, file.row, "misnamed"))
        elif kept and kept[-1].sample_id == file.sample_id:
            said, remedy = "it is there twice", "leave one of the two out"
            options.report(Problem(file.sample_id, said, remedy, file.row, "doubled"))
        else:
            kept.append(file)
    return kept


def _unreadable(file: Found, error: ImageError) -> Problem:
    if file.path.exists():
        return Problem(file.sample_id, str(error).rstrip("."), "or remove the file", file.row)
    remedy = "unpack the data set again"
    return Problem(file.sample_id, f"there is no file {file.path}", remedy, file.row, "missing-file")

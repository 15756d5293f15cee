"""Class folders: `root/angry/*.jpg`, or `root/train/angry/*.jpg` where the data set is split.

The pictures stay where they are; the table keeps their paths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fer_core.data.readers.base import REGISTRY, Import, Problem, ReadOptions, register
from fer_core.data.readers.files import (
    Found,
    has_pictures,
    import_files,
    is_picture,
    leads_inside,
    outside,
    pictures_in,
    visible,
)
from fer_core.data.readers.schemes import subject_of
from fer_core.data.schema import canonical_split
from fer_core.errors import DataError
from fer_core.labels import canonical, class_set_for


@register
class ClassFolders:
    """Reader of folders of pictures."""

    name = "class-folders"
    describe = "a folder with one folder of pictures per class (angry/*.jpg), or such folders below train, val and test"

    def matches(self, path: Path) -> bool:
        """A folder that holds folders of pictures, directly or below folders named after splits.

        What any other reader knows by its own layout is left to that.
        """
        if not path.is_dir() or any(r.matches(path) for r in REGISTRY.values() if r is not self):
            return False
        return any(has_pictures(folder) for _, folder in _class_folders(path))

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures, sorted by their path below `path`, which is their sample id.

        Without split folders they are all in `train`. Hidden files and files that are no pictures are passed
        over; a link that leaves `path` is a problem and is not followed. Where a file is named as in KDEF, JAFFE
        or CK+, its subject is known.
        """
        root = path.resolve()
        folders = list(_inside(root, options))
        labels = {canonical(folder.name) for _, folder in folders if has_pictures(folder)}
        _check_names(labels, path)
        return import_files(_pictures(root, folders, options), path, class_set_for(labels), options)


def _class_folders(root: Path) -> Iterator[tuple[str, Path]]:
    """(split, folder) of all that could be a class: below the split folders where there are any, else below root."""
    folders = [Path(entry) for entry in _folders(root)]
    splits = [(canonical_split(p.name), p) for p in folders]
    if not any(split for split, _ in splits):
        yield from (("train", folder) for folder in folders)
    for split, folder in splits:
        if split is not None:
            yield from ((split, Path(inner)) for inner in _folders(folder))


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    return [e for e in visible(folder) if e.is_dir()]


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder holds pictures, directly or one folder deeper."""
    return has_pictures(folder) or any(has_pictures(Path(e)) for e in _folders(folder))


def _inside(root: Path, options: ReadOptions) -> Iterator[tuple[str, Path]]:
    """(split, folder) of the class folders; links out of the data set and pictures beside them are problems."""
    for split, folder in _class_folders(root):
        if _holds_pictures(folder):
            if leads_inside(folder, root):
                yield split, folder
            else:
                options.report(outside(folder.relative_to(root).as_posix(), root))
    splits = [e.name for e in _folders(root) if canonical_split(e.name)]
    for entry in (e for place in (root, *(root / s for s in splits)) for e in visible(place)):
        path = Path(entry)
        relative = path.relative_to(root).as_posix()
        if is_picture(entry.name) and entry.is_file():
            remedy = "move it into the folder of its class or out of the data set"
            options.report(Problem(relative, "it is a picture outside the class folders", remedy, kind="misplaced"))
        elif splits and path.parent == root and entry.is_dir() and entry.name not in splits and _holds_pictures(path):
            remedy = "move it below train, val or test, or out of the data set"
            options.report(Problem(relative, "it holds pictures but belongs to no split", remedy, kind="misplaced"))


def _check_names(labels: set[str], path: Path) -> None:
    if len(labels) < 2:
        only = ", ".join(labels) or "none that may be read"
        raise DataError(
            f"The folder {path} holds pictures of fewer than two classes ({only}); expected is one folder of "
            "pictures per class, such as angry, happy and sad."
        )
    numbers = sorted(label for label in labels if label.isdigit())
    if numbers:
        raise DataError(
            f"The class folders {', '.join(numbers)} of {path} are numbers, and nothing says which expressions they "
            "stand for; rename the folders to the expressions' names."
        )


def _pictures(root: Path, folders: list[tuple[str, Path]], options: ReadOptions) -> Iterator[Found]:
    """Every picture of the class folders; one that lies deeper, or leads out of the data set, is a problem."""
    for split, folder in folders:
        place = folder.relative_to(root).as_posix()
        for entry in _folders(folder):
            if has_pictures(Path(entry)):
                remedy = "move its pictures up into the class folder or out of the data set"
                said = "it is a folder of pictures inside a class folder"
                options.report(Problem(f"{place}/{entry.name}", said, remedy, kind="misplaced"))
        for entry in pictures_in(folder, root, options):
            label, subject = canonical(folder.name), subject_of(entry.name)
            yield Found(Path(entry), f"{place}/{entry.name}", label, split, subject)

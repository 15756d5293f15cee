"""Class folders: `root/angry/*.jpg`, or `root/train/angry/*.jpg` where the data set is split.

The pictures stay where they are; the table keeps their paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_core.data.pictures import pixel_hash, read_picture
from fer_core.data.readers.base import Import, Problem, ReadOptions, register
from fer_core.data.schema import canonical_split
from fer_core.data.table import SampleTable
from fer_core.errors import DataError, ImageError
from fer_core.labels import canonical, class_set_for

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_PROGRESS_EVERY = 100
_NO_LINKS = "links are not followed out of the data set, so copy the pictures into it"


@dataclass(frozen=True)
class _Found:
    """A picture file, its place below the root (with `/`), and what its folders say about it."""

    path: Path
    relative: str
    label: str
    split: str


@register
class ClassFolders:
    """Reader of folders of pictures."""

    name = "class-folders"
    describe = "a folder with one folder of pictures per class (angry/*.jpg), or such folders below train, val and test"

    def matches(self, path: Path) -> bool:
        """A folder that holds folders of pictures, directly or below folders named after splits."""
        return path.is_dir() and any(_has_pictures(folder) for _, folder in _class_folders(path))

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures, sorted by their path below `path`, which is their sample id.

        Without split folders they are all in `train`. Hidden files and files that are no pictures are passed
        over; a link that leaves `path` is a problem and is not followed.
        """
        root = path.resolve()
        folders = list(_inside(root, options))
        labels = {canonical(folder.name) for _, folder in folders if _has_pictures(folder)}
        _check_names(labels, path)
        found = sorted(_pictures(root, folders, options), key=lambda f: f.relative)
        taken = []
        for done, picture in enumerate(found, start=1):
            try:
                pixels = read_picture(picture.path, "the picture")
            except ImageError as error:
                options.report(Problem(picture.relative, str(error).rstrip("."), "or remove the file"))
                continue
            finally:
                if done % _PROGRESS_EVERY == 0 or done == len(found):
                    options.advance(done, len(found))
            taken.append((picture, pixels.shape[1], pixels.shape[0], pixel_hash(pixels)))
        columns = {
            "sample_id": [p.relative for p, *_ in taken],
            "path": [str(p.path) for p, *_ in taken],
            "label": [p.label for p, *_ in taken],
            "split": [p.split for p, *_ in taken],
            "width": [width for _, width, _, _ in taken],
            "height": [height for _, _, height, _ in taken],
            "source": [root.name] * len(taken),
            "sha256": [sha for *_, sha in taken],
        }
        return options.finish(SampleTable.from_columns(columns, class_set_for(labels)), path)


def _visible(folder: Path) -> list[Path]:
    """What a folder holds, sorted, without hidden files and what macOS adds to archives."""
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX")))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _has_pictures(folder: Path) -> bool:
    return any(_is_picture(p) for p in _visible(folder))


def _class_folders(root: Path) -> Iterator[tuple[str, Path]]:
    """(split, folder) of all that could be a class: below the split folders where there are any, else below root."""
    folders = [p for p in _visible(root) if p.is_dir()]
    splits = [(canonical_split(p.name), p) for p in folders]
    if not any(split for split, _ in splits):
        yield from (("train", folder) for folder in folders)
    for split, folder in splits:
        if split is not None:
            yield from ((split, inner) for inner in _visible(folder) if inner.is_dir())


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder holds pictures, directly or one folder deeper."""
    return _has_pictures(folder) or any(_has_pictures(p) for p in _visible(folder) if p.is_dir())


def _inside(root: Path, options: ReadOptions) -> Iterator[tuple[str, Path]]:
    """(split, folder) of the class folders; links out of the data set and pictures beside them are problems."""
    for split, folder in _class_folders(root):
        if _holds_pictures(folder):
            if folder.resolve().is_relative_to(root):
                yield split, folder
            else:
                options.report(Problem(folder.relative_to(root).as_posix(), f"it leads out of {root}", _NO_LINKS))
    splits = [p for p in _visible(root) if p.is_dir() and canonical_split(p.name)]
    for path in (p for place in (root, *splits) for p in _visible(place)):
        relative = path.relative_to(root).as_posix()
        if _is_picture(path):
            remedy = "move it into the folder of its class or out of the data set"
            options.report(Problem(relative, "it is a picture outside the class folders", remedy))
        elif splits and path.parent == root and path.is_dir() and path not in splits and _holds_pictures(path):
            remedy = "move it below train, val or test, or out of the data set"
            options.report(Problem(relative, "it holds pictures but belongs to no split", remedy))


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


def _pictures(root: Path, folders: list[tuple[str, Path]], options: ReadOptions) -> Iterator[_Found]:
    """Every picture of the class folders; one that lies deeper, or leads out of the data set, is a problem."""
    for split, folder in folders:
        for path in _visible(folder):
            relative = path.relative_to(root).as_posix()
            if not path.resolve().is_relative_to(root):
                options.report(Problem(relative, f"it leads out of {root}", _NO_LINKS))
            elif path.is_dir() and _has_pictures(path):
                remedy = "move its pictures up into the class folder or out of the data set"
                options.report(Problem(relative, "it is a folder of pictures inside a class folder", remedy))
            elif _is_picture(path):
                yield _Found(path, relative, canonical(folder.name), split)

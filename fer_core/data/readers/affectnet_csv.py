"""AffectNet as lists: `Manually_Annotated_file_lists/training.csv` and `validation.csv`.

Mollahosseini, Hasani and Mahoor 2019 (see `affectnet`), in the form that was given out until 2021: pictures below
`Manually_Annotated_Images`, and lists with the columns subDirectory_filePath, face_x, face_y, face_width, face_height,
facial_landmarks, expression, valence and arousal. Copies of `validation.csv` without the line of names are about.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from fer_core.data.readers.affectnet import label_of
from fer_core.data.readers.base import Import, ReadOptions, csv_header, register
from fer_core.data.readers.files import Found, OutsideError, Tree, first_folder, import_files, is_picture
from fer_core.data.readers.lists import csv_rows, file_of, has_cells
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8

_BOX = ("face_x", "face_y", "face_width", "face_height", "facial_landmarks")
_COLUMNS = ("subdirectory_filepath", *_BOX, "expression", "valence", "arousal")
_LISTS = {"training.csv": "train", "validation.csv": "validation", "automatically_annotated.csv": "train"}
_FOLDERS = ((), ("Manually_Annotated_file_lists",), ("Manually_Annotated", "Manually_Annotated_file_lists"))
_IMAGES = (
    ("Manually_Annotated_Images",),
    ("Manually_Annotated", "Manually_Annotated_Images"),
    ("Automatically_Annotated_Images",),
    ("Automatically_Annotated", "Automatically_Annotated_Images"),
    ("Manually_Annotated",),
    ("images",),
)
_TRIED_ROWS = 20


@register
class AffectNetCsv:
    """Reader of AffectNet's lists."""

    name = "affectnet-csv"
    describe = "AffectNet's lists (training.csv, validation.csv, with subDirectory_filePath and expression)"

    def matches(self, path: Path) -> bool:
        """One of the lists, or a folder with them, directly or in `Manually_Annotated_file_lists`."""
        return bool(_lists(path))

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All rows with an expression, labelled with AFFECTNET8.

        None, uncertain and non-face (8, 9, 10) are left out and counted. For the seven classes without contempt give
        `classes=FER7`. The picture is taken as it is; the box of the face in it is not used.

        Raises:
            DataError: no picture of the first rows is there.
        """
        found = (file for listed, split in _lists(path).items() for file in _listed(listed, split, options))
        return import_files(found, path, AFFECTNET8, options)


def _lists(path: Path) -> dict[Path, str]:
    """Split of each list that a path stands for."""
    if path.is_file():
        return {path: _LISTS.get(path.name.lower(), "train")} if _header(path) else {}
    for folder in _FOLDERS:
        home = first_folder(path, [folder])
        lists = {home / name: split for name, split in _LISTS.items() if (home / name).is_file()} if home else {}
        if any(_header(listed) for listed in lists):
            return lists
    return {}


def _header(path: Path) -> list[str]:
    """The names of a list's columns, lower case; empty where it is none of AffectNet's."""
    names = [name.lower() for name in csv_header(path)]
    if {"subdirectory_filepath", "expression"} <= set(names):
        return names
    return list(_COLUMNS) if len(names) == len(_COLUMNS) and is_picture(names[0]) and "/" in names[0] else []


def _listed(path: Path, split: str, options: ReadOptions) -> Iterator[Found]:
    header = _header(path)
    place, expression = header.index("subdirectory_filepath"), header.index("expression")
    named = "subdirectory_filepath" in (name.lower() for name in csv_header(path))
    first = [row.cells[place] for row in islice(csv_rows(path, names=named), _TRIED_ROWS) if len(row.cells) > place]
    tree = _pictures(path, first)
    for row in csv_rows(path, names=named):
        if not has_cells(row, len(header), options):
            continue
        label = label_of(row.cells[expression], row.where, options, row.number)
        if label is None:
            continue
        file = file_of(row.cells[place], row, tree, options)
        if file is not None:
            yield Found(file, file.relative_to(tree.root).as_posix(), label, split, row=row.number)


def _pictures(path: Path, names: list[str]) -> Tree:
    """The folder that the list's names start from: the first in which any of the first rows is there.

    Raises:
        DataError: there is none.
    """
    near = (path.parent, *path.parent.parents[:2])
    folders = [folder for root in near for place in _IMAGES if (folder := first_folder(root, [place])) is not None]
    for folder in (*folders, path.parent):
        tree = Tree(folder)
        if any(_is_there(tree, name) for name in names):
            return tree
    first = names[0] if names else "none at all"
    raise DataError(
        f"None of the first pictures that {path} names (such as {first}) is there; unpack the pictures into the folder "
        f"Manually_Annotated_Images beside {path.parent}."
    )


def _is_there(tree: Tree, name: str) -> bool:
    try:
        return tree.find(name) is not None
    except OutsideError:
        return False

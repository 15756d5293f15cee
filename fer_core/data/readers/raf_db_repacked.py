"""RAF-DB as it is repacked on Kaggle (shuvoalok/raf-db-dataset).

The aligned pictures of RAF-DB's basic set (see `raf_db`) in folders called after its codes,
`DATASET/train/5/train_00001_aligned.jpg`, and the same once more as lists, `train_labels.csv` and `test_labels.csv`
with the columns `image` and `label`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fer_core.data.readers.base import Import, Problem, ReadOptions, csv_header, register
from fer_core.data.readers.files import (
    Found,
    first_folder,
    folder_below,
    folders_in,
    glance,
    import_files,
    is_picture,
    pictures_in,
)
from fer_core.data.readers.lists import AGAIN, csv_rows, has_cells
from fer_core.data.readers.raf_db import CODES, FILE, KNOWN
from fer_core.data.schema import canonical_split
from fer_core.labels import FER7


@register
class RafDbRepacked:
    """Reader of RAF-DB as it is repacked on Kaggle."""

    name = "raf-db-repacked"
    describe = "RAF-DB as on Kaggle (DATASET/train/5/train_00001_aligned.jpg)"

    def matches(self, path: Path) -> bool:
        """A folder with `train` or `test`, directly or in `DATASET`, and RAF-DB's pictures in folders 1 to 7."""
        return _home(path) is not None

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures below `train` and `test`, labelled with FER7 by the code that their folder is called."""
        root = (_home(path) or path).resolve()
        found = [
            file
            for split in folders_in(root, root, options)
            for folder in folders_in(split, root, options)
            for file in _in_class(folder, root, options)
        ]
        _report_missing(root, {file.sample_id.lower() for file in found}, options)
        return import_files(found, path, FER7, options)


def _home(path: Path) -> Path | None:
    return first_folder(path, ((), ("DATASET",)), _has_codes)


def _has_codes(folder: Path) -> bool:
    """Whether the first pictures in folders 1 to 7 of a split are named as RAF-DB's."""
    splits = [found for split in ("train", "test") if (found := folder_below(folder, split)) is not None]
    classes = [e for split in splits for e in glance(split) if e.name in CODES and e.is_dir()]
    names = [e.name for c in classes for e in glance(Path(c)) if is_picture(e.name)]
    return bool(names) and 2 * sum(FILE.fullmatch(name) is not None for name in names) > len(names)


def _in_class(folder: Path, root: Path, options: ReadOptions) -> Iterator[Found]:
    split, label = canonical_split(folder.parent.name), CODES.get(folder.name)
    place = folder.relative_to(root).as_posix()
    entries = pictures_in(folder, root, options)
    if split is None or label is None:
        if entries:
            remedy = f"{KNOWN}, in train and test"
            options.report(Problem(place, "it is no folder of a class", remedy, kind="misplaced"))
        return
    for entry in entries:
        yield Found(Path(entry.path), f"{place}/{entry.name}", label, split)


def _report_missing(root: Path, there: set[str], options: ReadOptions) -> None:
    """What the lists name, where they lie in `root` or beside it, and no folder holds."""
    for split in ("train", "test"):
        name = f"{split}_labels.csv"
        listed = next((p for p in (root / name, root.parent / name) if csv_header(p) == ["image", "label"]), None)
        if listed is None:
            continue
        for row in csv_rows(listed):
            if has_cells(row, 2, options):
                image, label = row.cells
                place = f"{split}/{label.strip()}/{image.strip()}"
                if place.lower() not in there:
                    said = f"there is no {place} in {root}"
                    options.report(Problem(row.where, said, AGAIN, row.number, "missing-file"))

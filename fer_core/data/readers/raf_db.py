"""RAF-DB, the Real-world Affective Faces Database, with its seven basic expressions.

Li, Deng and Du 2017, doi:10.1109/CVPR.2017.277; Li and Deng 2019, doi:10.1109/TIP.2018.2868382. As its authors give
it (http://whdeng.cn/RAF/model1.html): `basic/EmoLabel/list_patition_label.txt` (so spelt) with lines such as
`train_00001.jpg 5`, and `basic/Image/aligned/train_00001_aligned.jpg`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fer_core.data.readers.base import Import, Problem, ReadOptions, register
from fer_core.data.readers.files import Found, Tree, first_folder, glance, import_files
from fer_core.data.readers.lists import AGAIN, Row, file_of, has_cells
from fer_core.errors import DataError
from fer_core.labels import FER7

_NAMES = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
CODES = {str(code): name for code, name in enumerate(_NAMES, start=1)}
# The list of the compound expressions has the same name, and 44 % of its codes are above 7.
_COMPOUND = [[str(code)] for code in range(8, 12)]
_MOST_COMPOUND = 0.1
_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
FILE = re.compile(r"(?P<split>train|test)_\d+(_aligned)?\.\w+", re.ASCII | re.IGNORECASE)
KNOWN = "RAF-DB's basic set knows " + ", ".join(f"{code} {name}" for code, name in CODES.items())


@register
class RafDb:
    """Reader of RAF-DB in its authors' layout."""

    name = "raf-db"
    describe = "RAF-DB (basic/EmoLabel/list_patition_label.txt with basic/Image/aligned)"

    def matches(self, path: Path) -> bool:
        """The folder `basic`, or the one that holds it; known by the list of labels."""
        return _list(path) is not None

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures of the list, labelled with FER7; aligned ones, or where there are none the original ones.

        Raises:
            DataError: the list is that of the compound expressions, or there is no folder of pictures.
        """
        listed = _list(path)
        home = path if listed is None else listed.parent.parent
        folder = first_folder(home, (("Image", "aligned"), ("Image", "original")))
        if listed is None or folder is None:
            raise DataError(
                f"{home} has RAF-DB's list but neither Image/aligned nor Image/original; unpack aligned.zip."
            )
        rows = _rows(listed)
        if sum(row.cells[1:] in _COMPOUND for row in rows) > _MOST_COMPOUND * len(rows):
            raise DataError(
                f"{listed} holds many codes above 7, as RAF-DB's compound expressions do; choose the folder basic."
            )
        return import_files(_listed(rows, Tree(folder), options), path, FER7, options)


def _list(path: Path) -> Path | None:
    """RAF-DB's list of labels."""
    folder = first_folder(path, (("EmoLabel",), ("basic", "EmoLabel")))
    if folder is None:
        return None
    return next((Path(e.path) for e in glance(folder) if e.name.lower() in _LISTS and e.is_file()), None)


def _rows(listed: Path) -> list[Row]:
    lines = listed.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    cells = [(number, line.split()) for number, line in enumerate(lines, start=1)]
    return [Row(number, f"{listed.name}, line {number}", words) for number, words in cells if words]


def _listed(rows: list[Row], tree: Tree, options: ReadOptions) -> Iterator[Found]:
    aligned = tree.root.name.lower() == "aligned"
    for row in rows:
        if not has_cells(row, 2, options):
            continue
        name, code = row.cells
        match = FILE.fullmatch(name)
        if code not in CODES:
            options.report(Problem(row.where, f"the label of {name} is {code!r}", KNOWN, row.number, "unknown-code"))
        elif match is None:
            said = f"{name!r} begins neither with train_ nor with test_"
            options.report(Problem(row.where, said, AGAIN, row.number, "unknown-split"))
        else:
            stem, dot, suffix = name.rpartition(".")
            file = file_of(f"{stem}_aligned{dot}{suffix}" if aligned and not match[2] else name, row, tree, options)
            if file is not None:
                place = f"Image/{tree.root.name}/{file.relative_to(tree.root).as_posix()}"
                yield Found(file, place, CODES[code], match["split"].lower(), row=row.number)

"""JAFFE, the Japanese Female Facial Expression data set.

Lyons, Akamatsu, Kamachi and Gyoba 1998, doi:10.1109/AFGR.1998.670949; https://zenodo.org/record/3451524: 213 grey
pictures of ten women in one folder, `jaffe/KA.AN1.39.tiff`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fer_core.data.readers.base import Import, ReadOptions, register
from fer_core.data.readers.files import first_folder, import_files
from fer_core.data.readers.schemes import JAFFE
from fer_core.labels import FER7

_PLACES = ((), ("jaffe",), ("jaffedbase",), ("jaffeimages", "jaffe"))


@register
class Jaffe:
    """Reader of JAFFE."""

    name = "jaffe"
    describe = "JAFFE (KA.AN1.39.tiff and others in one folder)"

    def matches(self, path: Path) -> bool:
        """A folder of pictures named by JAFFE's scheme, or one with such a folder called `jaffe`."""
        return _home(path) is not None

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures, in `train`, labelled with FER7; the subject is the first two letters, such as `KA`."""
        root = (_home(path) or path).resolve()
        return replace(import_files(JAFFE.pictures(root, root, options), path, FER7, options), photographs=True)


def _home(path: Path) -> Path | None:
    return first_folder(path, _PLACES, JAFFE.named_in)

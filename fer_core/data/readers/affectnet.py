"""AffectNet as one annotation file per picture: `train_set/images/0.jpg` with `train_set/annotations/0_exp.npy`.

Mollahosseini, Hasani and Mahoor 2019, doi:10.1109/TAFFC.2017.2740923 (arXiv 1708.03985), in the form that is given out
since 2021: `train_set` and `val_set`, manually annotated, eight classes. Of the annotations only the expression is
read; valence, arousal and landmarks (`0_val.npy`, `0_aro.npy`, `0_lnd.npy`) have no place in the sample table. The
arrays hold texts such as `'1'`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fer_core.data.readers.base import Import, Problem, ReadOptions, register
from fer_core.data.readers.files import Found, folder_below, import_files, pictures_in, visible
from fer_core.labels import AFFECTNET8

NAMES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
CODES = {str(code): name for code, name in enumerate(NAMES)}
# What the annotators could say instead of an expression; no errors, and no samples.
NO_EXPRESSION = {"8": "none of the expressions (8)", "9": "uncertain (9)", "10": "no face (10)"}
KNOWN = "AffectNet knows " + ", ".join(f"{code} {name}" for code, name in CODES.items())
_SPLITS = {"train_set": "train", "val_set": "validation"}
_SUFFIX = "_exp.npy"
_AGAIN = "unpack the data set again"


@register
class AffectNet:
    """Reader of AffectNet's folders."""

    name = "affectnet"
    describe = "AffectNet (train_set and val_set, each with images/0.jpg and annotations/0_exp.npy)"

    def matches(self, path: Path) -> bool:
        """A folder with `train_set` or `val_set`, and `annotations` in it."""
        return any(folder_below(path, part, "annotations") is not None for part in _SPLITS)

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All annotated pictures; `val_set` is `validation`, because the test set was never given out.

        Labelled with AFFECTNET8. For the seven classes without contempt give `classes=FER7`: the rows of contempt are
        left out and counted.
        """
        root = path.resolve()
        found = (file for part, split in _SPLITS.items() for file in _in_part(root, part, split, options))
        return import_files(found, path, AFFECTNET8, options)


def _in_part(root: Path, part: str, split: str, options: ReadOptions) -> Iterator[Found]:
    annotations, images = folder_below(root, part, "annotations"), folder_below(root, part, "images")
    if annotations is None:
        return
    entries = [] if images is None else pictures_in(images, root, options)
    pictures = {entry.name.rpartition(".")[0]: entry for entry in entries}
    for entry in visible(annotations):
        if not entry.name.lower().endswith(_SUFFIX):
            continue
        name, where = entry.name[: -len(_SUFFIX)], f"{part}/annotations/{entry.name}"
        picture = pictures.pop(name, None)
        if picture is None:
            said = f"there is no picture {name} in {part}/images"
            options.report(Problem(where, said, _AGAIN, kind="missing-file"))
            continue
        label = _label(Path(entry.path), where, options)
        if label is not None:
            yield Found(Path(picture.path), f"{part}/images/{picture.name}", label, split)
    for picture in pictures.values():
        said = "it has no annotation"
        options.report(Problem(f"{part}/images/{picture.name}", said, _AGAIN, kind="missing-file"))


def _label(path: Path, where: str, options: ReadOptions) -> str | None:
    """The class that an annotation stands for; None where it is none or cannot be read, which is noted."""
    try:
        with path.open("rb") as file:
            held = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, MemoryError) as error:  # the size that a damaged header states can be anything
        options.report(Problem(where, f"the annotation cannot be read ({str(error).rstrip('.')})", _AGAIN))
        return None
    return label_of(str(held.item()) if held.size == 1 else f"{held.size} values", where, options)


def label_of(code: str, where: str, options: ReadOptions, row: int | None = None) -> str | None:
    """The class that a code of AffectNet stands for; None where it is no expression, or unknown, which is noted."""
    plain = code.strip()
    if plain in NO_EXPRESSION:
        options.leave_out(NO_EXPRESSION[plain])
    elif plain not in CODES:
        options.report(Problem(where, f"the expression is {code[:40]!r}", KNOWN, row, "unknown-code"))
    return CODES.get(plain)

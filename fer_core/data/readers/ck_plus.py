"""CK+, the Extended Cohn-Kanade data set.

Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262, in the layout of its distribution of September 2010:
`cohn-kanade-images/S005/001/S005_001_00000011.png`, and for 327 of the 593 sequences
`Emotion/S005/001/S005_001_00000011_emotion.txt`, which holds one number. Every sequence goes from a neutral face to
the peak of the expression; the emotion's file is named after the frame of the peak.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fer_core.data.readers.base import Import, Problem, ReadOptions, register
from fer_core.data.readers.files import (
    Found,
    first_folder,
    folder_below,
    folders_in,
    import_files,
    pictures_in,
    visible,
)
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8

_CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_PICTURES = (("cohn-kanade-images",), ("extended-cohn-kanade-images", "cohn-kanade-images"))
_EMOTIONS = (("Emotion",), ("Emotion_labels", "Emotion"), ("Emotion_labels",))
_SUFFIX = "_emotion.txt"
_MOST_BYTES = 1024
_REMEDY = "unpack the data set again"


@register
@dataclass(frozen=True)
class CohnKanadePlus:
    """Reader of CK+.

    Attributes:
        peak_frames: how many frames, up to the peak, get the sequence's label.
    """

    peak_frames: int = 3
    name = "ck-plus"
    describe = "CK+ (cohn-kanade-images/S005/001/*.png with Emotion/S005/001/*_emotion.txt)"

    def matches(self, path: Path) -> bool:
        """A folder with `cohn-kanade-images`; whether the emotions are there too is said while reading."""
        return first_folder(path, _PICTURES) is not None

    def read(self, path: Path, options: ReadOptions) -> Import:
        """The first frame of each labelled sequence, as neutral, and its last ones, labelled; all in `train`.

        Sequences without a label, and the frames in between, are left out and counted. The subject (`S005`) keeps
        the frames of a sequence together. Classes are AFFECTNET8's, because contempt is among them.

        Raises:
            DataError: there are no emotions beside the pictures.
        """
        root = path.resolve()
        pictures, emotions = first_folder(root, _PICTURES), first_folder(root, _EMOTIONS)
        if pictures is None or emotions is None:
            raise DataError(
                f"{path} has CK+'s pictures but no folder Emotion beside them; unpack Emotion_labels.zip there as well."
            )
        found = (
            file
            for subject in folders_in(pictures, root, options)
            for sequence in folders_in(subject, root, options)
            for file in self._sequence(sequence, emotions, root, options)
        )
        return replace(import_files(found, path, AFFECTNET8, options), photographs=True)

    def _sequence(self, sequence: Path, emotions: Path, root: Path, options: ReadOptions) -> Iterator[Found]:
        subject = sequence.parent.name
        said = _emotion_file(emotions, subject, sequence.name)
        frames = pictures_in(sequence, root, options)
        if said is None:
            options.leave_out("frame of a sequence without an emotion's label", len(frames))
            return
        label = _label(Path(said.path), root, options)
        if label is None:
            return
        peak = said.name[: -len(_SUFFIX)].lower()
        stems = [entry.name.rpartition(".")[0].lower() for entry in frames]
        if peak not in stems or len(frames) < 2:
            what = f"the frame {said.name[: -len(_SUFFIX)]} of the peak, or the frames before it, are missing"
            place = sequence.relative_to(root).as_posix()
            options.report(Problem(place, what, _REMEDY, kind="missing-file"))
            return
        last = stems.index(peak)
        first_of_peak = max(1, last + 1 - self.peak_frames)
        options.leave_out("frame between the neutral face and the peak", first_of_peak - 1)
        options.leave_out("frame after the peak", len(frames) - last - 1)
        for number in (0, *range(first_of_peak, last + 1)):
            yield _found(frames[number], "neutral" if number == 0 else label, subject, root)


def _found(entry: os.DirEntry[str], label: str, subject: str, root: Path) -> Found:
    path = Path(entry.path)
    return Found(path, path.relative_to(root).as_posix(), label, subject=subject.upper())


def _emotion_file(emotions: Path, subject: str, sequence: str) -> os.DirEntry[str] | None:
    folder = folder_below(emotions, subject, sequence)
    if folder is None:
        return None
    return next((e for e in visible(folder) if e.name.lower().endswith(_SUFFIX) and e.is_file()), None)


def _label(path: Path, root: Path, options: ReadOptions) -> str | None:
    """What an emotion's file says, for example `   3.0000000e+00`; None where that is a problem."""
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES).decode(errors="replace").strip()
    try:
        return {float(code): name for code, name in enumerate(_CODES)}[float(text)]
    except (ValueError, KeyError):
        known = ", ".join(f"{code} {name}" for code, name in enumerate(_CODES))
        what = f"the emotion is {text[:40]!r}"
        options.report(Problem(path.relative_to(root).as_posix(), what, f"CK+ knows {known}", kind="unknown-code"))
        return None

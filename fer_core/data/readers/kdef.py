"""KDEF, the Karolinska Directed Emotional Faces.

Lundqvist, Flykt and Öhman 1998 (CD-ROM, ISBN 91-630-7164-9; https://kdef.se): 70 people, seven expressions, five
angles, two sessions; `KDEF/AF01/AF01ANS.JPG`, or all pictures in one folder. The averaged faces (AKDEF,
`AKDEF/FAFFL.JPG`) come in the same archive and show nobody; they are left out. The release has two pictures whose
names tell no expression (`AF31V.JPG`, `AM31H.JPG`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fer_core.data.readers.base import Import, Problem, ReadOptions, register
from fer_core.data.readers.files import Found, first_folder, folders_in, glance, import_files
from fer_core.data.readers.schemes import KDEF
from fer_core.labels import FER7

_SUBJECT_FOLDER = re.compile(r"[AB](?P<subject>[FM]\d\d)", re.ASCII | re.IGNORECASE)


@register
class Kdef:
    """Reader of KDEF."""

    name = "kdef"
    describe = "KDEF (AF01/AF01ANS.JPG, or such pictures in one folder)"

    def matches(self, path: Path) -> bool:
        """A folder of pictures named by KDEF's scheme: directly, in folders per subject, or in its folder `KDEF`."""
        return _home(path) is not None

    def read(self, path: Path, options: ReadOptions) -> Import:
        """All pictures, in `train`, labelled with FER7.

        The subject is sex and number (`F01`), one for both sessions; the angle is the pose.
        """
        root = (_home(path) or path).resolve()
        return replace(import_files(_pictures(root, options), path, FER7, options), photographs=True)


def _home(path: Path) -> Path | None:
    """The folder that KDEF's pictures or subjects lie in."""
    return first_folder(path, ((), ("KDEF",)), _is_home)


def _is_home(folder: Path) -> bool:
    subjects = [e for e in glance(folder) if _SUBJECT_FOLDER.fullmatch(e.name) and e.is_dir()]
    return any(KDEF.named_in(Path(e.path)) for e in subjects) or KDEF.named_in(folder)


def _pictures(root: Path, options: ReadOptions) -> Iterator[Found]:
    yield from KDEF.pictures(root, root, options)
    for folder in folders_in(root, root, options):
        yield from _in_their_place(folder, KDEF.pictures(folder, root, options), options)


def _in_their_place(folder: Path, found: Iterator[Found], options: ReadOptions) -> Iterator[Found]:
    """What lies in the folder of another person is a problem: either the name or the place is wrong."""
    match = _SUBJECT_FOLDER.fullmatch(folder.name)
    for file in found:
        if match is not None and match["subject"].upper() != file.subject:
            said = f"it names the subject {file.subject} in the folder of {match['subject'].upper()}"
            options.report(Problem(file.sample_id, said, "rename it or move it", kind="misplaced"))
        else:
            yield file

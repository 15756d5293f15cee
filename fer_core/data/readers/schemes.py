"""Schemes by which data sets name their pictures: what a file's name alone tells, above all who is on it.

Where copies of these pictures lie in class folders, their names are all that is left to keep one person out of both
the training and the test split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_core.data.readers.base import Problem, ReadOptions
from fer_core.data.readers.files import Found, glance, is_picture, pictures_in
from fer_core.labels import canonical

_FLAGS = re.ASCII | re.IGNORECASE
_EXPRESSION = "AF|AN|DI|FE|HA|NE|SA|SU"
_ANGLE = "(FL|HL|S|HR|FR)"
_POSES = {"FL": "full left", "HL": "half left", "S": "straight", "HR": "half right", "FR": "full right"}


@dataclass(frozen=True)
class Scheme:
    """How a data set names its pictures.

    Attributes:
        example: a name and what its parts are, for errors.
        pattern: of the name without suffix, with the groups `subject` and, where it tells them, `expression`, `angle`.
        passed_over: beginnings of names, up to the dot, of what lies among them and is no sample, and what it is.
    """

    example: str
    pattern: re.Pattern[str]
    passed_over: tuple[re.Pattern[str], str] | None = None

    def read(self, name: str) -> re.Match[str] | None:
        """What a file's name tells, in any case of letters; None where it does not follow the scheme."""
        stem, dot, _ = name.rpartition(".")
        return self.pattern.fullmatch(stem) if dot else None

    def named_in(self, folder: Path) -> bool:
        """Whether the first pictures of a folder, as far as it is looked at, are named by this scheme."""
        names = [e.name for e in glance(folder) if is_picture(e.name)]
        return 2 * sum(self.read(name) is not None for name in names) > len(names)

    def pictures(self, folder: Path, root: Path, options: ReadOptions) -> Iterator[Found]:
        """The pictures of a folder below `root`, with subject, label and pose; one named otherwise is a problem."""
        for entry in pictures_in(folder, root, options):
            place = Path(entry.path).relative_to(root).as_posix()
            match = self.read(entry.name)
            if match is None and self.passed_over is not None and self.passed_over[0].match(entry.name):
                options.leave_out(self.passed_over[1])
                continue
            if match is None:
                said = f"it is not named like {self.example}"
                remedy = "look at the picture and rename it, or remove it"
                options.report(Problem(place, said, remedy, kind="misnamed"))
                continue
            pose = _POSES.get(match.groupdict().get("angle", "").upper())
            label, subject = canonical(match["expression"]), match["subject"].upper()
            yield Found(Path(entry.path), place, label, subject=subject, pose=pose)


KDEF = Scheme(
    "AF01ANS.JPG (session A or B, sex F or M, number 01 to 35, expression, angle)",
    re.compile(rf"[AB](?P<subject>[FM](0[1-9]|[12]\d|3[0-5]))(?P<expression>{_EXPRESSION})(?P<angle>{_ANGLE})", _FLAGS),
    (re.compile(rf"[FM]({_EXPRESSION}){_ANGLE}\.", _FLAGS), "average of many faces (AKDEF)"),
)
JAFFE = Scheme(
    "KA.AN1.39.tiff (person, expression and which of its pictures, running number)",
    re.compile(rf"(?P<subject>[A-Z]{{2}})\.(?P<expression>{_EXPRESSION})\d+\.\d+", _FLAGS),
)
CK_PLUS = Scheme(
    "S005_001_00000011.png (person, sequence, frame)",
    re.compile(r"(?P<subject>S\d{3})_\d{3}_\d{8}", _FLAGS),
)


def subject_of(name: str) -> str | None:
    """The person on a picture whose name follows one of the schemes, otherwise None.

    >>> subject_of("AF01ANS.JPG")
    'F01'
    """
    match = next((m for scheme in (KDEF, JAFFE, CK_PLUS) if (m := scheme.read(name)) is not None), None)
    return None if match is None else match["subject"].upper()

"""What came of an import, on one page: how much was read, what was left out, what is wrong and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow.compute as pc

from fer_core.data.cropping import FacesFound
from fer_core.data.readers.base import Kind, Problem
from fer_core.data.schema import SPLITS
from fer_core.data.table import SampleTable

_EXAMPLES = 3
_UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Group:
    """Problems of one kind.

    Attributes:
        kind: see `Problem.kind`.
        count: how many there are.
        examples: the first three, each a sentence.
    """

    kind: Kind
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """The outcome of an import.

    Attributes:
        samples: how many were read.
        classes: number of samples of each class in each split that has any; in the classes' order, classes without
            samples included, and `unlabelled` at the end where there are such.
        left_out: number of what was rightly passed over, by reason.
        groups: the problems by kind, the most frequent first; of equally frequent ones, the first met.
        not_square: how many of the samples' pictures are not square; a network's input is, so that they are squeezed.
        faces: what came of cutting out faces; None where pictures were left as they are.
    """

    samples: int
    classes: dict[str, dict[str, int]]
    left_out: dict[str, int]
    groups: tuple[Group, ...]
    not_square: int = 0
    faces: FacesFound | None = None

    @classmethod
    def of(
        cls,
        problems: Sequence[Problem],
        samples: SampleTable,
        left_out: Mapping[str, int] | None = None,
        faces: FacesFound | None = None,
    ) -> Self:
        """Counts; the first three arguments are the parts of an `Import`, the fourth is that of a `Cropped`."""
        by_kind: dict[Kind, list[Problem]] = {}
        for problem in problems:
            by_kind.setdefault(problem.kind, []).append(problem)
        groups = [
            Group(kind, len(found), tuple(str(problem) for problem in found[:_EXAMPLES]))
            for kind, found in by_kind.items()
        ]
        groups.sort(key=lambda group: -group.count)
        uneven = pc.sum(pc.not_equal(samples.table["width"], samples.table["height"])).as_py() or 0
        return cls(len(samples), _by_class(samples), dict(left_out or {}), tuple(groups), uneven, faces)

    @property
    def problems(self) -> int:
        """Number of problems of every kind."""
        return sum(group.count for group in self.groups)

    def as_text(self) -> str:
        """Plain text of several lines, for a terminal or a log."""
        splits = [split for split in SPLITS if any(split in counts for counts in self.classes.values())]
        lines = [f"{self.samples:,} samples read, {self.problems:,} problem(s)"]
        if splits:
            rows = [["class", *splits], *([c, *(f"{n.get(s, 0):,}" for s in splits)] for c, n in self.classes.items())]
            widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
            for first, *others in rows:
                cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
                lines.append("  ".join(("", first.ljust(widths[0]), *cells)))
        lines += self.about_pictures()
        for reason, count in self.left_out.items():
            lines.append(f"left out: {count:,} x {reason}")
        for group in self.groups:
            lines.append(f"{group.kind}: {group.count:,}")
            lines += [f"  {example}" for example in group.examples]
            lines += _more(group.count - len(group.examples))
        return "\n".join(lines) + "\n"

    def about_pictures(self) -> list[str]:
        """Lines about faces found and not found, and about pictures that will be squeezed; empty where all is well."""
        lines = []
        if (faces := self.faces) is not None:
            lines.append(f"faces: found in {faces.found:,} of {faces.pictures:,} pictures by {faces.detector}")
            if faces.several:
                lines.append(f"  {faces.several:,} show several; the largest was taken")
            if faces.without:
                by_class = ", ".join(f"{name} {count:,}" for name, count in faces.without.items())
                lines.append(f"left out, no face found: {by_class}")
                lines += [f"  {name}" for name in faces.names[:_EXAMPLES]]
                lines += _more(sum(faces.without.values()) - min(len(faces.names), _EXAMPLES))
        if self.not_square:
            lines.append(
                f"not square: {self.not_square:,} pictures, which a network sees squeezed; --faces crop cuts out faces"
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """The attributes and `problems`, for JSON."""
        return asdict(self) | {"problems": self.problems}


def _more(count: int) -> list[str]:
    return [f"  and {count:,} more"] if count else []


def _by_class(samples: SampleTable) -> dict[str, dict[str, int]]:
    counted = samples.table.group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist()
    names = [*samples.classes.names, *([_UNLABELLED] if pc.any(pc.is_null(samples.table["label"])).as_py() else [])]
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for split in SPLITS:
        for row in counted:
            if row["split"] == split:
                counts[row["label"] or _UNLABELLED][split] = row["count_all"]
    return counts

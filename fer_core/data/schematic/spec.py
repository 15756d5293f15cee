"""What is drawn: how many faces of whom, under which conditions, and with which planted flaws."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from fer_core.errors import DataError
from fer_core.labels import FER7

SMALLEST_PX = 32
LARGEST_PX = 512
_CLASSES = len(FER7)
_ID = re.compile(r"schematic-(\d+)-(\d{6,})")


@dataclass(frozen=True)
class Flaws:
    """How many samples are spoiled, and how. A whole number counts; a fraction below 1 is a share of all samples.

    A sample gets one flaw at most, except that any sample may belong to a subject in two splits. What was planted
    where stands in `SchematicSet.truth`, under the names of these fields.

    Attributes:
        exact_twins_across_splits: pairs of equal pixels and label, one in train, the other in validation or test.
        near_twins_across_splits: the same, but the second is brighter, shifted by some pixels, or went through JPEG.
        exact_twins_within_split: pairs of equal pixels and label, both in train.
        conflicting_labels: pairs of equal pixels under two labels, both in train.
        wrong_labels: a label that is not the expression drawn.
        subjects_in_two_splits: subjects, half of whose pictures are in another split; a fraction is of the subjects.
        non_faces: no face: a texture, a nearly blank picture, or text, in turn.
        dark: the face at an eighth of its light.
        blurred: the face out of focus.
        low_contrast: the face squeezed to a tenth of its contrast.
        odd_sizes: the face at another size or out of proportion.

    Raises:
        DataError: a number below zero, or a fraction that is not below 1.
    """

    exact_twins_across_splits: float = 0
    near_twins_across_splits: float = 0
    exact_twins_within_split: float = 0
    conflicting_labels: float = 0
    wrong_labels: float = 0
    subjects_in_two_splits: float = 0
    non_faces: float = 0
    dark: float = 0
    blurred: float = 0
    low_contrast: float = 0
    odd_sizes: float = 0

    def __post_init__(self) -> None:
        for name, value in self._items():
            if not (math.isfinite(value) and value >= 0 and (value < 1 or value == int(value))):
                raise DataError(
                    f"The flaw {name} is a number of samples (0, 1, 2, ...) or a share below 1, not {value}."
                )

    @classmethod
    def of_each(cls, share: float = 0.01) -> Flaws:
        """Every flaw at the same share or number, see the class."""
        return cls(**{f.name: share for f in fields(cls)})

    def numbers(self, samples: int, subjects: int) -> dict[str, int]:
        """How often each flaw is planted, by its name; a share is rounded, but gives at least one."""
        found = {}
        for name, value in self._items():
            of = subjects if name == "subjects_in_two_splits" else samples
            found[name] = max(1, round(value * of)) if 0 < value < 1 else int(value)
        return found

    def _items(self) -> Iterator[tuple[str, float]]:
        return ((f.name, getattr(self, f.name)) for f in fields(self))


@dataclass(frozen=True)
class SchematicSpec:
    """A set of drawn faces. The same seed and index give the same picture, however many are drawn.

    Attributes:
        seed: 0 or more; another seed gives other subjects.
        subjects: number of people, at least 3, so that each split gets one.
        per_subject_and_class: pictures of each expression of each person, at least 1.
        size_px: side of the square pictures, 32 to 512.
        pose_deg: largest turn to either side, degrees, 0 to 30; nods reach half, tilts two thirds of it.
        light: variation of the light, 0 (always the same, from the front) to 1 (from any side, dim or glaring).
        occlusion: share of faces that something covers in part, 0 to 1.
        noise: standard deviation of the sensor's noise, as a fraction of the full range, 0 to 0.5.
        blur: largest standard deviation of the lens's blur, in hundredths of the picture's side, 0 to 10.
        class_weights: frequency of each class in the order of FER7, relative to the most frequent; None: all alike.
            Rarer classes have fewer pictures; indices of pictures left out are not used for others.
        flaws: what is spoiled on purpose; None: nothing.

    Raises:
        DataError: a value outside these ranges.
    """

    seed: int = 0
    subjects: int = 60
    per_subject_and_class: int = 2
    size_px: int = 96
    pose_deg: float = 20.0
    light: float = 0.5
    occlusion: float = 0.1
    noise: float = 0.015
    blur: float = 0.6
    class_weights: tuple[float, ...] | None = None
    flaws: Flaws | None = None

    def __post_init__(self) -> None:
        ranges = {
            "seed": (0, 2**63 - 1),
            "subjects": (3, 100_000),
            "per_subject_and_class": (1, 1000),
            "size_px": (SMALLEST_PX, LARGEST_PX),
            "pose_deg": (0, 30),
            "light": (0, 1),
            "occlusion": (0, 1),
            "noise": (0, 0.5),
            "blur": (0, 10),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise DataError(f"{name} of schematic faces must be {low} to {high}, not {value}.")
        for name in ("seed", "subjects", "per_subject_and_class", "size_px"):
            if not isinstance(getattr(self, name), int):
                raise DataError(f"{name} of schematic faces must be a whole number, not {getattr(self, name)!r}.")
        if self.class_weights is not None:
            self._check_weights(self.class_weights)

    def _check_weights(self, weights: tuple[float, ...]) -> None:
        if len(weights) != _CLASSES:
            names = ", ".join(FER7.names)
            raise DataError(f"class_weights needs {_CLASSES} numbers ({names}), not {len(weights)}.")
        if not all(math.isfinite(w) and w >= 0 for w in weights) or not any(weights):
            raise DataError(f"class_weights must be 0 or more and not all 0, not {weights}.")

    def __len__(self) -> int:
        """Number of pictures, subjects * 7 * per_subject_and_class, less what the class weights leave out."""
        return len(self.indices())

    def indices(self) -> list[int]:
        """The index of every picture, ascending."""
        per = self.per_subject_and_class
        every = range(self.subjects * _CLASSES * per)
        if self.class_weights is None:
            return list(every)
        top = max(self.class_weights)
        kept = []
        for index in every:
            share = self.class_weights[index // per % _CLASSES] / top
            place = self.subject_of(index) * per + index % per  # the how manieth picture of its class this is
            if math.floor((place + 1) * share + 1e-9) > math.floor(place * share + 1e-9):
                kept.append(index)
        return kept

    def subject_of(self, index: int) -> int:
        """Number of the person in a picture, from 0."""
        return index // (_CLASSES * self.per_subject_and_class)

    def label_of(self, index: int) -> str:
        """The expression drawn in a picture, a name of FER7."""
        return FER7.names[index // self.per_subject_and_class % _CLASSES]

    def sample_id(self, index: int) -> str:
        """Id of a picture, `schematic-SEED-INDEX`, e.g. `schematic-0-000123`."""
        return f"schematic-{self.seed}-{index:06d}"


def index_of(sample_id: str) -> int:
    """The index in a sample id, the other way round than `SchematicSpec.sample_id`.

    Raises:
        DataError: an id of another form.
    """
    match = _ID.fullmatch(sample_id)
    if match is None:
        raise DataError(f"{sample_id!r} is no id of a schematic face; those look like schematic-0-000123.")
    return int(match[2])

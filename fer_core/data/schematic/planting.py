"""Which samples are spoiled how: decided for the whole set before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from fer_core.data.schematic.spec import SchematicSpec
from fer_core.errors import DataError
from fer_core.labels import FER7

_HELD_OUT = ("validation", "test")
_ALONE = ("non_faces", "dark", "blurred", "low_contrast", "odd_sizes")


@dataclass
class Sample:
    """One sample to be: what the table will say of it, and what is known better.

    Attributes:
        index: its own; makes its id.
        face: index of the face that is drawn; its own unless it is a copy.
        split: where it stands.
        label: what the table says.
        expression: what is drawn; None where there is no face.
        flaws: names of the fields of `Flaws` that concern it.
        partners: indices of the samples it makes pairs with.
        variant: which kind of a flaw that has several, counted from 0.
    """

    index: int
    face: int
    split: str
    label: str
    expression: str | None
    flaws: list[str] = field(default_factory=list)
    partners: list[int] = field(default_factory=list)
    variant: int = 0


def planned(spec: SchematicSpec) -> list[Sample]:
    """Every sample of a set in the order of indices, with splits by subject and the flaws of `spec.flaws`.

    A copy takes the place of a sample that would have been drawn, so that numbers stay as they are; it keeps that
    sample's subject id, as a picture that was filed under another person's name.

    Raises:
        DataError: there are too few samples for the flaws; the message names the flaw and the remedy.
    """
    splits = _splits(spec)
    samples = []
    for index in spec.indices():
        label = spec.label_of(index)
        samples.append(Sample(index, index, splits[spec.subject_of(index)], label, label))
    if spec.flaws is not None:
        _Planter(spec, samples).plant(spec.flaws.numbers(len(samples), spec.subjects))
    return samples


def _splits(spec: SchematicSpec) -> list[str]:
    """Split of each subject: 70, 15 and 15 of a hundred, each at least one."""
    held_out = max(1, round(0.15 * spec.subjects))
    order = np.random.default_rng((spec.seed, 4)).permutation(spec.subjects)
    splits = ["train"] * spec.subjects
    for rank, number in enumerate(order.tolist()):
        if rank < 2 * held_out:
            splits[number] = _HELD_OUT[rank // held_out]
    return splits


class _Planter:
    """Hands out samples that are still whole, in an order of chance."""

    def __init__(self, spec: SchematicSpec, samples: list[Sample]) -> None:
        self.spec = spec
        self.samples = samples
        self.chance = np.random.default_rng((spec.seed, 5))
        self.order: list[Sample] = [samples[i] for i in self.chance.permutation(len(samples)).tolist()]

    def plant(self, numbers: dict[str, int]) -> None:
        """Plants each flaw as often as told."""
        self._divide(numbers["subjects_in_two_splits"])
        for flaw in ("exact_twins_across_splits", "near_twins_across_splits"):
            self._pairs(flaw, numbers[flaw], lambda one, other: other.split != "train" and other.label == one.label)
        flaw = "exact_twins_within_split"
        self._pairs(flaw, numbers[flaw], lambda one, other: other.split == "train" and other.label == one.label)
        flaw = "conflicting_labels"
        self._pairs(flaw, numbers[flaw], lambda one, other: other.split == "train" and other.label != one.label)
        for number in range(numbers["wrong_labels"]):
            sample = self._take("wrong_labels", number, lambda _: True)
            others = [name for name in FER7.names if name != sample.label]
            sample.label = others[self.chance.integers(len(others))]
        for flaw in _ALONE:
            for number in range(numbers[flaw]):
                sample = self._take(flaw, number, lambda _: True)
                if flaw == "non_faces":
                    sample.expression = None

    def _divide(self, number: int) -> None:
        """Moves every other picture of some people of the training split to validation or test, in turn."""
        people: dict[int, list[Sample]] = {}
        for sample in self.samples:
            if sample.split == "train":
                people.setdefault(self.spec.subject_of(sample.index), []).append(sample)
        divisible = [pictures for pictures in people.values() if len(pictures) > 1]
        if number >= len(divisible) and number:
            raise DataError(
                f"subjects_in_two_splits cannot be {number}: {len(divisible)} subjects are in train, and one must "
                "stay. Draw more subjects or plant fewer."
            )
        for turn, place in enumerate(self.chance.permutation(len(divisible))[:number].tolist()):
            for at, sample in enumerate(divisible[place]):
                sample.flaws.append("subjects_in_two_splits")
                if at % 2:
                    sample.split = _HELD_OUT[turn % 2]

    def _pairs(self, flaw: str, number: int, fits: Callable[[Sample, Sample], bool]) -> None:
        """Makes pairs of a sample in train and a copy that takes the place of another one."""
        for done in range(number):
            one = self._take(flaw, done, lambda sample: sample.split == "train")
            copy = self._take(flaw, done, partial(fits, one))
            copy.face, copy.expression, copy.variant = one.face, one.expression, done
            one.partners.append(copy.index)
            copy.partners.append(one.index)

    def _take(self, flaw: str, done: int, fits: Callable[[Sample], bool]) -> Sample:
        for place, sample in enumerate(self.order):
            if fits(sample):
                sample.flaws.append(flaw)
                sample.variant = done
                del self.order[place]
                return sample
        raise DataError(
            f"There are too few samples for {flaw}: {done} could be planted. Draw more subjects or plant fewer."
        )

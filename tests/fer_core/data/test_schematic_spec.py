"""What may be asked of schematic faces: numbers of flaws, class weights, progress, and what is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from fer_core.data.schematic import Flaws, SchematicSpec, schematic_samples
from fer_core.errors import DataError


def test_shares_are_counted_out() -> None:
    numbers = Flaws.of_each(0.01).numbers(840, 60)
    assert numbers == {**dict.fromkeys(numbers, 8), "subjects_in_two_splits": 1}
    assert Flaws(dark=12, blurred=0.001).numbers(100, 10)["dark"] == 12
    assert Flaws(blurred=0.001).numbers(100, 10)["blurred"] == 1


def test_weights_thin_out_classes() -> None:
    weights = (1.0, 0.25, 1.0, 1.0, 0.5, 0.0, 1.0)
    spec = SchematicSpec(subjects=8, class_weights=weights)
    counts = Counter(spec.label_of(i) for i in spec.indices())
    assert counts == {"angry": 16, "disgust": 4, "fear": 16, "happy": 16, "sad": 8, "neutral": 16}
    assert len(spec) == 76
    doubled = SchematicSpec(subjects=8, class_weights=tuple(2 * w for w in weights))
    assert doubled.indices() == spec.indices()


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    schematic_samples(
        SchematicSpec(subjects=3, per_subject_and_class=1, size_px=32), lambda done, of: told.append((done, of))
    )
    assert told == [(i, 21) for i in range(1, 22)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"subjects": 2}, "subjects of schematic faces must be 3 to 100000, not 2"),
        ({"size_px": 16}, "size_px .* not 16"),
        ({"pose_deg": 60.0}, "pose_deg .* 0 to 30, not 60.0"),
        ({"occlusion": -0.1}, "occlusion .* not -0.1"),
        ({"noise": float("nan")}, "noise .* not nan"),
        ({"seed": 1.5}, "seed .* whole number, not 1.5"),
        ({"class_weights": (1.0, 1.0)}, "class_weights needs 7 numbers .* not 2"),
        ({"class_weights": (0.0,) * 7}, "not all 0"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        SchematicSpec(**values)


def test_flaws_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match=r"dark is a number of samples .* not 1\.5"):
        Flaws(dark=1.5)
    with pytest.raises(DataError, match=r"blurred .* not -1"):
        Flaws(blurred=-1)
    few = {"subjects": 3, "per_subject_and_class": 1, "size_px": 32}
    with pytest.raises(DataError, match="too few samples for dark: 21 could be planted"):
        schematic_samples(SchematicSpec(**few, flaws=Flaws(dark=22)))
    with pytest.raises(DataError, match="too few samples for exact_twins_across_splits"):
        schematic_samples(SchematicSpec(**few, flaws=Flaws(exact_twins_across_splits=8)))
    with pytest.raises(DataError, match="subjects_in_two_splits cannot be 1: 1 subjects are in train"):
        schematic_samples(SchematicSpec(**few, flaws=Flaws(subjects_in_two_splits=1)))

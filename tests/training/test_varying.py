"""What a sweep may vary of each recipe: every suggestion is one that the recipe takes."""

from __future__ import annotations

from typing import Any

import pytest

from training.recipe import list_recipes, load_recipe
from training.recipe.loading import recipe_values
from training.recipe.sweeping import AxisSpec, with_values
from training.recipe.varying import as_section, entries_to_vary, in_words, suggested_axis


@pytest.mark.parametrize("name", list_recipes())
def test_the_ends_of_each_number_and_every_switch_that_is_suggested_are_taken(name: str) -> None:
    values = recipe_values(name)
    values.pop("sweep", None)
    for key, entry in entries_to_vary(load_recipe(name)).items():
        if key.startswith("model."):  # the network itself says what goes with what
            continue
        for value in suggested_axis(entry).extremes():
            if entry.kind in {"number", "whole", "switch"} and value is not None:
                taken(values, key, value)


def taken(values: dict[str, Any], key: str, value: Any) -> None:
    recipe = with_values(values, {key: value})
    for part in key.split("."):
        recipe = recipe[int(part)] if part.isdecimal() else getattr(recipe, part)  # type: ignore[index]
    assert recipe == value


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("optimiser.learning_rate", {"low": 0.01, "high": 0.5, "log": True}),  # 0.1
        ("batch_size", {"low": 64, "high": 256}),  # 128
        ("average_decay", {"low": 0.98, "high": 0.9998}),  # 0.998
        ("augment.mixup", {"low": 0.0, "high": 0.5}),  # 0
        ("optimiser.name", ["sgd", "adam", "adamw"]),
        ("flip_at_test", [False, True]),
        ("seed", [0, 1, 2]),
        ("model.arguments.dropout", {"low": 0.01, "high": 0.5, "log": True}),  # 0.1
        ("model.arguments.widths", [[24, 32, 80, 192]]),
    ],
)
def test_suggestions_for_compact(key: str, expected: Any) -> None:
    entries = entries_to_vary(load_recipe("compact"))
    assert as_section(suggested_axis(entries[key])) == expected


def test_what_makes_no_two_trials_that_can_be_compared_is_left_out() -> None:
    entries = entries_to_vary(load_recipe("compact"))
    assert not {"licence", "intended_use", "limits", "classes", "labels", "name", "summary"} & set(entries)
    assert {"optimiser.learning_rate", "augment.erase", "target.vote_weight", "epochs"} <= set(entries)


def test_phases_are_varied_each_by_its_own() -> None:
    entries = entries_to_vary(load_recipe("kdef-vgg16"))
    assert "phases.0.epochs" in entries
    assert "epochs" not in entries


def test_in_words() -> None:
    assert in_words(AxisSpec(low=0.001, high=0.1, log=True)) == "{low: 0.001, high: 0.1, log: true}"
    assert in_words(AxisSpec(choices=([1, 2], "a"))) == "[[1, 2], a]"

"""The form of a recipe: every value of the schema, with its range, its choices and its help."""

from __future__ import annotations

from typing import Any

import pytest

from training.recipe import Recipe, keys_of, list_recipes, load_recipe, parse_recipe
from training.recipe.fields import Entry, overrides, sections

LEAST: dict[str, Any] = {"name": "least", "model": {"architecture": "compact"}}


def entries(recipe: Recipe) -> dict[str, Entry]:
    return {entry.key: entry for section in sections(recipe) for entry in section.entries}


def test_kinds_ranges_choices_and_help() -> None:
    found = entries(parse_recipe(LEAST))
    batch = found["batch_size"]
    assert (batch.kind, batch.value, batch.least, batch.most, batch.help) == (
        "whole",
        128,
        2,
        None,
        "Faces of a step. From 2.",
    )
    flip = found["augment.flip"]
    assert (flip.kind, flip.value, flip.least, flip.most) == ("number", 0.5, 0, 1)
    assert flip.help == "Probability of the mirror image. From 0 to 1."
    rate = found["optimiser.learning_rate"]
    assert (rate.kind, rate.least) == ("number", None)
    assert rate.help == "The highest rate that the schedule reaches. Above 0."
    assert found["augment.contrast"].help.endswith("From 0 to below 1.")
    assert found["seed"].help.endswith("on the same machine. From 0 to below 2,147,483,648.")
    schedule = found["optimiser.schedule"]
    assert (schedule.kind, schedule.choices) == ("choice", ("one-cycle", "cosine", "constant", "plateau"))
    assert found["flip_at_test"].kind == "switch"
    assert found["loss.class_weights"].kind == "yaml"
    assert found["preprocess.size_px"].help.startswith("Side of the square input, pixels."), "told by a parent class"
    assert found["augment.noise_copies"].help.count("\n") == 0


def test_every_key_of_the_schema_can_be_asked_for() -> None:
    recipe = load_recipe("kdef-vgg16")
    asked = {".".join(part for part in key.split(".") if not part.isdecimal()) for key in entries(recipe)}
    parts = {"model", "svm", "preprocess", "target", "loss", "augment", "optimiser", "groups", "phases", "stopping"}
    wanted = {key for key in keys_of(Recipe) if key not in parts and not key.startswith("svm.")}
    assert asked == wanted - {"name", "summary", "epochs"}, "epochs follow from the phases"
    machine = entries(load_recipe("svm-on-features"))
    assert "svm.kernel" in machine
    assert "batch_size" not in machine


def test_titles_of_phases_and_groups() -> None:
    titles = [section.title for section in sections(load_recipe("kdef-vgg16"))]
    assert titles[-8:] == [
        "optimiser", "group early", "group middle", "group head", "phase head", "phase everything", "stopping", "card",
    ]  # fmt: skip


@pytest.mark.parametrize("name", list_recipes())
def test_a_value_written_back_changes_nothing(name: str) -> None:
    recipe = load_recipe(name)
    found = entries(recipe)
    assert overrides({k: e.value for k, e in found.items()}, {k: e.value for k, e in found.items()}) == []
    everything = overrides(dict.fromkeys(found), {k: e.value for k, e in found.items()})
    assert load_recipe(name, everything) == recipe


def test_changed_values_are_those_that_the_recipe_then_has() -> None:
    wished = {
        "optimiser.learning_rate": 1e-05,
        "target.teachers": [],
        "licence": "yes: [no",
        "phases.0.learning_rate": 0.5,
        "flip_at_test": True,
    }
    recipe = load_recipe("kdef-vgg16")
    was = {key: entry.value for key, entry in entries(recipe).items()}
    changed = load_recipe("kdef-vgg16", overrides(was, wished))
    assert changed.optimiser.learning_rate == 1e-05
    assert (changed.licence, changed.flip_at_test) == ("yes: [no", True)
    assert [phase.learning_rate for phase in changed.phases] == [0.5, None]
    assert changed.target == recipe.target

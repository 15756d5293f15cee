"""Checkpoints that were trained by a recipe, and what about it was changed for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fer_core.checkpoint import Checkpoint, list_checkpoints
from fer_core.errors import RecipeError
from training.recipe import load_recipe
from training.tracking.facts import flattened

_TELLS = ("name", "summary", "intended_use", "limits", "licence")  # and changes nothing about the training


@dataclass(frozen=True)
class Reproduction:
    """A checkpoint that was trained by a recipe that comes with FERScope, or by one that was made of it.

    Attributes:
        checkpoint: with its card.
        recipe: name of the recipe.
        changes: what differs from the recipe, such as `epochs 3 instead of 50`; empty where nothing does.
    """

    checkpoint: Checkpoint
    recipe: str
    changes: tuple[str, ...]


def reproductions(recipes: set[str]) -> list[Reproduction]:
    """The checkpoints of this machine whose cards name one of these recipes, in the order of their names."""
    found = []
    for checkpoint in list_checkpoints():
        trained = checkpoint.card.trained
        name = str((trained.recipe if trained else {}).get("name", ""))
        if trained and name in recipes:
            found.append(Reproduction(checkpoint, name, changes(trained.recipe, name)))
    return found


def changes(recipe: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """What a recipe has otherwise than the one of a name, a sentence's part each.

    Args:
        recipe: its values, as a card keeps them; keys that it lacks are not told of.
        name: of a recipe that comes with FERScope.
    """
    try:
        base = flattened(load_recipe(name).model_dump(mode="json"))
    except RecipeError:  # the card is of a version that had another recipe of this name
        return ("its recipe is not here",)
    mine = flattened(dict(recipe))
    return tuple(
        f"{key} {mine[key]} instead of {value}"
        for key, value in base.items()
        if key in mine and mine[key] != value and key not in _TELLS
    )

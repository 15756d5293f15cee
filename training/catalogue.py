"""What there is to choose from: the recipes, with the size of their networks."""

from __future__ import annotations

from dataclasses import dataclass

from training.recipe import Recipe, list_recipes, load_recipe


@dataclass(frozen=True)
class RecipeFacts:
    """What a list tells of a recipe.

    Attributes:
        name: as given to `load_recipe`.
        summary: one line.
        architecture: as given to `fer_core.models.create_model`.
        parameters: numbers that training may change; None for a support-vector machine, whose data decide how many.
        weights: what it starts from: a checkpoint, or as `ModelSpec.pretrained`.
        size_px: side of its faces.
        epochs: at most.
    """

    name: str
    summary: str
    architecture: str
    parameters: int | None
    weights: str
    size_px: int
    epochs: int


def recipe_facts() -> list[RecipeFacts]:
    """Of all recipes that come with FERScope, by name; every network is built, without weights, which takes seconds."""
    recipes = [load_recipe(name) for name in list_recipes()]
    return [
        RecipeFacts(
            name=recipe.name,
            summary=recipe.summary,
            architecture=recipe.model.architecture,
            parameters=parameters_of(recipe),
            weights=recipe.model.checkpoint or recipe.model.pretrained,
            size_px=recipe.preprocess.size_px,
            epochs=recipe.epochs,
        )
        for recipe in recipes
    ]


def parameters_of(recipe: Recipe) -> int | None:
    """How many numbers the recipe's network learns, whichever of them a phase freezes; None where its data decide.

    Raises:
        ModelError: the architecture is unknown, or does not take its arguments.
    """
    if recipe.svm:
        return None
    import torch

    from fer_core.models import create_model

    with torch.device("meta"):  # shapes alone
        network = create_model(
            recipe.model.architecture,
            num_classes=len(recipe.classes),
            in_channels=recipe.preprocess.channels,
            **recipe.model.arguments,
        )
    return sum(p.numel() for p in network.parameters())

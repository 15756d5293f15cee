"""A recipe: everything that decides a training run but the data, as YAML checked by pydantic."""

from training.recipe.describing import help_of
from training.recipe.loading import RECIPES, keys_of, list_recipes, load_recipe, parse_recipe
from training.recipe.parts import (
    AugmentSpec,
    GroupSpec,
    LossSpec,
    ModelSpec,
    OptimiserSpec,
    PhaseSpec,
    PreprocessSpec,
    StoppingSpec,
    SvmSpec,
    TargetSpec,
)
from training.recipe.recipe import Recipe

__all__ = [
    "RECIPES",
    "AugmentSpec",
    "GroupSpec",
    "LossSpec",
    "ModelSpec",
    "OptimiserSpec",
    "PhaseSpec",
    "PreprocessSpec",
    "Recipe",
    "StoppingSpec",
    "SvmSpec",
    "TargetSpec",
    "help_of",
    "keys_of",
    "list_recipes",
    "load_recipe",
    "parse_recipe",
]

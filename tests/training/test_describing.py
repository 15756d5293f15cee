"""The help of a recipe's keys, from the docstrings."""

from typing import get_args

import pytest
from pydantic import BaseModel

from training.recipe import AugmentSpec, PreprocessSpec, Recipe, help_of


def parts() -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = {Recipe}
    for field in Recipe.model_fields.values():
        found |= {x for x in (field.annotation, *get_args(field.annotation)) if isinstance(x, type)} & set(specs())
    return found


def specs() -> list[type[BaseModel]]:
    import training.recipe as package

    return [x for x in vars(package).values() if isinstance(x, type) and issubclass(x, BaseModel)]


# Keys of a recipe that are parts themselves are explained by their own docstrings.
OF_PARTS = {"model", "preprocess", "target", "loss", "augment", "optimiser", "stopping"}
NAMES = {"name", "summary"}


@pytest.mark.parametrize("part", sorted(parts(), key=lambda p: p.__name__), ids=lambda p: p.__name__)
def test_every_key_has_help(part: type[BaseModel]) -> None:
    lacking = set(part.model_fields) - set(help_of(part))
    assert lacking <= (OF_PARTS | NAMES if part is Recipe else set())


def test_all_parts_were_looked_at() -> None:
    assert {p.__name__ for p in parts()} == {p.__name__ for p in specs()}


def test_help_runs_over_lines() -> None:
    said = help_of(AugmentSpec)["noise_copies"]
    assert said.startswith("copies of each training face with noise of their own, made once before the first epoch; 1 ")
    assert said.endswith("so that no copy can be validated against.")
    assert help_of(AugmentSpec)["flip"] == "probability of the mirror image."


def test_help_of_a_part_that_extends_another() -> None:
    assert help_of(PreprocessSpec)["size_px"] == "side of the square input, pixels."

"""Recipes that somebody else wrote, friend or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_core.errors import RecipeError
from training.recipe import load_recipe
from training.recipe.loading import parse_change
from training.recipe.own import keep_recipe, own_recipe_file, own_recipes

MINE = b"name: mine\nmodel: {architecture: compact}\nepochs: 7\n"


def test_a_recipe_is_kept_and_replaced(home: Path) -> None:
    assert own_recipes() == []
    assert keep_recipe(MINE) == "mine"
    assert keep_recipe(MINE.replace(b"7", b"8")) == "mine"
    assert own_recipes() == ["mine"]
    assert own_recipe_file("mine") == home.resolve() / "recipes" / "mine.yaml"
    assert load_recipe(own_recipe_file("mine")).epochs == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name: compact\nmodel: {architecture: compact}", "compact comes with FERScope. Give yours another name"),
        (b"name: ../../x\nmodel: {architecture: compact}", r"'../../x' is not a name for a recipe"),
        (MINE + b"epoch: 3", r"epoch is not a key of a recipe; did you mean epochs\?"),
        (b"model: {architecture: compact}", "name is missing"),
        (b"- a\n- b", "this one is a list"),
        (b"", "this one is a NoneType"),
        (b"a: [", "is not valid YAML"),
        (b"\xff\xfe\x00name", "is not valid YAML"),
        (b"\x89PNG\r\n\x1a\n", "is not valid YAML"),
        (b"name: !!python/object/apply:os.system [ls]", "is not valid YAML"),
        (b"a: " + b"[" * 60_000, "more than 20 lists or mappings within one another"),
        (b"\n".join(b" " * i + b"- " for i in range(30)), "more than 20 lists"),
        (b"name: 2020-13-45", "is not valid YAML"),
        (b"seed: " + b"9" * 5000, "is not valid YAML"),
        (b"a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]", "has aliases"),
        (b"#" * 64_001, "has 64 kB, and a recipe has 64 kB at most"),
    ],
)
def test_what_is_no_recipe_is_a_sentence_and_is_not_kept(text: bytes, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        keep_recipe(text)
    assert own_recipes() == []


@pytest.mark.parametrize("text", ["2020-13-45", "9" * 5000, "[" * 5000])
def test_a_change_that_yaml_chokes_on_is_a_sentence(text: str) -> None:
    with pytest.raises(RecipeError, match="is not a value in YAML"):
        parse_change(f"seed={text}")

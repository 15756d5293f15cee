"""Recipes that somebody else wrote, friend or not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fer_core.errors import RecipeError
from training.recipe import load_recipe
from training.recipe.loading import parse_change
from training.recipe.own import drop_recipe, keep_recipe, own_recipe_file, own_recipes

MINE = b"name: mine\nmodel: {architecture: compact}\nepochs: 7\n"


def test_a_recipe_is_kept_and_replaced(home: Path) -> None:
    assert own_recipes() == []
    assert keep_recipe(MINE) == "mine"
    assert keep_recipe(MINE.replace(b"7", b"8")) == "mine"
    assert own_recipes() == ["mine"]
    assert own_recipe_file("mine") == home.resolve() / "recipes" / "mine.yaml"
    assert load_recipe(own_recipe_file("mine")).epochs == 8
    drop_recipe("mine")
    assert own_recipes() == []
    with pytest.raises(RecipeError, match="There is no recipe 'mine' of your own"):
        drop_recipe("mine")
    with pytest.raises(RecipeError, match="is not a name for a recipe"):
        drop_recipe("../compact")
    own_recipe_file("mine").mkdir()  # what may not be deleted as a file is
    with pytest.raises(RecipeError, match=r"The recipe mine cannot be deleted from .*Let FERScope write there"):
        drop_recipe("mine")


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
        (b"name: !!bool foo", "is not valid YAML"),
        (b"name: !!timestamp x", "is not valid YAML"),
        (b'name: !!int ""', "is not valid YAML"),
        (b"seed: " + b"9" * 5000, "is not valid YAML"),
        (b"a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]", "has aliases"),
        (MINE + b"sweep: fast", "sweep, and space within it, must hold keys and values, not 'fast'"),
        (MINE + b"sweep: {space: [seed]}", "sweep, and space within it, must hold keys and values"),
        (MINE + b"sweep: {metric: val_loss}", r"mine: sweep\.space: Field required"),
        (MINE + b"sweep: {space: {seed: []}}", r"mine: sweep\.space\.seed: needs choices, or low and high"),
        (MINE + b"sweep: {space: {batch_size: [1, 32]}}", "batch_size=1: batch_size: .*greater than or equal to 2"),
        (MINE + b"sweep: {space: {optimiser.rate: [1, 2]}}", "is not a key of a recipe"),
        (b"#" * 64_001, "has 64 kB, and a recipe has 64 kB at most"),
    ],
)
def test_what_is_no_recipe_is_a_sentence_and_is_not_kept(text: bytes, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        keep_recipe(text)
    assert own_recipes() == []


@pytest.mark.parametrize(
    "text", ["2020-13-45", "9" * 5000, "[" * 5000, "!!bool foo", "!!timestamp x", '!!int ""', "{[1]: 2}"]
)
def test_a_change_that_yaml_chokes_on_is_a_sentence(text: str) -> None:
    with pytest.raises(RecipeError, match="is not a value in YAML"):
        parse_change(f"seed={text}")


def test_a_section_sweep_that_holds_is_kept(home: Path) -> None:
    del home
    text = MINE + b"sweep: {space: {batch_size: [16, 32]}}\n"
    assert keep_recipe(text) == "mine"
    assert own_recipe_file("mine").read_bytes() == text
    assert keep_recipe(MINE + b"sweep:\n") == "mine"


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "the disk is full. Make room there"), (errno.EROFS, "Read-only file system. Let FERScope write")],
)
def test_where_nothing_can_be_written_the_earlier_one_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    keep_recipe(MINE)

    def half(file: Path, text: bytes) -> int:
        with file.open("wb") as stream:
            stream.write(text[: len(text) // 2])
        raise OSError(number, os.strerror(number), str(file))

    monkeypatch.setattr(Path, "write_bytes", half)
    folder = home.resolve() / "recipes"
    with pytest.raises(RecipeError, match=f"The recipe mine cannot be kept in {folder}: {said}"):
        keep_recipe(MINE.replace(b"7", b"8"))
    assert [file.name for file in folder.iterdir()] == ["mine.yaml"]
    assert (folder / "mine.yaml").read_bytes() == MINE


def test_a_file_where_the_folder_should_be_is_a_sentence(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "recipes").touch()
    with pytest.raises(RecipeError, match=r"The recipe mine cannot be kept in .*recipes: File exists"):
        keep_recipe(MINE)

"""Recipes of one's own, kept in the workspace beside those that come with FERScope."""

from __future__ import annotations

import secrets
from pathlib import Path

import yaml

from fer_core.card import NAME
from fer_core.errors import RecipeError
from fer_core.whole import whole
from fer_core.workspace import workspace
from training.recipe.loading import list_recipes, parse_recipe, read_yaml
from training.recipe.sweeping import check_sweep

LARGEST_KB = 64  # the longest recipe that comes with FERScope has 4

_DEEPEST = 20
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def own_recipes() -> list[str]:
    """Names of the recipes in the workspace, sorted."""
    return sorted(file.stem for file in _folder().glob("*.yaml"))


def own_recipe_file(name: str) -> Path:
    """Where a recipe of one's own lies, for `load_recipe`; it may not be there.

    Raises:
        RecipeError: no name for a recipe.
    """
    if not NAME.fullmatch(name):
        raise RecipeError(
            f"{name[:100]!r} is not a name for a recipe: it begins with a letter or a digit and goes on with letters, "
            "digits, '.', '_' and '-', at most 100 in all. Change its key name."
        )
    return _folder() / f"{name}.yaml"


def keep_recipe(text: bytes) -> str:
    """Keeps a recipe that somebody wrote or sent, in the place of an earlier one of its name.

    Args:
        text: YAML. Aliases are refused, as a few lines of them can stand for more than any memory holds.

    Returns:
        Its name.

    Raises:
        RecipeError: too large or too deep, no YAML, a key or value that a recipe does not have, a section `sweep` that
            cannot be run, a name that is none or is that of a recipe that comes with FERScope, or no place to write.
    """
    if len(text) > 1000 * LARGEST_KB:
        raise RecipeError(f"The recipe has {len(text) / 1000:,.0f} kB, and a recipe has {LARGEST_KB} kB at most.")
    try:
        _check_tokens(text)
        values = read_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"The recipe is not valid YAML: {error}.") from error
    if not isinstance(values, dict):
        raise RecipeError(f"A recipe holds keys and values, such as name: mine; this one is a {type(values).__name__}.")
    section = values.pop("sweep", None)
    name = parse_recipe(values).name
    file = own_recipe_file(name)
    if name in list_recipes():
        raise RecipeError(f"The recipe {name} comes with FERScope. Give yours another name, with its key name.")
    if section:
        check_sweep(values, section, name)
    _write(file, text)
    return name


def _write(file: Path, text: bytes) -> None:
    from training.disk import disk_is_full

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file, f".{secrets.token_hex(4)}") as scratch:  # two people may keep one at once
            scratch.write_bytes(text)
    except OSError as error:
        why = (
            "the disk is full. Make room there"
            if disk_is_full(error)
            else f"{error.strerror}. Let FERScope write there, or give it another workspace with FERSCOPE_HOME,"
        )
        raise RecipeError(
            f"The recipe {file.stem} cannot be kept in {file.parent}: {why} and take it again."
        ) from error


def drop_recipe(name: str) -> None:
    """Deletes a recipe of one's own; runs and sweeps that were begun with it have copies of their own.

    Raises:
        RecipeError: there is none of this name, or it may not be deleted.
    """
    file = own_recipe_file(name)
    try:
        file.unlink()
    except FileNotFoundError:
        raise RecipeError(f"There is no recipe {name!r} of your own.") from None
    except OSError as error:
        raise RecipeError(
            f"The recipe {name} cannot be deleted from {file.parent}: {error.strerror}. Let FERScope write there."
        ) from error


def _check_tokens(text: bytes) -> None:
    """Looks before anything is built; of brackets in brackets without end YAML makes minutes of work."""
    depth = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise RecipeError("The recipe has aliases (*name); write out what they stand for.")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _DEEPEST:
            raise RecipeError(f"The recipe has more than {_DEEPEST} lists or mappings within one another.")


def _folder() -> Path:
    return workspace().resolve() / "recipes"

"""Recipes from YAML: by name or path, with single values changed, every mistake in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from fer_core.errors import RecipeError
from training.recipe.recipe import Recipe

# What PyYAML lets through where a value is not of its tag, such as `!!bool maybe` or `!!timestamp soon`.
_NO_VALUES = (ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError)

RECIPES = Path(__file__).resolve().parents[1] / "recipes"


def list_recipes() -> list[str]:
    """Names of the recipes that come with FERScope, sorted."""
    return sorted(p.stem for p in RECIPES.glob("*.yaml"))


def load_recipe(name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe by name or by the path of a YAML file, with `key.key=value` overrides.

    Its section `sweep`, where it has one, is no part of a run; see `training.recipe.sweeping`.

    Raises:
        RecipeError: unknown name, broken YAML, an unknown key (the nearest valid one is named) or a bad value.
    """
    values = recipe_values(name, overrides)
    values.pop("sweep", None)
    return parse_recipe(values, where=str(_file_of(name)))


def _file_of(name: str | Path) -> Path:
    path = Path(name)
    return path if path.suffix in {".yaml", ".yml"} else RECIPES / f"{name}.yaml"


def recipe_values(name: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """What stands in a recipe's file, with overrides, before it is checked.

    Raises:
        RecipeError: unknown name, broken YAML, or an override that has no place there.
    """
    path = _file_of(name)
    try:
        values = read_yaml(path.read_bytes())
    except OSError as error:
        raise RecipeError(f"There is no recipe {str(name)!r}; there are: {', '.join(list_recipes())}.") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not valid YAML: {error}.") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path} must hold keys and values, but holds {type(values).__name__}.")
    changed = set()
    for override in overrides:
        key, value = parse_change(override)
        put(values, key, value, said=f"--set {override}")
        changed.add(key.partition(".")[0])
    if "phases" in changed and "epochs" not in changed and values["phases"]:
        values.pop("epochs", None)  # the file's; they follow from the phases that were asked for
    return values


def read_yaml(text: str | bytes) -> Any:
    """Plain values from YAML.

    Raises:
        yaml.YAMLError: it is none; also of dates, numbers and switches that are none, and of brackets without end.
    """
    try:
        return yaml.safe_load(text)
    except _NO_VALUES as error:
        raise yaml.YAMLError(f"a value that cannot be read ({error})") from error


def parse_recipe(values: dict[str, Any], where: str = "the recipe") -> Recipe:
    """A recipe from plain values.

    Raises:
        RecipeError: every wrong key or value, each in its own sentence.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{where}: " + " ".join(_sentence(e) for e in error.errors())) from error


def parse_change(change: str, option: str = "--set") -> tuple[str, Any]:
    """Key and value of `key=value`, the value in YAML.

    Raises:
        RecipeError: it is not of that form.
    """
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"{option} takes key=value, not {change!r}; for example {option} epochs=5.")
    try:
        return key, read_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{option} {change}: {text!r} is not a value in YAML.") from error


def put(values: dict[str, Any], key: str, value: Any, said: str) -> None:
    """Sets the value of a key with dots, where a number is an entry of a list; `said` begins the error's sentence.

    Raises:
        RecipeError: the key has no place in `values`.
    """
    *parents, leaf = key.split(".")
    place: Any = values
    for parent in parents:
        inner = place.setdefault(parent, {}) if isinstance(place, dict) else _entry(place, parent, said)
        if not isinstance(inner, dict | list):
            raise RecipeError(f"{said}: {parent} has no keys of its own.")
        place = inner
    if isinstance(place, dict):
        place[leaf] = value
    else:
        _entry(place, leaf, said)
        place[int(leaf)] = value


def _entry(entries: list[Any], number: str, said: str) -> Any:
    """An entry of a list by its number, from 0: `phases.0.epochs=1`."""
    if not number.isdecimal() or int(number) >= len(entries):
        raise RecipeError(f"{said}: there are {len(entries)} entries, numbered from 0; {number!r} is none of them.")
    return entries[int(number)]


def _sentence(error: Any) -> str:
    # Of a value that may be one of several things pydantic names each, as `tuple[float, ...]`; people know the key.
    path = ".".join(str(part) for part in error["loc"] if "[" not in str(part))
    if error["type"] == "missing":
        return f"{path} is missing."
    if error["type"] == "extra_forbidden":
        return f"{path} is not a key of a recipe{_nearest(path)}"
    if not path:  # what several keys say does not fit together
        return f"{error['msg'].removeprefix('Value error, ')}."
    return f"{path}: {error['msg']}, not {error['input']!r}{_nearest_choice(error)}"


def _nearest_choice(error: Any) -> str:
    known = re.findall(r"'([^']+)'", error["ctx"]["expected"]) if error["type"] == "literal_error" else []
    close = get_close_matches(str(error["input"]), known, n=1)
    return f"; did you mean {close[0]}?" if close else "."


def _nearest(path: str) -> str:
    """The key whose last part is most like that of the path; of several, the one in the most similar place."""

    def alike(key: str) -> tuple[float, ...]:
        pairs = ((path.rpartition(".")[2], key.rpartition(".")[2]), (path, key))
        return tuple(SequenceMatcher(None, a, b).ratio() for a, b in pairs)

    listed = {name for name, field in Recipe.model_fields.items() if get_origin(field.annotation) is tuple}
    elsewhere = listed - {path.partition(".")[0]}
    best = max((key for key in keys_of(Recipe) if key.partition(".")[0] not in elsewhere), key=alike)
    return f"; did you mean {best}?" if alike(best)[0] >= 0.6 else "."


def keys_of(part: type[BaseModel], within: str = "") -> list[str]:
    """Every key below a part, with dots; the keys of a list's entries stand under the list's own name."""
    keys = []
    for name, field in part.model_fields.items():
        keys.append(within + name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                keys += keys_of(inner, f"{within}{name}.")
    return keys

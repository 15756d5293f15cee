"""A recipe: everything that decides a training run but the data, as YAML checked by pydantic."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fer_core.card import Arguments
from fer_core.errors import DataError, RecipeError
from fer_core.labels import FER7, class_set
from fer_core.preprocess import Preprocess

RECIPES = Path(__file__).resolve().parent / "recipes"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelSpec(_Part):
    """Which network: a name for `fer_core.models.create_model` and its arguments."""

    architecture: str
    arguments: Arguments = Field(default_factory=dict)


class TargetSpec(_Part):
    """What the network is taught.

    Attributes:
        vote_weight: share of the annotators' distribution in the target of a sample with votes; the rest is its label.
        translate_votes: whether votes are first translated into the labels' usage by their cross-table on the training
            split. Two rounds of annotation differ in habit (FER+ says neutral twice as often as FER2013, and fear a
            quarter as often); untranslated votes teach that habit.
        label_smoothing: share of the uniform distribution mixed into the result.
        teachers: checkpoints whose mean probabilities for each training face, face and mirror image, are taught as well
            (distillation: Hinton et al. 2015, arXiv 1503.02531; of a network into one of its own kind: Furlanello et
            al. 2018, arXiv 1805.04770).
        teacher_weight: share of the teachers' probabilities in the final target.
    """

    vote_weight: float = Field(0.0, ge=0, le=1)
    translate_votes: bool = True
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    teachers: tuple[str, ...] = ()
    teacher_weight: float = Field(0.5, ge=0, le=1)


class AugmentSpec(_Part):
    """Random changes of a training face; each is drawn anew for each face and step.

    Attributes:
        flip: probability of the mirror image.
        rotate_deg: rotation, uniform in +- this many degrees.
        shift: shift along each axis, uniform in +- this fraction of the side.
        scale: factor of size, log-uniform in 1/(1+scale) .. 1+scale.
        contrast: factor of contrast, uniform in 1 +- this.
        brightness: added light, uniform in +- this fraction of the full range.
        erase: probability that one rectangle of 2 to 20 % of the area is set to the mean.
    """

    flip: float = Field(0.5, ge=0, le=1)
    rotate_deg: float = Field(0.0, ge=0, le=180)
    shift: float = Field(0.0, ge=0, le=0.5)
    scale: float = Field(0.0, ge=0, le=1)
    contrast: float = Field(0.0, ge=0, lt=1)
    brightness: float = Field(0.0, ge=0, le=0.5)
    erase: float = Field(0.0, ge=0, le=1)


class OptimiserSpec(_Part):
    """The optimiser; `learning_rate` is the highest one that the schedule reaches."""

    name: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = Field(0.1, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    warmup: float = Field(0.2, ge=0, lt=1, description="share of the steps in which the one-cycle rate rises")


class Recipe(_Part):
    """A training run but for its data.

    Attributes:
        name: name of the recipe and of the checkpoint that comes out.
        summary: one line for lists.
        classes: class names in the order of the outputs.
        average_decay: decay per step of the moving average of the weights, which is what is shipped; 0 switches it off.
        precision: `auto` is bfloat16 where the machine computes with it, else float32.
        select: ship the weights of the epoch with the best validation accuracy, or those of the last epoch.
        flip_at_test: evaluate on the mean of face and mirror image; goes into the card.
        licence: licence of the weights; goes into the card, as do the next two.
        intended_use: what the model is for.
        limits: what it is not for.
    """

    name: str
    summary: str = ""
    model: ModelSpec
    preprocess: Preprocess = Preprocess()
    classes: tuple[str, ...] = FER7.names
    target: TargetSpec = TargetSpec()
    augment: AugmentSpec = AugmentSpec()
    optimiser: OptimiserSpec = OptimiserSpec()
    epochs: int = Field(20, ge=1)
    batch_size: int = Field(128, ge=2)
    seed: int = Field(0, ge=0, lt=2**31)
    average_decay: float = Field(0.998, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    select: Literal["best", "last"] = "best"
    flip_at_test: bool = True
    licence: str = ""
    intended_use: str = ""
    limits: str = ""

    @field_validator("classes")
    @classmethod
    def _valid_classes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return class_set(names).names
        except DataError as error:
            raise ValueError(str(error)) from error


def list_recipes() -> list[str]:
    """Names of the recipes that come with FERScope, sorted."""
    return sorted(p.stem for p in RECIPES.glob("*.yaml"))


def load_recipe(name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe by name or by the path of a YAML file, with `key.key=value` overrides.

    Raises:
        RecipeError: unknown name, broken YAML, an unknown key (the nearest valid one is named) or a bad value.
    """
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        path = RECIPES / f"{name}.yaml"
    try:
        values = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise RecipeError(f"There is no recipe {str(name)!r}; there are: {', '.join(list_recipes())}.") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not valid YAML: {error}.") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path} must hold keys and values, but holds {type(values).__name__}.")
    for override in overrides:
        _override(values, override)
    return parse_recipe(values, where=str(path))


def parse_recipe(values: dict[str, Any], where: str = "the recipe") -> Recipe:
    """A recipe from plain values.

    Raises:
        RecipeError: every wrong key or value, each in its own sentence.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{where}: " + " ".join(_sentence(e) for e in error.errors())) from error


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set takes key=value, not {override!r}; for example --set epochs=5.")
    *parents, leaf = key.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {override}: {parent} has no keys of its own.")
        values = inner
    try:
        values[leaf] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {override}: {text!r} is not a value in YAML.") from error


def _sentence(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{path} is missing."
    if error["type"] != "extra_forbidden":
        return f"{path}: {error['msg']}, not {error['input']!r}."
    return f"{path} is not a key of a recipe{_nearest(path)}"


def _nearest(path: str) -> str:
    """The key whose last part is most like that of the path; of several, the one in the most similar place."""

    def alike(key: str) -> tuple[float, ...]:
        pairs = ((path.rpartition(".")[2], key.rpartition(".")[2]), (path, key))
        return tuple(SequenceMatcher(None, a, b).ratio() for a, b in pairs)

    best = max(_keys(Recipe), key=alike)
    return f"; did you mean {best}?" if alike(best)[0] >= 0.6 else "."


def _keys(part: type[BaseModel], within: str = "") -> list[str]:
    keys = []
    for name, field in part.model_fields.items():
        keys.append(within + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _keys(field.annotation, f"{within}{name}.")
    return keys

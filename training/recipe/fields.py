"""What a form asks of a recipe, drawn from the schema: every value with its range, its choices and its help."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fer_core.checkpoint import list_checkpoints
from training.recipe.parts import ModelSpec
from training.recipe.recipe import Recipe

Kind = Literal["whole", "number", "switch", "choice", "open", "text", "yaml"]

_OF_THE_CARD = ("licence", "intended_use", "limits")
_OF_NETWORKS = {"preprocess", "target", "loss", "augment", "optimiser", "stopping", "model"}
_SELDOM = {"classes", "labels"}
_TRAINED = {
    "epochs",
    "batch_size",
    "sampling",
    "seed",
    "average_decay",
    "precision",
    "select",
    "weights",
    "flip_at_test",
}
# What people choose from without torch being loaded; any other of torchvision and timm can be entered.
ARCHITECTURES = (
    "compact",
    "dlib-resnet",
    "fec-cnn",
    "kdef-vgg16",
    "mobilenet",
    "resnet50-fc",
    "resnet50-partial",
    "vgg19-fc",
    "vggnet-670k",
    "timm/seresnet50",
    "timm/tf_efficientnet_lite0",
    "torchvision/convnext_tiny",
    "torchvision/efficientnet_b0",
    "torchvision/inception_v3",
    "torchvision/mobilenet_v3_large",
)
_TITLES = {
    "checkpoint": "goes on from checkpoint",
    "flip_at_test": "flip at test",
    "svm": "support-vector machine",
    "weights": "precision of the written weights",
}


@dataclass(frozen=True)
class Entry:
    """One value of a recipe, as a form asks for it.

    Attributes:
        key: with dots, as `load_recipe` takes it in an override.
        title: the last part of the key in words.
        kind: `open` is a choice beside which anything may be entered; `yaml` is a list, a mapping or a choice between
            such things, written as YAML.
        value: what the recipe has.
        help: from the schema's docstring, with the range.
        choices: of a `choice`, or those that are known of an `open` one.
        least: lowest value that is allowed; None where there is none, or where the limit itself is not allowed.
        most: highest one, likewise.
    """

    key: str
    title: str
    kind: Kind
    value: Any
    help: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Section:
    """A part of a recipe: its title, what it is for, and its entries."""

    title: str
    about: str
    entries: tuple[Entry, ...]


def sections(recipe: Recipe) -> tuple[Section, ...]:
    """The parts of a recipe in the order of the schema, each phase and each group of layers as a part of its own.

    Name and summary are left out, as is what a support-vector machine has no use for.
    """
    found = [Section("run", "How long, how much at once, what is kept.", _entries(recipe, "", _own_keys(recipe)))]
    found += _parts(recipe)
    found.append(Section("card", "Goes into the checkpoint's card.", _entries(recipe, "", _OF_THE_CARD)))
    return tuple(section for section in found if section.entries)


def _own_keys(recipe: Recipe) -> list[str]:
    left_out = {"name", "summary", *_OF_THE_CARD}
    left_out |= _TRAINED if recipe.svm else set()
    left_out |= {"epochs"} if recipe.phases else set()  # they follow from the phases
    asked = [name for name in Recipe.model_fields if name not in left_out]
    return sorted(asked, key=lambda name: name in _SELDOM)


def _parts(recipe: Recipe) -> list[Section]:
    found = []
    for name in Recipe.model_fields:
        value = getattr(recipe, name)
        if recipe.svm and name in _OF_NETWORKS:
            continue
        if isinstance(value, BaseModel):
            found.append(_section(_TITLES.get(name, name), value, f"{name}."))
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            kind = name.removesuffix("s")
            found += [_section(f"{kind} {part.name}", part, f"{name}.{i}.") for i, part in enumerate(value)]
    return found


def _section(title: str, part: BaseModel, prefix: str) -> Section:
    about = (type(part).__doc__ or "").strip().splitlines()[0]
    return Section(title, about, _entries(part, prefix, list(type(part).model_fields)))


def _entries(part: BaseModel, prefix: str, names: list[str] | tuple[str, ...]) -> tuple[Entry, ...]:
    helps = _helps(type(part))
    fields = type(part).model_fields
    known = _known(part)
    found = (_entry(prefix + name, fields[name], getattr(part, name), helps.get(name, ""), known) for name in names)
    return tuple(entry for entry in found if entry is not None)


def _entry(key: str, field: FieldInfo, value: Any, text: str, known: Mapping[str, tuple[str, ...]]) -> Entry | None:
    """None for a part, which has entries of its own; `known` as `_known` gives it."""
    if _holds_parts(field.annotation):
        return None
    kind, choices = _kind(field.annotation)
    if key in known:
        kind, choices = "open", known[key]
    least = next((float(m.ge) for m in field.metadata if isinstance(m, Ge)), None)  # type: ignore[arg-type]
    most = next((float(m.le) for m in field.metadata if isinstance(m, Le)), None)  # type: ignore[arg-type]
    words = " ".join([text, _range(field)]).strip()
    return Entry(key, _title(key), kind, _plain(value), words, choices, least, most)


def _known(part: BaseModel) -> dict[str, tuple[str, ...]]:
    """What is known of values beside which others may be entered."""
    if not isinstance(part, ModelSpec):
        return {}
    alike = [c.folder.name for c in list_checkpoints() if c.card.architecture == part.architecture]
    return {"model.architecture": ARCHITECTURES, "model.checkpoint": ("", *alike)}


def _title(key: str) -> str:
    last = key.rpartition(".")[2]
    return _TITLES.get(last, last.replace("_", " "))


def _plain(value: Any) -> Any:
    """Tuples as lists, as YAML has them."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def _holds_parts(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(_holds_parts(inner) for inner in get_args(annotation))


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return ("choice", choices) if all(isinstance(c, str) for c in choices) else ("yaml", ())
    bare = [inner for inner in get_args(annotation) if inner is not NoneType]
    if len(bare) == 1 and NoneType in get_args(annotation):
        return _kind(bare[0])
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}
    return kinds.get(annotation, "yaml"), ()


def _range(field: FieldInfo) -> str:
    """The range in words, such as `From 0 to below 1`."""
    low = next((f"from {m.ge:,}" for m in field.metadata if isinstance(m, Ge)), "")
    low = next((f"above {m.gt:,}" for m in field.metadata if isinstance(m, Gt)), low)
    high = next((f"to {m.le:,}" for m in field.metadata if isinstance(m, Le)), "")
    high = next((f"to below {m.lt:,}" for m in field.metadata if isinstance(m, Lt)), high)
    words = " ".join(part for part in (low, high) if part)
    return f"{words[0].upper()}{words[1:]}." if words else ""


@functools.cache
def _helps(part: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a part, and of what it is made from, say of each attribute."""
    found: dict[str, str] = {}
    for kind in reversed(part.__mro__):
        block = (kind.__doc__ or "").partition("Attributes:\n")[2]
        for match in re.finditer(r"^ +(\w+): ((?:.+\n?)(?:^ {12,}.+\n?)*)", block, re.MULTILINE):
            words = " ".join(match[2].split())
            found[match[1]] = f"{words[0].upper()}{words[1:]}"
    return found


def overrides(entries: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """`key=value` for each value that differs from the entry's own, as `load_recipe` takes them.

    Args:
        entries: what the recipe has, by key.
        values: what is wished; keys that are not there stay as they are.
    """
    return [f"{key}={as_yaml(value)}" for key, value in values.items() if value != entries[key]]


def as_yaml(value: Any) -> str:
    """A value on one line of YAML.

    >>> as_yaml([1, "a"]), as_yaml(1e-05), as_yaml(None)
    ('[1, a]', '1.0e-05', 'null')
    """
    text = yaml.safe_dump(value, default_flow_style=True, width=100_000, allow_unicode=True, sort_keys=False)
    return text.strip().removesuffix("...").strip()

"""What the keys of a recipe mean, for a form or a list: read from the docstrings, where it stands once."""

from __future__ import annotations

import inspect
import re

from pydantic import BaseModel

_FIRST, _MORE = re.compile(r" {4}(\w+): (.+)"), re.compile(r" {8}(.+)")


def help_of(part: type[BaseModel]) -> dict[str, str]:
    """By field, what the `Attributes` of a part's docstring say; for what it leaves out, those of its bases.

    >>> from training.recipe import OptimiserSpec
    >>> help_of(OptimiserSpec)["nesterov"]
    "Nesterov's momentum; of SGD."
    """
    found: dict[str, str] = {}
    for cls in reversed(part.__mro__):
        name = ""
        _, _, attributes = inspect.cleandoc(cls.__dict__.get("__doc__") or "").partition("\nAttributes:\n")
        for line in attributes.splitlines():
            if first := _FIRST.fullmatch(line):
                name = first[1]
                found[name] = first[2]
            elif more := _MORE.fullmatch(line):
                found[name] += f" {more[1]}"
            else:
                break
    return {name: found[name] for name in part.model_fields if name in found}

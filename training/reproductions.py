"""What was measured by the recipe of a published claim: on this machine, or else by FERScope's authors."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fer_core.checkpoint import list_checkpoints
from fer_core.errors import RecipeError
from fer_core.evaluate.claims import Claim
from training.recipe import load_recipe
from training.tracking.facts import flattened

_MEASURED = Path(__file__).with_name("measured.yaml")
_TELLS = ("name", "summary", "intended_use", "limits", "licence")  # and changes nothing about the training
_ARGUMENTS = "model.arguments."


@dataclass(frozen=True)
class Trained:
    """Something that was trained by a recipe.

    Attributes:
        name: of its checkpoint.
        values: its recipe, as a card keeps it.
        data: what its data are called.
        metrics: by split, as a card has them: `n`, `accuracy` (0..1), `accuracy_interval`.
        command: what repeats it; empty for a checkpoint of this machine.
        about: the rest that is to be known of it; empty likewise.
    """

    name: str
    values: Mapping[str, Any]
    data: str
    metrics: Mapping[str, Any]
    command: str = ""
    about: str = ""

    @property
    def here(self) -> bool:
        """Whether its checkpoint is on this machine."""
        return not self.command


@dataclass(frozen=True)
class Reproduction:
    """What stands beside a claim.

    Attributes:
        trained: what was trained.
        changes: what differs from the claim's recipe, such as `epochs 3 instead of 50`; empty where nothing does.
        n: samples of the claim's split.
        accuracy: top-1 there, 0..1.
        interval: of the accuracy, Wilson's.
    """

    trained: Trained
    changes: tuple[str, ...]
    n: int
    accuracy: float
    interval: tuple[float, float]


def reproduced(claims: Sequence[Claim]) -> dict[Claim, Reproduction]:
    """By claim the best that its recipe and settings brought forth; a claim of which there is nothing is left out.

    A checkpoint of this machine goes before what FERScope's authors have measured, however it did. Where the settings
    of two claims of one recipe hold for what was trained, it stands beside the one with more of them.
    """
    best: dict[Claim, Trained] = {}
    for one in [*_on_this_machine(), *measured()]:
        for claim in _claims_of(one, claims):
            known = best.get(claim)
            if known is None or (known.here == one.here and _accuracy(one, claim) > _accuracy(known, claim)):
                best[claim] = one
    return {claim: _beside(claim, one) for claim, one in best.items()}


def _on_this_machine() -> Iterator[Trained]:
    for checkpoint in list_checkpoints():
        card = checkpoint.card
        if card.trained:
            yield Trained(checkpoint.folder.name, card.trained.recipe, card.trained.data, card.metrics)


def measured() -> list[Trained]:
    """What FERScope's authors have trained, whose weights do not come with it."""
    return [_measured(entry) for entry in yaml.safe_load(_MEASURED.read_text(encoding="utf-8"))]


def _measured(entry: Mapping[str, Any]) -> Trained:
    words = ["python", "-m", "training", "fit", entry["recipe"], "--data", entry["data"], "--run", entry["name"]]
    words += [word for change in entry["set"] for word in ("--set", change)]
    return Trained(
        name=entry["name"],
        values=load_recipe(entry["recipe"], entry["set"]).model_dump(mode="json"),
        data=entry["data_description"],
        metrics=entry["metrics"],
        command=shlex.join(words),
        about=(
            f"{entry['date']}, commit {entry['git_commit']}, {entry['epochs']} epochs, seed {entry['seed']}, "
            f"{entry['selected_on']}, data {entry['data_hash'][:12]}"
        ),
    )


def _claims_of(one: Trained, claims: Iterable[Claim]) -> list[Claim]:
    """The claims that it stands beside: measured on the split, with all settings, as many as there are."""
    name = one.values.get("name")
    mine = flattened(dict(one.values))
    near = [claim for claim in claims if claim.recipe == name and _holds(mine, claim)]
    most = max((len(claim.settings) for claim in near), default=0)
    return [
        claim for claim in near
        if len(claim.settings) == most and one.metrics.get(claim.split, {}).get("accuracy") is not None
    ]  # fmt: skip


def _holds(values: Mapping[str, str], claim: Claim) -> bool:
    return all(values.get(key) == value for key, value in _set_by(claim.recipe, claim.settings))


@cache
def _set_by(recipe: str, settings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Flattened keys and values that settings change of a recipe."""
    plain, changed = (flattened(load_recipe(recipe, some).model_dump(mode="json")) for some in ((), settings))
    return tuple((key, value) for key, value in changed.items() if plain.get(key) != value)


def _accuracy(one: Trained, claim: Claim) -> float:
    return float(one.metrics[claim.split]["accuracy"])


def _beside(claim: Claim, one: Trained) -> Reproduction:
    scores = one.metrics[claim.split]
    low, high = scores["accuracy_interval"]
    differs = changes(one.values, claim.recipe, claim.settings)
    return Reproduction(one, differs, int(scores["n"]), _accuracy(one, claim), (float(low), float(high)))


def changes(recipe: Mapping[str, Any], name: str, settings: Iterable[str] = ()) -> tuple[str, ...]:
    """What a recipe has otherwise than the one of a name, a sentence's part each.

    Args:
        recipe: its values, as a card keeps them; keys that it lacks are not told of.
        name: of a recipe that comes with FERScope.
        settings: what is changed about that one, as `--set` takes it.
    """
    try:
        base = flattened(load_recipe(name, settings).model_dump(mode="json"))
    except RecipeError:  # the card is of a version that had another recipe of this name
        return ("its recipe is not here",)
    mine = flattened(dict(recipe))
    differing = [
        f"{key} {mine[key]} instead of {value}"
        for key, value in base.items()
        if key in mine and mine[key] != value and key not in _TELLS
    ]
    added = [key for key in mine if key.startswith(_ARGUMENTS) and key not in base]
    return (*differing, *(f"{key} {mine[key]} instead of its default" for key in added))

"""Makes one checkpoint of several: `python -m fer_core ensemble`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fer_core.card import NAME, Card, Trained
from fer_core.checkpoint import Checkpoint, is_half, list_checkpoints, open_checkpoint, save_checkpoint
from fer_core.cli import Json, emit
from fer_core.errors import CheckpointError, DataError
from fer_core.preprocess import Preprocess
from fer_core.workspace import workspace

INTENDED_USE = (
    "Research and teaching about expression classifiers: what several networks know together, in the time of them all."
)


def combine(name: str, checkpoints: Sequence[Checkpoint], weights: Sequence[float] | None = None) -> Card:
    """The card of an ensemble; its members are whole copies, weights and all.

    A face is cut out as the first member wants it and given to the ensemble as small as the smallest member's input.

    Args:
        name: of the ensemble.
        checkpoints: the members, two or more.
        weights: one for each, above 0; None: all equal.

    Raises:
        DataError: fewer than two members, other classes or another use of the mirror image than the first's, or not as
            many weights, or one that is not above 0.
    """
    given = [1.0] * len(checkpoints) if weights is None else list(weights)
    if len(checkpoints) < 2 or len(given) != len(checkpoints) or min(given) <= 0:
        raise DataError(
            f"An ensemble needs two members or more and a weight above 0 for each, not {len(checkpoints)} members and "
            f"the weights {given}."
        )
    cards = [checkpoint.card for checkpoint in checkpoints]
    first = cards[0]
    for card in cards[1:]:
        if (card.classes, card.flip, card.label_source) != (first.classes, first.flip, first.label_source):
            raise DataError(
                f"{card.name} and {first.name} cannot be one: classes, the use of the mirror image and the labels "
                "that they learnt must be the same."
            )
    members = [
        {
            "architecture": card.architecture,
            "arguments": card.build_arguments,
            "preprocess": card.preprocess.model_dump(mode="json"),
            "temperature": card.temperature,
            "weight": weight,
        }
        for card, weight in zip(cards, given, strict=True)
    ]
    names = " and ".join(card.name for card in cards)
    return Card(
        name=name,
        summary=f"mean of what {names} say",
        architecture="ensemble",
        arguments={"members": members},
        classes=first.classes,
        preprocess=_shared([card.preprocess for card in cards]),
        flip=first.flip,
        trained=_trained(cards),
        licence=_together([(card.name, card.licence) for card in cards]),
        intended_use=INTENDED_USE,
        limits=_together([(card.name, card.limits) for card in cards]),
    )


def _shared(members: Sequence[Preprocess]) -> Preprocess:
    """Faces cut out as for the first, as small as the smallest input, in colour where one looks at it, in 0..1."""
    channels = max(how.channels for how in members)
    size_px = min(how.size_px for how in members)
    plain = {"size_px": size_px, "channels": channels, "mean": (0.0,) * channels, "std": (1.0,) * channels}
    return members[0].model_copy(update=plain)


def _trained(cards: Sequence[Card]) -> Trained | None:
    """What the first learnt from; how each was trained stands in its own card."""
    first = cards[0]
    if first.trained is None:
        return None
    members = {"members": [card.name for card in cards], "weights_sha256": [card.weights_sha256 for card in cards]}
    recipe = {**members, "labels": first.label_source}
    made = {"recipe": recipe, "selected_on": "declared, not selected", "started_from": "", "taught_by": {}}
    return first.trained.model_copy(update=made)


def _together(said: Sequence[tuple[str, str]]) -> str:
    """What all members say, then with their names what some say beyond that; nothing twice."""
    told: dict[str, str] = {}  # what some say, to what is told of it
    texts = dict.fromkeys(text for _, text in said if text)
    for text in sorted(texts, key=len):  # what another one begins with comes before it
        names = [name for name, other in said if f"{other} ".startswith(f"{text} ")]
        known = max((before for before in told if text.startswith(f"{before} ")), key=len, default="")
        who = "" if len(names) == len(said) else f"{', '.join(names)}: "
        told[text] = who + text.removeprefix(known).strip()
    return " ".join(told.values())


def save_ensemble(
    folder: Path, checkpoints: Sequence[Checkpoint], weights: Sequence[float] | None = None
) -> Checkpoint:
    """Writes the ensemble of checkpoints as a checkpoint; its figures are still to be measured.

    Where one member's weights are written in half precision, all are here.

    Raises:
        DataError: as `combine`.
        CheckpointError, ModelError: a member cannot be opened.
    """
    card = combine(folder.name, checkpoints, weights)
    network = card.build()
    for member, checkpoint in zip(network.members, checkpoints, strict=True):  # type: ignore[arg-type]
        member.network.load_state_dict(checkpoint.load().state_dict())
    return save_checkpoint(folder, network, card, half=any(is_half(checkpoint) for checkpoint in checkpoints))


def free_folder(name: str, parent: Path | None = None) -> Path:
    """Where a new checkpoint of that name is made, in the workspace by default.

    Args:
        name: of the checkpoint.
        parent: another folder to make it in; there it may be called as one that is elsewhere.

    Raises:
        CheckpointError: it is no name for one, or there is one of that name.
    """
    if not NAME.fullmatch(name):
        raise CheckpointError(f"{name!r} is not a name: letters, digits, '.', '_' and '-', at most 100.")
    folder = (parent or workspace() / "checkpoints") / name
    elsewhere = [] if parent else [checkpoint.folder.name for checkpoint in list_checkpoints()]
    if folder.exists() or name in elsewhere:
        raise CheckpointError(f"There is a checkpoint {name} already; give this one another name.")
    return folder


def ensemble_command(
    name: Annotated[str, typer.Argument(help="Name of the new checkpoint.", show_default=False)],
    members: Annotated[list[str], typer.Argument(help="Checkpoints, two or more.", show_default=False)],
    weight: Annotated[
        list[float] | None, typer.Option(help="Of each member, in their order; repeatable. Default: all equal.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make it in; default: the workspace.")] = None,
    as_json: Json = False,
) -> None:
    """Make one checkpoint of several: the mean of their probabilities. Measure it with `evaluate`."""
    made = save_ensemble(free_folder(name, out), [open_checkpoint(member) for member in members], weight)
    answer = {"folder": str(made.folder), "parameters": made.card.parameters, "members": members}
    emit(answer, as_json, f"{made.folder}: {made.card.summary}; {made.card.parameters:,} parameters")

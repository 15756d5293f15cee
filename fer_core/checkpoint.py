"""Checkpoints: a folder with `model.safetensors` and `card.json`.

The card says what the weights are, how a face must be prepared for them, what they were trained on and how good they
were found to be. Weights are read with safetensors only: a pickle can run code and is refused by its first bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from fer_core.errors import CheckpointError, FERScopeError
from fer_core.labels import ClassSet, class_set
from fer_core.models import create_model
from fer_core.preprocess import Preprocess
from fer_core.workspace import SHIPPED_CHECKPOINTS, workspace

WEIGHTS, CARD = "model.safetensors", "card.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Trained(BaseModel):
    """What a checkpoint was trained on and by what.

    Attributes:
        data: name of the data set.
        data_hash: hash of the samples it was trained on (`SampleTable.data_hash`).
        n: number of training samples.
        recipe: the whole recipe, as it was run.
        seed: seed of the run.
        selected_on: what chose this checkpoint among its siblings, e.g. `validation accuracy, last of 60 epochs`.
        git_commit: commit of the code, or empty.
    """

    model_config = ConfigDict(extra="forbid")

    data: str
    data_hash: str
    n: int = Field(ge=1)
    recipe: dict[str, Any]
    seed: int
    selected_on: str
    git_commit: str = ""


class Card(BaseModel):
    """Everything about a checkpoint but its weights; `card.json`.

    Attributes:
        name: name of the checkpoint; the name of its folder.
        summary: one line for lists.
        architecture: name for `create_model`, with `arguments`.
        classes: class names in the order of the outputs.
        preprocess: how a face becomes the network's input.
        flip: whether the probabilities are the mean over the face and its mirror image.
        temperature: what logits are divided by before the softmax; 1 where nothing was fitted.
        parameters: number of trainable parameters.
        weights_sha256: hash of `model.safetensors`; how a prediction table names its model.
        trained: what it was trained on and by what.
        metrics: by split, the figures of `fer_core.evaluate.metrics.Scores` as JSON.
        licence: licence of the weights, and what the training data's terms add.
        intended_use: what it is for.
        limits: what it is not for and where it is known to fail.
        created: UTC time, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    summary: str = ""
    architecture: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    classes: tuple[str, ...]
    preprocess: Preprocess
    flip: bool = False
    temperature: float = Field(1.0, gt=0)
    parameters: int = Field(0, ge=0)
    weights_sha256: str = ""
    trained: Trained | None = None
    metrics: dict[str, dict[str, Any]] = Field(default_factory=dict)
    licence: str = ""
    intended_use: str = ""
    limits: str = ""
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name: letters, digits, '.', '_' and '-', at most 100")
        return name

    @field_validator("classes")
    @classmethod
    def _valid_classes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return class_set(names).names
        except FERScopeError as error:
            raise ValueError(str(error)) from error

    @property
    def class_set(self) -> ClassSet:
        """The classes in the order of the outputs."""
        return class_set(self.classes)

    def build(self) -> nn.Module:
        """The card's network, freshly initialised.

        Raises:
            ModelError: unknown architecture or arguments.
        """
        arguments = {k: v for k, v in self.arguments.items() if k != "pretrained"}
        return create_model(
            self.architecture, num_classes=len(self.classes), in_channels=self.preprocess.channels, **arguments
        )


@dataclass(frozen=True)
class Checkpoint:
    """Where a checkpoint lies and what its card says."""

    folder: Path
    card: Card

    def load(self) -> nn.Module:
        """The network with its weights, in evaluation mode, on the CPU.

        Raises:
            CheckpointError: the weights are missing, unreadable, or do not fit the card.
        """
        file = self.folder / WEIGHTS
        weights = read_weights(file)
        if self.card.weights_sha256 and sha256_of(file) != self.card.weights_sha256:
            raise CheckpointError(
                f"{file} is not the file that its card describes (its sha256 differs). Restore it, for example with "
                f"`git checkout -- {file}`, or train it again."
            )
        model = self.card.build()
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            raise CheckpointError(
                f"The weights in {file} do not fit their card ({self.card.architecture}, {len(self.card.classes)} "
                f"classes): {first} Correct the architecture, arguments or classes in {CARD}, or restore both files."
            ) from error
        return model.eval()


def sha256_of(file: Path) -> str:
    """Hash of a file's bytes, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_weights(file: Path) -> dict[str, Any]:
    """Tensors by name from a safetensors file.

    Raises:
        CheckpointError: no such file, a pickle (`.pt`, `.pth`, `.bin`, `.ckpt`), or not safetensors.
    """
    if not file.is_file():
        raise CheckpointError(f"There are no weights at {file}; a checkpoint holds {WEIGHTS} beside {CARD}.")
    with file.open("rb") as stream:
        start = stream.read(4)
    if start[:2] == b"PK" or start[:1] == b"\x80" or file.suffix in {".pt", ".pth", ".ckpt", ".pkl"}:
        raise CheckpointError(
            f"{file.name} is a pickle, as torch.save writes it, and opening one can run code. Save the weights with "
            "safetensors.torch.save_file on the machine where they were made."
        )
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} is not a readable safetensors file ({error}). Copy it again.") from error


def read_card(folder: Path) -> Card:
    """The card in a checkpoint's folder.

    Raises:
        CheckpointError: there is none, or it is not valid; the message names each wrong field.
    """
    file = folder / CARD
    try:
        return Card.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{folder} holds no {CARD}; a checkpoint is a folder with {CARD} and {WEIGHTS}."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors())
        raise CheckpointError(f"{file} is not a valid card. {wrong}.") from error


def save_checkpoint(folder: Path, model: nn.Module, card: Card) -> Checkpoint:
    """Writes weights and card; the folder is made, and files that were there are replaced whole.

    Returns:
        The checkpoint with `parameters` and `weights_sha256` filled in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{WEIGHTS}.{os.getpid()}"
    save_file({name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}, scratch)
    scratch.chmod(0o644)  # safetensors makes files that only their owner may read
    parameters = sum(p.numel() for p in model.parameters())
    card = card.model_copy(update={"parameters": parameters, "weights_sha256": sha256_of(scratch)})
    scratch.replace(folder / WEIGHTS)
    write_card(folder, card)
    return Checkpoint(folder, card)


def write_card(folder: Path, card: Card) -> None:
    """Writes `card.json`, whole or not at all."""
    scratch = folder / f".{CARD}.{os.getpid()}"
    scratch.write_text(json.dumps(card.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    scratch.replace(folder / CARD)


def checkpoint_folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for: the workspace first, then those that were shipped."""
    return (workspace() / "checkpoints", SHIPPED_CHECKPOINTS)


def list_checkpoints() -> list[Checkpoint]:
    """All checkpoints with a valid card, by name; one of the workspace hides a shipped one of the same name.

    A folder whose card is not valid is left out here; opening it by name says what is wrong.
    """
    found: dict[str, Checkpoint] = {}
    for base in checkpoint_folders():
        for file in sorted(base.glob(f"*/{CARD}")):
            if file.parent.name in found:
                continue
            try:
                found[file.parent.name] = Checkpoint(file.parent, read_card(file.parent))
            except CheckpointError:
                continue
    return [found[name] for name in sorted(found)]


def open_checkpoint(name: str | Path) -> Checkpoint:
    """A checkpoint by its name, or by the path of its folder.

    Raises:
        CheckpointError: unknown name (those there are are listed), a file instead of a folder, or a bad card.
    """
    path = Path(name)
    if path.is_file():
        if path.name == WEIGHTS:
            path = path.parent
        else:
            read_weights(path)  # a pickle gets its own sentence
            raise CheckpointError(f"{path} is a file; a checkpoint is a folder with {CARD} and {WEIGHTS}.")
    if path.is_dir() and (path / CARD).exists():
        return Checkpoint(path, read_card(path))
    if _NAME.fullmatch(str(name)):
        for base in checkpoint_folders():
            if (base / name / CARD).is_file():
                return Checkpoint(base / name, read_card(base / name))
    known = ", ".join(c.card.name for c in list_checkpoints()) or "none yet"
    raise CheckpointError(f"There is no checkpoint {str(name)!r}; on this machine there are: {known}.")

"""The card of a checkpoint: what its weights are, how a face must be prepared for them, and how good they are.

Reading cards needs no torch, so that a page can list checkpoints at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from fer_core.errors import CheckpointError, FERScopeError
from fer_core.labels import ClassSet, class_set
from fer_core.preprocess import Preprocess
from fer_core.whole import whole

if TYPE_CHECKING:
    from torch import nn

WEIGHTS, CARD = "model.safetensors", "card.json"
Precision = Literal["float32", "bfloat16", "int8"]  # in which a network computes
LabelSource = Literal["given", "ferplus-majority"]  # with the data, or those of most of FER+'s annotators
Exported = Literal["float32", "int8"]
Timed = Literal[Precision, "float32-onnx"]  # PyTorch but for 8 bits, and the exported file in float32
ONNX_FILES: dict[Exported, str] = {"float32": "model.onnx", "int8": "model.int8.onnx"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _only_its_own(arguments: dict[str, Any]) -> dict[str, Any]:
    others = sorted({"num_classes", "in_channels", "checkpoint_path"} & arguments.keys())
    if others:
        raise ValueError(
            f"{', '.join(others)} cannot be set here: the classes and the preprocessing decide the network's outputs "
            f"and inputs, and its weights are those of {WEIGHTS}"
        )
    return arguments


# What `create_model` is given for an architecture, besides its name, its outputs and its inputs.
Arguments = Annotated[dict[str, Any], AfterValidator(_only_its_own)]


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
        started_from: the weights that it began with: `random weights`, or whose; empty on older cards.
        taught_by: of each of the recipe's teachers the SHA-256 of its weights, by name.
    """

    model_config = ConfigDict(extra="forbid")

    data: str
    data_hash: str
    n: int = Field(ge=1)
    recipe: dict[str, Any]
    seed: int
    selected_on: str
    git_commit: str = ""
    started_from: str = ""
    taught_by: dict[str, str] = Field(default_factory=dict)

    def origin(self) -> str:
        """In words: the weights that it began with, and its teachers; empty where neither is known."""
        teachers = " and ".join(f"{name} (weights {weights[:12]})" for name, weights in self.taught_by.items())
        return ", ".join(part for part in (self.started_from, f"taught by {teachers}" if teachers else "") if part)

    def recipe_name(self) -> str:
        """Name of the recipe with its seed, or the members of an ensemble."""
        if "members" in self.recipe:
            return f"the mean of {' and '.join(self.recipe['members'])}"
        return f"{self.recipe.get('name') or 'without a name'}, seed {self.seed}"


class Export(BaseModel):
    """An ONNX file beside the weights, made from them; see `fer_core.export`.

    Attributes:
        sha256: hash of the file.
        calibrated_on: the faces that its 8-bit ranges were set on; empty for float32.
        largest_difference: of any probability from PyTorch's in float32, over the faces it was checked on.
        checked_on: those faces, in words.
        metrics: as the card's, measured with the file.
        same_top1: on how many of the validation samples it names the class that PyTorch does in float32; None where
            that was not counted.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    sha256: str
    calibrated_on: str = ""
    largest_difference: float = Field(ge=0)
    checked_on: str
    metrics: dict[str, dict[str, Any]] = Field(default_factory=dict)
    same_top1: int | None = Field(None, ge=0)


class Timing(BaseModel):
    """How long one face takes, preprocessing and mirror image included.

    Attributes:
        median_ms: milliseconds.
        interval: 95 % bounds of the median.
        n: times of which it is the median.
        threads: that were allowed.
        machine: its processor.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    median_ms: float = Field(gt=0)
    interval: tuple[float, float]
    n: int = Field(ge=6)
    threads: int = Field(ge=1)
    machine: str

    def as_text(self) -> str:
        """For a line: milliseconds with their bounds, and where."""
        low, high = self.interval
        return f"{self.median_ms:.3g} ms [{low:.3g}, {high:.3g}] on {self.machine}"


class Sibling(BaseModel):
    """Another run of the same recipe on the same data, and what it reached on the validation split.

    Attributes:
        seed: of the run; nothing else differs.
        weights_sha256: of its checkpoint.
        accuracy: top-1; where the card's temperature was fitted, at one that was fitted likewise.
        balanced_accuracy: mean recall of the classes, likewise.
        n: samples.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    seed: int
    weights_sha256: str
    accuracy: float = Field(ge=0, le=1)
    balanced_accuracy: float = Field(ge=0, le=1)
    n: int = Field(ge=1)


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
        temperature_fitted_on: the samples that the temperature was fitted on; empty where nothing was fitted.
        parameters: number of trainable parameters.
        weights_sha256: hash of `model.safetensors`; how a prediction table names its model.
        trained: what it was trained on and by what.
        metrics: by split, the figures of `fer_core.evaluate.evaluation.Evaluation.as_json`; older cards lack
            `twins_in_train` and `deduplicated`.
        exports: by precision (float32, int8), the ONNX files beside the weights.
        latency: by precision, and of the exported file, how long one face takes; see `fer_core.evaluate.complete`.
        siblings: other seeds of the same recipe.
        licence: licence of the weights, and what the training data's terms add.
        intended_use: what it is for.
        limits: what it is not for and where it is known to fail.
        created: UTC time, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: str
    summary: str = ""
    architecture: str
    arguments: Arguments = Field(default_factory=dict)
    classes: tuple[str, ...]
    preprocess: Preprocess
    flip: bool = False
    temperature: float = Field(1.0, gt=0)
    temperature_fitted_on: str = ""
    parameters: int = Field(0, ge=0)
    weights_sha256: str = ""
    trained: Trained | None = None
    metrics: dict[str, dict[str, Any]] = Field(default_factory=dict)
    exports: dict[Exported, Export] = Field(default_factory=dict)
    latency: dict[Timed, Timing] = Field(default_factory=dict)
    siblings: tuple[Sibling, ...] = ()
    licence: str = ""
    intended_use: str = ""
    limits: str = ""
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
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

    @property
    def label_source(self) -> LabelSource:
        """The labels that it learnt, by which it is measured: `given` with the data, or `ferplus-majority`."""
        learnt = self.trained is not None and self.trained.recipe.get("labels") == "ferplus-majority"
        return "ferplus-majority" if learnt else "given"

    @property
    def build_arguments(self) -> dict[str, Any]:
        """What the architecture takes to be filled with these weights: nothing is fetched."""
        return {k: v for k, v in self.arguments.items() if k != "pretrained"}

    def build(self) -> nn.Module:
        """The card's network, freshly initialised.

        Raises:
            ModelError: unknown architecture or arguments.
        """
        from fer_core.models import create_model  # torch

        return create_model(
            self.architecture,
            num_classes=len(self.classes),
            in_channels=self.preprocess.channels,
            **self.build_arguments,
        )


def sha256_of(file: Path) -> str:
    """Hash of a file's bytes, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_card(folder: Path) -> Card:
    """The card in a checkpoint's folder; one that names no hash gets that of the weights beside it.

    Raises:
        CheckpointError: there is none, or it is not valid; the message names each wrong field.
    """
    file = folder / CARD
    try:
        card = Card.model_validate_json(file.read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"{folder} holds no {CARD}; a checkpoint is a folder with {CARD} and {WEIGHTS}."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors())
        raise CheckpointError(f"{file} is not a valid card. {wrong}.") from error
    weights = folder / WEIGHTS
    if card.weights_sha256 or not weights.is_file():
        return card
    return card.model_copy(update={"weights_sha256": sha256_of(weights)})


def write_card(folder: Path, card: Card) -> None:
    """Writes `card.json`, whole or not at all."""
    with whole(folder / CARD, f".{os.getpid()}") as scratch:
        scratch.write_text(json.dumps(card.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")

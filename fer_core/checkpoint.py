"""Checkpoints: a folder with `model.safetensors` and `card.json`.

Weights are read with safetensors only, since a pickle can run code. Torch is imported where weights are touched, not
before.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_core.card import CARD, NAME, ONNX_FILES, WEIGHTS, Card, read_card, sha256_of, write_card
from fer_core.errors import CheckpointError
from fer_core.whole import whole
from fer_core.workspace import SHIPPED_CHECKPOINTS, workspace

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Checkpoint:
    """Where a checkpoint lies and what its card says."""

    folder: Path
    card: Card

    def load(self) -> nn.Module:
        """The network with its weights, in evaluation mode, on the CPU.

        Raises:
            CheckpointError: the weights are missing, unreadable, or do not fit the card.
            ModelError: the card's architecture is unknown, or does not take the card's arguments.
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


def is_half(checkpoint: Checkpoint) -> bool:
    """Whether the weights were written with `half`.

    Raises:
        CheckpointError: as `read_weights`.
    """
    import torch

    return any(t.dtype == torch.float16 for t in read_weights(checkpoint.folder / WEIGHTS).values())


def read_weights(file: Path) -> dict[str, Any]:
    """Tensors by name from a safetensors file.

    Raises:
        CheckpointError: no such file, a pickle (`.pt`, `.pth`, `.bin`, `.ckpt`), or not safetensors.
    """
    from safetensors import SafetensorError  # torch
    from safetensors.torch import load_file

    if not file.is_file():
        raise CheckpointError(f"There are no weights at {file}; a checkpoint holds {WEIGHTS} beside {CARD}.")
    start = b""
    try:
        with file.open("rb") as stream:
            start = stream.read(2)
        return load_file(file)
    except (SafetensorError, OSError) as error:
        # Asked only now, because a good file begins with a length that may look like the first bytes of a pickle.
        if start == b"PK" or start[:1] == b"\x80" or file.suffix in {".pt", ".pth", ".ckpt", ".pkl"}:
            raise CheckpointError(
                f"{file.name} is a pickle, as torch.save writes it, and opening one can run code. Save the weights "
                "with safetensors.torch.save_file on the machine where they were made."
            ) from error
        raise CheckpointError(f"{file} is not a readable safetensors file ({error}). Copy it again.") from error


def save_checkpoint(folder: Path, model: nn.Module, card: Card, half: bool = False) -> Checkpoint:
    """Writes weights and card; the folder is made, and files that were there are replaced whole.

    Files that were exported from other weights go, as `put_card` says.

    Args:
        folder: of the checkpoint.
        model: whose weights.
        card: all but what is filled in here.
        half: write kernels and matrices in float16, half as large, rounded to 11 bits; they are float32 again once
            loaded. What has one dimension (biases, statistics) stays as it is.

    Returns:
        The checkpoint with `parameters` and `weights_sha256` filled in.
    """
    from safetensors.torch import save_file  # torch

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    if half:
        weights = {name: t.half() if t.ndim > 1 and t.is_floating_point() else t for name, t in weights.items()}
    parameters = sum(p.numel() for p in model.parameters())
    with whole(folder / WEIGHTS, f".{os.getpid()}") as scratch:
        save_file(weights, scratch)
        scratch.chmod(0o644)  # safetensors makes files that only their owner may read
        card = card.model_copy(update={"parameters": parameters, "weights_sha256": sha256_of(scratch), "exports": {}})
    put_card(folder, card)
    return Checkpoint(folder, card)


def put_card(folder: Path, card: Card) -> None:
    """Writes a card; exported files that it does not name go, since nothing would tell them from its own."""
    write_card(folder, card)
    for precision, name in ONNX_FILES.items():
        if precision not in card.exports:
            (folder / name).unlink(missing_ok=True)


def own_copy(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint whose card may be changed: itself, or of a shipped one, whose files are not ours, a copy.

    The copy lies in the workspace under the same name and goes before the shipped one; deleting it brings that back.
    Its card names the exported files that lie beside the shipped weights no more, since they are not copied.

    Raises:
        CheckpointError: the workspace has a checkpoint of that name with other weights.
    """
    if not checkpoint.folder.resolve().is_relative_to(SHIPPED_CHECKPOINTS.resolve()):
        return checkpoint
    folder = workspace() / "checkpoints" / checkpoint.folder.name
    if (folder / CARD).is_file():
        there = Checkpoint(folder, read_card(folder))
        if there.card.weights_sha256 != checkpoint.card.weights_sha256:
            raise CheckpointError(
                f"{folder} is another checkpoint of the name {folder.name}, so that no copy of the shipped one can lie "
                "there; rename that folder first."
            )
        return there
    folder.mkdir(parents=True, exist_ok=True)
    with whole(folder / WEIGHTS, f".{os.getpid()}") as scratch:
        shutil.copyfile(checkpoint.folder / WEIGHTS, scratch)
    card = checkpoint.card.model_copy(update={"exports": {}})
    write_card(folder, card)
    return Checkpoint(folder, card)


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
    # Of `os.path`, because a path that is too long is an error to `Path` and simply none here.
    if os.path.isfile(path):  # noqa: PTH113
        if path.name == WEIGHTS:
            path = path.parent
        else:
            read_weights(path)  # a pickle gets its own sentence
            raise CheckpointError(f"{path} is a file; a checkpoint is a folder with {CARD} and {WEIGHTS}.")
    if os.path.isfile(path / CARD):  # noqa: PTH113
        return Checkpoint(path, read_card(path))
    if NAME.fullmatch(str(name)):
        for base in checkpoint_folders():
            if (base / name / CARD).is_file():
                return Checkpoint(base / name, read_card(base / name))
    known = ", ".join(c.folder.name for c in list_checkpoints()) or "none yet"
    raise CheckpointError(f"There is no checkpoint {str(name)!r}; on this machine there are: {known}.")

"""What a network makes of a face just before it decides: features for audits, maps of a data set, and nearest faces."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.checkpoint import Checkpoint
from fer_core.errors import ModelError
from fer_core.predict import Picture, Predictor


def features(
    model: Predictor | Checkpoint,
    faces: Sequence[Picture],
    batch_size: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """What goes into the layer that gives the logits, one row per face.

    That layer is the last one of a pass with as many outputs as there are classes: linear in nearly every network, a
    convolution in some (SqueezeNet, timm's convolutional heads). Whatever has places (a map, tokens) is averaged over
    them. The face goes through as it is; its mirror image does not, whatever the card says. A call changes nothing:
    the network keeps no hook, and what other threads send through it meanwhile is not looked at.

    Features of faces that the network was trained on hold more of their labels than those of new faces do.

    Args:
        model: a predictor, or a checkpoint, which is loaded for this call.
        faces: crops of any size, (H, W) grey or (H, W, 3) RGB, uint8. May be empty.
        batch_size: faces that go through the network at once.
        progress: called with (faces done, faces in all) after each batch.

    Returns:
        (N, D) float32; D is the number of inputs of the last layer. (0, D) for no faces.

    Raises:
        ModelError: no layer of the network has as many outputs as there are classes.
        ImageError: as `Predictor.logits`.
        CheckpointError: as `Checkpoint.load`.
    """
    predictor = Predictor(model) if isinstance(model, Checkpoint) else model
    how = predictor.card.preprocess
    blank = np.zeros((how.size_px, how.size_px), dtype=np.uint8)
    rows = []
    with _inputs_of_the_last_layer(predictor.network, len(predictor.classes)) as seen:
        for start in range(0, max(1, len(faces)), batch_size):
            batch = how(faces[start : start + batch_size] if len(faces) else [blank])
            batch = batch.to(predictor.device, predictor.dtype).contiguous(memory_format=torch.channels_last)
            seen.clear()
            with torch.inference_mode():
                predictor.network(batch)
            if not seen:
                raise ModelError(
                    f"{predictor.card.architecture} has no layer with {len(predictor.classes)} outputs, one per "
                    "class, whose input could serve as features; take probabilities instead."
                )
            rows.append(seen[-1].float().cpu().numpy())
            if progress and len(faces):
                progress(min(start + batch_size, len(faces)), len(faces))
    return np.concatenate(rows)[: len(faces)]


@contextlib.contextmanager
def _inputs_of_the_last_layer(network: nn.Module, outputs: int) -> Iterator[list[torch.Tensor]]:
    """Within, a list that this thread's passes append to: what went into each layer of so many outputs, in order."""
    seen: list[torch.Tensor] = []
    owner = threading.get_ident()

    def see(layer: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        if threading.get_ident() == owner:
            seen.append(_pooled(arguments[0], channels_last=isinstance(layer, nn.Linear)))

    handles = [
        layer.register_forward_pre_hook(see)
        for layer in network.modules()
        if (isinstance(layer, nn.Linear) and layer.out_features == outputs)
        or (isinstance(layer, nn.Conv2d) and layer.out_channels == outputs)
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _pooled(given: torch.Tensor, channels_last: bool) -> torch.Tensor:
    """(N, D), the mean over places: a linear layer has its channels last, a convolution second."""
    if given.ndim == 2:
        return given
    return given.flatten(1, -2).mean(1) if channels_last else given.flatten(2).mean(2)

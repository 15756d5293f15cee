"""Maps of many faces, for a network without a card: the core that everything else calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.errors import DataError, ModelError
from fer_core.explain.layers import default_layer, saliency_layers
from fer_core.explain.methods import Method, Settings, get_method
from fer_core.explain.progress import counted
from fer_core.explain.record import Question, Score, observe, record, undisturbed

# Faces that go through the network at once. More are no faster, and their activations leave the processor's cache.
_AT_ONCE = 64


@dataclass(frozen=True)
class Maps:
    """What one call answered.

    Attributes:
        raw: (N, h, w) float32.
        logits: (N, K) float32.
        scores: what each map explains, with predicted classes filled in.
        layer: dotted path of the layer; `input` or `attention` for a method that looks at none.
    """

    raw: NDArray[np.float32]
    logits: NDArray[np.float32]
    scores: tuple[Score, ...]
    layer: str


def explain_batch(
    model: nn.Module,
    inputs: torch.Tensor,
    targets: Sequence[int | tuple[int, int]] | None = None,
    *,
    method: str = "gradcam",
    layer: str | None = None,
    options: Settings | None = None,
) -> NDArray[np.float32]:
    """Raw maps of a batch of faces.

    The network is locked, put into evaluation mode and handed back as it was, also after an exception. It makes no
    difference whether the caller is in `no_grad` or `inference_mode`.

    Args:
        model: maps (N, C, S, S) to logits (N, K); not itself made in `inference_mode`.
        inputs: (N, C, S, S), preprocessed. N may be 0.
        targets: per face a class index, or a pair (a, b) for "why a and not b", which explains logit a - logit b. None
            explains the predicted class of each.
        method: one of `methods()`.
        layer: dotted path; None takes the last one with a map, at the price of one more forward pass. Methods that
            look at the input do not ask.
        options: the method's own.

    Returns:
        (N, h, w) float32 at the layer's own size (or the method's, see `Method.input_map_hw`), with the method's scale
        and sign; (0, h, w) where N is 0.

    Raises:
        FERScopeError: the method, or one of its options, is unknown.
        ModelError: the layer is unknown or gives no map, or the input does not fit.
        DataError: a class that the network does not have, or not one target per face.
    """
    chosen = get_method(method)
    settings = chosen.settings(options)
    if inputs.ndim != 4:
        raise ModelError(f"Inputs are (N, C, S, S), not of the shape {tuple(inputs.shape)}; add the missing dimension.")
    questions: list[Question] = [(None, None)] * len(inputs)
    if targets is not None:
        if len(targets) != len(inputs):
            raise DataError(f"There are {len(targets)} targets for {len(inputs)} faces; give one for each.")
        questions = [(int(t[0]), int(t[1])) if isinstance(t, tuple) else (int(t), None) for t in targets]
    layer = chosen.place or layer or default_layer(saliency_layers(model, inputs.shape[1], inputs.shape[2])).name
    return explain_all(model, inputs, questions, layer, (chosen, settings)).raw


def explain_all(
    model: nn.Module,
    inputs: torch.Tensor,
    questions: Sequence[Question],
    layer: str,
    how: tuple[Method, Settings],
) -> Maps:
    """As `explain_batch`, with logits and scores.

    Args:
        model: see `explain_batch`.
        inputs: see `explain_batch`.
        questions: N.
        layer: dotted path; not looked at where the method looks at the input.
        how: a method with its checked options.
    """
    like = next(model.parameters())
    with undisturbed(model), counted():
        inputs = inputs.detach().to(like.device, like.dtype)
        if inputs.is_inference():  # such a tensor may not stand in a graph
            inputs = inputs.clone()
        if not len(inputs):
            return _none(model, inputs, layer, how)
        parts = [
            _part(model, inputs[i : i + _AT_ONCE], questions[i : i + _AT_ONCE], layer, how)
            for i in range(0, len(inputs), _AT_ONCE)
        ]
    return Maps(
        np.concatenate([part.raw for part in parts]),
        np.concatenate([part.logits for part in parts]),
        tuple(score for part in parts for score in part.scores),
        parts[0].layer,
    )


def _part(
    model: nn.Module, inputs: torch.Tensor, questions: Sequence[Question], layer: str, how: tuple[Method, Settings]
) -> Maps:
    method, settings = how
    if method.place:
        layer, passed = method.place, observe(model, inputs, questions)
    else:
        passed = record(model, layer, inputs, questions, gradients=method.uses_gradients)
    raw = np.ascontiguousarray(method.run(passed, settings), np.float32)
    if not np.isfinite(raw).all():
        raise ModelError(
            f"{method.title} gives no finite map at the layer {layer}. Choose a layer after its activation, where no "
            "value is negative, or another method."
        )
    return Maps(raw, passed.logits.numpy(), passed.scores, layer)


def _none(model: nn.Module, inputs: torch.Tensor, layer: str, how: tuple[Method, Settings]) -> Maps:
    """No faces; the map's size still is known from an empty one."""
    method, settings = how
    blank = inputs.new_zeros((1, *inputs.shape[1:]))
    if method.place:
        layer, passed = method.place, observe(model, blank, [(None, None)])
        looks = method.input_map_hw
        map_hw = looks(inputs.shape[2], settings) if looks else _shape(method.run(passed, settings))
    else:
        passed = record(model, layer, blank, [(None, None)], gradients=False)
        map_hw = _shape(passed.activations)
    return Maps(np.empty((0, *map_hw), np.float32), np.empty((0, passed.logits.shape[1]), np.float32), (), layer)


def _shape(maps: NDArray[np.float32]) -> tuple[int, int]:
    return (maps.shape[-2], maps.shape[-1])

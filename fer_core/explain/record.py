"""One pass through a network, and what it leaves at one layer. The network is handed back as it was found."""

from __future__ import annotations

import contextlib
import difflib
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.errors import DataError, ModelError
from fer_core.explain.tokens import grid_of

Question = tuple[int | None, int | None]
"""Class to explain (None: the predicted one) and class to compare it with (None: none)."""

INPUT = "input"
"""Stands for the layer where a method looks at the input itself."""

ATTENTION = "attention"
"""Stands for the layer where a method looks at the attention of all blocks."""

# Hooks and modes are state of the network: one explanation at a time for each.
_LOCKS: weakref.WeakKeyDictionary[nn.Module, Any] = weakref.WeakKeyDictionary()
_MAKING_A_LOCK = threading.Lock()


@dataclass(frozen=True)
class Score:
    """The number that a map explains: one class's logit, or how far it lies above another's.

    Logits, not probabilities: where the softmax is saturated its gradient vanishes, and it mixes in every class.

    Attributes:
        target: index of the explained class.
        versus: index of the class it is compared with, or None.
    """

    target: int
    versus: int | None = None

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Scores (...) of logits (..., K)."""
        score = logits[..., self.target]
        return score if self.versus is None else score - logits[..., self.versus]


@dataclass(frozen=True)
class Pass:
    """What one pass left behind; what every method starts from.

    Attributes:
        model: the network, in evaluation mode.
        layer: the layer looked at; the network itself where a method looks at the input.
        inputs: (N, C, S, S), what went in.
        scores: N scores, one per input.
        logits: (N, K) float32.
        activations: (N, channels, h, w) float32, the layer's output before anything changed it in place; of a vision
            transformer the tokens of the patches, laid out as they lie in the picture.
        gradients: of each input's score by its activations, shape and type of those; None where not asked for.
    """

    model: nn.Module
    layer: nn.Module
    inputs: torch.Tensor
    scores: tuple[Score, ...]
    logits: torch.Tensor
    activations: NDArray[np.float32]
    gradients: NDArray[np.float32] | None


def lock_of(model: nn.Module) -> Any:
    """The network's lock, the same for every caller; the thread that holds it may take it again."""
    with _MAKING_A_LOCK:
        return _LOCKS.setdefault(model, threading.RLock())


@contextlib.contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """The network locked, in evaluation mode, parameters without gradient, autograd on whatever the caller has set.

    On leaving, with or without an exception, every module's mode and every parameter's flag are as they were; `.grad`
    is never touched.
    """
    with lock_of(model):
        modes = [(module, module.training) for module in model.modules()]
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        try:
            model.eval()
            for parameter in learning:
                parameter.requires_grad_(False)
            with torch.inference_mode(False), torch.enable_grad():
                yield
        finally:
            for module, mode in modes:
                module.training = mode
            for parameter in learning:
                parameter.requires_grad_(True)


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """A network's module by its dotted path.

    Raises:
        ModelError: there is none of this name; the nearest ones are named.
    """
    known: dict[str, nn.Module] = dict(model.named_modules())
    if name and name in known:
        return known[name]
    close = difflib.get_close_matches(name, [n for n in known if n], n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "saliency_layers lists those there are."
    raise ModelError(f"{type(model).__name__} has no layer {name!r}; {hint}")


def record(
    model: nn.Module, layer_name: str, inputs: torch.Tensor, questions: Sequence[Question], *, gradients: bool
) -> Pass:
    """Runs the network once and keeps what the layer gave; call it within `undisturbed`.

    The graph begins at the layer: nothing before it is differentiated, and no parameter is.

    Args:
        model: the network.
        layer_name: dotted path of the layer.
        inputs: (N, C, S, S) with N at least 1, on the network's device.
        questions: N questions, one per input.
        gradients: whether the method needs them.

    Raises:
        ModelError: the layer is unknown, gives no map, runs not at all or more than once, or gradients do not reach it;
            or the network's output is not (N, K) finite logits.
        DataError: a class outside the K, or a class compared with itself.
    """
    layer = find_layer(model, layer_name)
    kept: list[torch.Tensor] = []

    grid = grid_of(model)

    def keep(_module: nn.Module, _arguments: Any, output: Any) -> torch.Tensor:
        prefix = None
        if grid and isinstance(output, torch.Tensor) and output.ndim == 3 and output.shape[1] == grid.tokens:
            prefix, output = grid.split(output.detach())
        _check_map(layer_name, output)
        if kept:
            raise ModelError(
                f"The layer {layer_name} runs more than once in a pass, so that it has no single map. Choose the block "
                "around it, or a layer that runs once."
            )
        # Two copies: what is kept must not share memory with anything that a later layer may change in place.
        kept.append(output.detach().clone().requires_grad_(gradients))
        return kept[0].clone() if grid is None or prefix is None else grid.join(prefix, kept[0])

    handle = layer.register_forward_hook(keep)
    try:
        with torch.set_grad_enabled(gradients):
            logits = model(inputs)
    finally:
        handle.remove()
    if not kept:
        raise ModelError(f"The layer {layer_name} does not run when this network classifies; choose another.")
    _check_logits(model, logits, len(inputs))
    scores = tuple(_score(q, row) for q, row in zip(questions, logits.detach(), strict=True))
    found = _gradients(layer_name, logits, scores, kept[0]) if gradients else None
    return Pass(model, layer, inputs, scores, logits.detach().float().cpu(), _array(kept[0]), found)


def observe(model: nn.Module, inputs: torch.Tensor, questions: Sequence[Question]) -> Pass:
    """As `record`, for methods that look at the input and at no layer: no hook is set, `activations` is empty."""
    with torch.no_grad():
        logits = model(inputs)
    _check_logits(model, logits, len(inputs))
    scores = tuple(_score(q, row) for q, row in zip(questions, logits, strict=True))
    nothing = np.empty((len(inputs), 0, 0, 0), np.float32)
    return Pass(model, model, inputs, scores, logits.float().cpu(), nothing, None)


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    return values.detach().float().cpu().numpy()


def _gradients(
    layer_name: str, logits: torch.Tensor, scores: tuple[Score, ...], activations: torch.Tensor
) -> NDArray[np.float32]:
    """The inputs do not meet within the network, so that the gradient of the sum holds each one's own."""
    found = None
    if logits.requires_grad:
        weights = torch.zeros_like(logits)  # of each logit in its row's score
        weights[range(len(scores)), [score.target for score in scores]] = 1
        compared = [row for row, score in enumerate(scores) if score.versus is not None]
        weights[compared, [scores[row].versus for row in compared]] = -1
        found = torch.autograd.grad(logits, activations, weights, allow_unused=True)[0]
    if found is None:
        raise ModelError(
            f"No gradient reaches the layer {layer_name} from the logits. Choose another layer, or a method without "
            "gradients: ablationcam, scorecam or eigencam."
        )
    return _array(found)


def _check_map(layer_name: str, output: Any) -> None:
    if not isinstance(output, torch.Tensor) or output.ndim != 4:
        what = (
            f"a tensor of the shape {tuple(output.shape)}"
            if isinstance(output, torch.Tensor)
            else type(output).__name__
        )
        raise ModelError(
            f"The layer {layer_name} gives {what}, not maps (N, channels, height, width). Choose a convolution or a "
            "block of convolutions; saliency_layers lists them."
        )
    if output.shape[2] * output.shape[3] < 2:
        raise ModelError(
            f"The layer {layer_name} gives one cell for the whole face, which shows no place. Choose an earlier layer."
        )


def _check_logits(model: nn.Module, logits: Any, n: int) -> None:
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != n:
        raise ModelError(f"{type(model).__name__} does not answer {n} faces with logits of the shape ({n}, classes).")
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(f"{type(model).__name__} answers with logits that are not finite; its weights are broken.")


def _score(question: Question, logits: torch.Tensor) -> Score:
    k = len(logits)
    for index in question:
        if index is not None and not 0 <= index < k:
            raise DataError(f"There is no class {index}: this network has {k} classes, 0 to {k - 1}.")
    target, versus = question
    if target is None:
        target = int(logits.argmax())
    if target == versus:
        raise DataError(f"Class {target} cannot be compared with itself; choose another class to compare it with.")
    return Score(target, versus)

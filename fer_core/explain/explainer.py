"""Why a checkpoint answers as it does, for one face."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.card import Card
from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.errors import DataError
from fer_core.explain.batch import Maps, explain_all
from fer_core.explain.layers import LayerInfo, default_layer, is_activation, saliency_layers
from fer_core.explain.methods import Method, Settings, get_method, methods
from fer_core.explain.record import INPUT, undisturbed
from fer_core.explain.saliency import SaliencyMap, Target
from fer_core.explain.tokens import grid_of
from fer_core.labels import ClassSet
from fer_core.predict import folded
from fer_core.softmax import temper

Picture = NDArray[np.uint8]
_AT_ONCE = 256


class Explainer:
    """A checkpoint that gives reasons. Threads may share one; they take turns.

    The network is the one that was trained, without batch normalisation folded away, so that its layers have their
    names. A map explains the face as it is shown; averaging with the mirror image (`card.flip`) is for probabilities.

    Args:
        checkpoint: weights and card.
        network: taken instead of the checkpoint's own, for example with some of its weights randomised.

    Raises:
        CheckpointError: as `Checkpoint.load`.
    """

    def __init__(self, checkpoint: Checkpoint, network: nn.Module | None = None) -> None:
        self.card = checkpoint.card
        self._checkpoint = checkpoint
        if network is None:
            with torch.inference_mode(False):  # parameters made in inference mode could never be differentiated through
                network = checkpoint.load().requires_grad_(False)
                network = network.to("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network

    def on(self, network: nn.Module) -> Explainer:
        """The same card with another network of its kind."""
        return Explainer(self._checkpoint, network)

    @property
    def classes(self) -> ClassSet:
        """The classes in the order of the logits."""
        return self.card.class_set

    @functools.cached_property
    def _layers(self) -> tuple[LayerInfo, ...]:
        return saliency_layers(self.network, self.card.preprocess.channels, self.card.preprocess.size_px)

    def methods(self) -> tuple[Method, ...]:
        """The methods that this network has: those of vision transformers come last, and only there."""
        tokens = grid_of(self.network) is not None
        return tuple(method for method in methods() if tokens or not method.needs_tokens)

    def layers(self) -> tuple[LayerInfo, ...]:
        """The layers that a map can be made at; see `saliency_layers`."""
        return self._layers

    @property
    def default_layer(self) -> LayerInfo:
        """The last layer with a map.

        Raises:
            ModelError: the network makes no maps.
        """
        return default_layer(self._layers)

    def explain(
        self,
        crop: Picture,
        *,
        method: str = "gradcam",
        layer: str | None = None,
        target: int | str | None = None,
        versus: int | str | None = None,
        options: Settings | None = None,
    ) -> SaliencyMap:
        """The map of one face crop.

        Args:
            crop: (H, W) grey or (H, W, 3) RGB, uint8, any size; goes through the card's preprocessing.
            method: one of `methods()`.
            layer: dotted path, one of `layers()`; None takes the last. A method that looks at the input does not ask,
                and its map says `input`.
            target: class to explain, by name or index; None takes the predicted class of this very view.
            versus: "why target and not versus": logit target - logit versus is explained.
            options: the method's own.

        Raises:
            FERScopeError: the method, or one of its options, is unknown.
            ImageError: a crop of another type or shape.
            DataError: a class that the checkpoint does not have, or one compared with itself.
            ModelError: the layer is unknown or gives no map.
        """
        chosen = get_method(method)
        how = (chosen, chosen.settings(options))
        question = (self._index(target), self._index(versus))
        inputs = self.card.preprocess([crop])
        maps = explain_all(self.network, inputs, [question], self._layer(chosen, layer), how)
        score, logits, names = maps.scores[0], torch.from_numpy(maps.logits[0]), self.classes.names
        rival = None if score.versus is None else names[score.versus]
        return SaliencyMap(
            method=method,
            layer=maps.layer,
            target=Target(score.target, names[score.target], score.versus, rival),
            raw=maps.raw[0],
            input_hw=(inputs.shape[2], inputs.shape[3]),
            logit=float(score(logits)),
            probability=float(temper(maps.logits, self.card.temperature)[0, score.target]),
            classes=names,
        )

    def explain_faces(
        self,
        crops: Sequence[Picture],
        targets: Sequence[int | str | None] | None = None,
        *,
        method: str = "gradcam",
        layer: str | None = None,
        options: Settings | None = None,
    ) -> Maps:
        """Maps of many crops at once; of a data set, call it for a few hundred crops at a time.

        Args:
            crops: N of them, as for `explain`. May be empty.
            targets: N classes to explain, by name or index; None, for one or for all, takes the predicted class.
            method: as for `explain`.
            layer: as for `explain`.
            options: as for `explain`.

        Raises:
            DataError: not one target per crop; and the errors of `explain`.
        """
        chosen = get_method(method)
        how = (chosen, chosen.settings(options))
        if targets is not None and len(targets) != len(crops):
            raise DataError(f"There are {len(targets)} targets for {len(crops)} faces; give one for each.")
        questions = [(self._index(target), None) for target in targets or [None] * len(crops)]
        inputs = self.card.preprocess(crops).contiguous(memory_format=torch.channels_last)
        where = self._layer(chosen, layer)
        return explain_all(self._fast_to(where), inputs, questions, where, how)

    def network_for(self, method: Method, layer: str) -> nn.Module:
        """The network that makes a method's maps of many faces soonest; see `explain_faces`."""
        return self._fast_to(self._layer(method, layer))

    def _fast_to(self, layer: str) -> nn.Module:
        """The fast network where it has the layer unchanged, else the trained one; maps are the same to rounding.

        Folding leaves activations what they were. It changes what a convolution gives, and a traced network no longer
        runs its blocks as such.
        """
        fast = self._fast
        if layer == INPUT or not isinstance(fast, torch.fx.GraphModule):
            return fast
        runs = {str(node.target) for node in fast.graph.nodes if node.op == "call_module"}
        return fast if layer in runs and is_activation(fast.get_submodule(layer)) else self.network

    @functools.cached_property
    def _fast(self) -> nn.Module:
        """The network for answers alone: normalisation folded away, parameters and modes its own."""
        with undisturbed(self.network):
            return folded(copy.deepcopy(self.network)).to(memory_format=torch.channels_last)

    def logits(self, inputs: torch.Tensor) -> NDArray[np.float32]:
        """Answers to faces that are prepared already, as they are: no mirror image, no temperature.

        Args:
            inputs: (N, C, S, S), as the card's preprocessing gives them. N may be 0.

        Returns:
            (N, K) float32.
        """
        like = next(self.network.parameters())
        rows = [np.empty((0, len(self.classes)), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(inputs), _AT_ONCE):
                batch = inputs[start : start + _AT_ONCE].to(like.device, like.dtype)
                answer = self._fast(batch.contiguous(memory_format=torch.channels_last))
                rows.append(answer.float().cpu().numpy())
        return np.concatenate(rows)

    def _layer(self, method: Method, wanted: str | None) -> str:
        return method.place or wanted or self.default_layer.name

    def _index(self, wanted: int | str | None) -> int | None:
        if wanted is None:
            return None
        return self.classes.index(wanted) if isinstance(wanted, str) else int(wanted)


_lock = threading.Lock()


def get_explainer(name: str | Path) -> Explainer:
    """The explainer of a checkpoint, loaded once per process and again when its weights or its card change on disk.

    Raises:
        CheckpointError: as `open_checkpoint` and `Checkpoint.load`.
    """
    checkpoint = open_checkpoint(name)
    with _lock:
        return _cached(checkpoint.folder, checkpoint.card.model_dump_json())


@functools.lru_cache(maxsize=4)
def _cached(folder: Path, card: str) -> Explainer:
    return Explainer(Checkpoint(folder, Card.model_validate_json(card)))

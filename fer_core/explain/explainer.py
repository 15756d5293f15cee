"""Why a checkpoint answers as it does, for one face."""

from __future__ import annotations

import functools
import threading
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.card import Card
from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.explain.batch import explain_all
from fer_core.explain.layers import LayerInfo, default_layer, saliency_layers
from fer_core.explain.methods import Settings, get_method
from fer_core.explain.saliency import SaliencyMap, Target
from fer_core.labels import ClassSet
from fer_core.softmax import temper

Picture = NDArray[np.uint8]


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
        if network is None:
            with torch.inference_mode(False):  # parameters made in inference mode could never be differentiated through
                network = checkpoint.load().requires_grad_(False)
                network = network.to("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network

    @property
    def classes(self) -> ClassSet:
        """The classes in the order of the logits."""
        return self.card.class_set

    @functools.cached_property
    def _layers(self) -> tuple[LayerInfo, ...]:
        return saliency_layers(self.network, self.card.preprocess.channels, self.card.preprocess.size_px)

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
            layer: dotted path, one of `layers()`; None takes the last.
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
        layer = layer or self.default_layer.name
        question = (self._index(target), self._index(versus))
        inputs = self.card.preprocess([crop])
        maps = explain_all(self.network, inputs, [question], layer, how)
        score, logits, names = maps.scores[0], torch.from_numpy(maps.logits[0]), self.classes.names
        rival = None if score.versus is None else names[score.versus]
        return SaliencyMap(
            method=method,
            layer=layer,
            target=Target(score.target, names[score.target], score.versus, rival),
            raw=maps.raw[0],
            input_hw=(inputs.shape[2], inputs.shape[3]),
            logit=float(score(logits)),
            probability=float(temper(maps.logits, self.card.temperature)[0, score.target]),
            classes=names,
        )

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

"""Cascading weight randomisation: a map that stays when the weights go does not tell of the network.

Adebayo et al. 2018, Sanity checks for saliency maps, arXiv 1810.03292. From the output backwards, layer after layer
loses what it has learned, and each time the maps are compared with those of the trained network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.errors import ModelError
from fer_core.explain.record import undisturbed
from fer_core.explain.trust.similarity import spearman, ssim

STAGES = 8

MapsOf = Callable[[nn.Module], NDArray[np.float32]]
"""Raw maps (N, h, w) of one network, always of the same faces and classes."""


@dataclass(frozen=True, eq=False)
class Cascade:
    """How alike the maps remain.

    Attributes:
        stages: T; the first layer, from the output backwards, that has not been reached yet stands behind each.
        spearman: (T, N) rank correlation with the trained network's maps, at their own size; NaN where constant.
        ssim: (T, N) structural similarity, likewise.
    """

    stages: tuple[str, ...]
    spearman: NDArray[np.float64]
    ssim: NDArray[np.float64]


def randomised(model: nn.Module, seed: int, stages: int = STAGES) -> Iterator[tuple[str, nn.Module]]:
    """Copies of a network, of which each has lost more than the one before.

    A layer loses what it has learned by its weights being shuffled, tensor by tensor: unlike a fresh initialisation
    that leaves their distribution, and so the scale of what goes through the network. Running statistics stay.

    Args:
        model: is not changed.
        seed: of the shuffling.
        stages: at most so many; the layers are divided evenly among them.

    Yields:
        Name of the last layer shuffled, and the network; the same object each time, so use it before the next.

    Raises:
        ModelError: the network has no weights.
    """
    with undisturbed(model):
        network = copy.deepcopy(model).eval()
    layers = [pair for pair in network.named_modules() if next(pair[1].parameters(recurse=False), None) is not None]
    if not layers:
        raise ModelError(f"{type(model).__name__} has no weights that could be randomised; explain a trained network.")
    chance = torch.Generator().manual_seed(seed)
    for part in np.array_split(np.arange(len(layers))[::-1], min(stages, len(layers))):
        for place in part:
            for parameter in layers[place][1].parameters(recurse=False):
                order = torch.randperm(parameter.numel(), generator=chance).to(parameter.device)
                parameter.data = parameter.data.flatten()[order].view_as(parameter)
        yield layers[part[-1]][0], network


def cascade(model: nn.Module, maps_of: MapsOf, seed: int, stages: int = STAGES) -> Cascade:
    """Compares a method's maps on ever more randomised copies with those on the network itself.

    Args:
        model: the trained network.
        maps_of: the method.
        seed: of the shuffling.
        stages: at most so many.

    Raises:
        ModelError: as `randomised`.
    """
    trained = maps_of(model)
    names: list[str] = []
    ranks: list[NDArray[np.float64]] = []
    structures: list[NDArray[np.float64]] = []
    for name, network in randomised(model, seed, stages):
        maps = maps_of(network)
        names.append(name)
        ranks.append(spearman(trained, maps))
        structures.append(ssim(trained, maps))
    return Cascade(tuple(names), np.stack(ranks), np.stack(structures))

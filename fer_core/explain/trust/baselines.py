"""Maps that know nothing of the network: what a method has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RANDOM, CENTRE = "random map", "centre Gaussian"
BASELINES = (RANDOM, CENTRE)
CENTRE_SIGMA = 0.25  # of the side


def random_maps(n: int, map_hw: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """(N, h, w) independent uniform values at a map's own size, so that they are as smooth as it once enlarged."""
    return np.random.default_rng((seed, 11)).random((n, *map_hw), np.float32)


def centre_maps(n: int, size_px: int, sigma: float = CENTRE_SIGMA) -> NDArray[np.float32]:
    """(N, S, S) the same Gaussian around the middle; sigma as a fraction of the side."""
    steps = ((np.arange(size_px) + 0.5) / size_px - 0.5) / sigma
    line = np.exp(-0.5 * steps**2)
    return np.broadcast_to(np.outer(line, line).astype(np.float32), (n, size_px, size_px))


def ranks(maps: NDArray[np.floating], seed: int) -> NDArray[np.int64]:
    """(N, S, S) place of each pixel from the most relevant (0) to the least (S * S - 1).

    Equal values are ranked at random: in the order of the pixels they would favour the top of the face.
    """
    n, size = len(maps), maps[0].size if len(maps) else 0
    chance = np.random.default_rng((seed, 12))
    out = np.empty((n, size), np.int64)
    for row, one in enumerate(maps):
        out[row, np.lexsort((chance.random(size), -one.ravel()))] = np.arange(size)
    return out.reshape(maps.shape)

"""What maps look like before a network has learned anything: a prior of its own architecture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_core.explain.explainer import Explainer
from fer_core.explain.trust.randomisation import randomised
from fer_core.regions.attribution import evidence, mean_prior
from fer_core.regions.measure import GRAD_CAM, Asked

NETWORKS = 4


def network_prior(
    explainer: Explainer, faces: Sequence[NDArray[np.uint8]], asked: Asked = GRAD_CAM, networks: int = NETWORKS
) -> NDArray[np.float32]:
    """(S, S) mean map of networks with shuffled weights on the same kind of faces; sums to 1.

    Unlike the Gaussian it has what the architecture does by itself: padding, pooling, the edges of a coarse map.

    Args:
        explainer: the trained model; it is not changed.
        faces: some dozens of crops, at least one.
        asked: which maps.
        networks: how many, each shuffled by another seed.

    Raises:
        DataError: no map has any weight.
        FERScopeError: as `Explainer.explain_faces`.
    """
    side = explainer.card.preprocess.size_px
    kept = []
    for number in range(networks):
        _, network = next(randomised(explainer.network, asked.seed + number, stages=1))
        maps = explainer.on(network).explain_faces(faces, method=asked.method, layer=asked.layer, options=asked.options)
        kept.append(evidence(maps.raw, side, asked.part))
    return mean_prior(np.concatenate(kept))

"""Maps against a known truth: where the evidence of a drawn face lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pointing(maps: NDArray[np.floating], evidence: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N,) the pointing game (Zhang et al. 2016, arXiv 1608.00507): 1 where the map's maximum lies in the evidence.

    Args:
        maps: (N, S, S).
        evidence: (N, S, S).

    Returns:
        Of several equal maxima the share that lies there; NaN where a map is constant or there is no evidence.
    """
    flat, inside = _flat(maps), _flat(evidence)
    tops = flat == flat.max(1, keepdims=True, initial=-np.inf)
    hits = (tops & inside).sum(1) / np.maximum(tops.sum(1), 1)
    return np.where(inside.any(1) & ~tops.all(1), hits, np.nan)


def mass_density(maps: NDArray[np.floating], evidence: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N,) share of the map's positive part that lies in the evidence, over the evidence's share of the picture.

    1 is what an even map has; NaN where a map has no positive part or there is no evidence.
    """
    flat, inside = np.maximum(_flat(maps), 0), _flat(evidence)
    total, area = flat.sum(1, dtype=np.float64), inside.mean(1) if inside.size else np.zeros(len(maps))
    share = np.divide((flat * inside).sum(1), total, out=np.full(len(maps), np.nan), where=total > 0)
    return np.asarray(np.divide(share, area, out=np.full(len(maps), np.nan), where=area > 0))


def _flat(maps: NDArray[Any]) -> NDArray[Any]:
    """(N, S * S); N may be 0."""
    return maps.reshape(len(maps), maps.shape[1] * maps.shape[2])

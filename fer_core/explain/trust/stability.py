"""Does a map move with the face, and do methods agree?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from fer_core.explain.trust.similarity import spearman

SHIFT = 0.04  # of the side: two pixels of 48
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))
MOVES = len(_DIRECTIONS)


def shifted(inputs: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """(N, C, S, S) faces moved by whole pixels; what comes in repeats the edge."""
    height, width = inputs.shape[2:]
    by = max(abs(down), abs(right))
    padded = functional.pad(inputs, (by, by, by, by), mode="replicate")
    return padded[:, :, by - down : by - down + height, by - right : by - right + width]


def stability(
    maps_of: Callable[[torch.Tensor], NDArray[np.float32]],
    inputs: torch.Tensor,
    maps: NDArray[np.float32],
    by_px: int | None = None,
) -> NDArray[np.float64]:
    """(N,) rank correlation of each map with that of the face moved a little, moved back; the mean over four sides.

    Args:
        maps_of: the method: maps (N, S, S) of prepared faces, always of the same classes.
        inputs: (N, C, S, S).
        maps: (N, S, S) of the faces as they are.
        by_px: pixels; None: `SHIFT` of the side, at least one.

    Returns:
        -1 to 1 over the part that both pictures show; NaN where a map is constant.
    """
    side = inputs.shape[-1]
    by = by_px or max(1, round(SHIFT * side))
    found = []
    for down, right in _DIRECTIONS:
        y, x = by * down, by * right
        moved = maps_of(shifted(inputs, y, x))
        there = moved[:, max(0, y) : side + min(0, y), max(0, x) : side + min(0, x)]
        before = maps[:, max(0, -y) : side + min(0, -y), max(0, -x) : side + min(0, -x)]
        found.append(spearman(before, there))
    return np.asarray(np.mean(found, 0))


def agreement(maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """(M, M) mean rank correlation of each two methods' maps (N, S, S) of the same faces; 1 on the diagonal.

    Faces of which one of the two maps is constant are left out; NaN where none is left.
    """
    names = list(maps)
    out = np.eye(len(names))
    for i, one in enumerate(names):
        for j in range(i + 1, len(names)):
            values = spearman(maps[one], maps[names[j]])
            known = values[np.isfinite(values)]
            out[i, j] = out[j, i] = known.mean() if len(known) else np.nan
    return out

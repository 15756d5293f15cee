"""ROAD: removal that leaves no trace of what was removed (Rong et al. 2022, arXiv 2202.00449).

A filled hole tells by its shape what the map marked. Noisy linear imputation replaces each removed pixel by the
weighted mean of its neighbours, removed ones included, plus a little noise: one linear system for each picture.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from fer_core.explain.trust.removal import Answer

NOISE = 0.01  # standard deviation, in units of the picture's own
PARTS = (0.1, 0.3, 0.5, 0.7)
_SIDE, _CORNER = 1 / 6, 1 / 12  # weight of a neighbour beside a pixel and at its corner, as in the paper


@functools.lru_cache(maxsize=4)
def _neighbours(height: int, width: int) -> sparse.csr_array:
    """(H * W, H * W) weight of each pixel's neighbours; rows sum to 1, at the picture's edge too."""
    index = np.arange(height * width).reshape(height, width)
    rows, columns, weights = [], [], []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy == dx == 0:
                continue
            inner = index[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
            rows.append(inner.ravel())
            columns.append(inner.ravel() + dy * width + dx)
            weights.append(np.full(inner.size, _SIDE if dy == 0 or dx == 0 else _CORNER))
    cells = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    matrix = sparse.csr_array(cells, shape=(index.size, index.size))
    return sparse.csr_array(sparse.diags_array(1 / matrix.sum(1)) @ matrix)


def imputed(
    picture: NDArray[np.floating], removed: NDArray[np.bool_], chance: np.random.Generator, noise: float = NOISE
) -> NDArray[np.float32]:
    """A picture whose removed pixels are what their neighbours let expect.

    Args:
        picture: (C, H, W).
        removed: (H, W). A picture of which nothing is left shows its own mean.
        chance: of the noise.
        noise: standard deviation of what is added to removed pixels, in units of the picture's.

    Returns:
        (C, H, W) float32.
    """
    out = np.array(picture, np.float64)
    gone, kept = np.flatnonzero(removed), np.flatnonzero(~removed)
    if not len(gone):
        return out.astype(np.float32)
    flat = out.reshape(len(out), -1)
    if len(kept):
        weights = _neighbours(*removed.shape)[gone]
        system = sparse.eye_array(len(gone), format="csc") - weights[:, gone].tocsc()
        values = splu(system).solve(np.asarray(weights[:, kept] @ flat[:, kept].T)).T
    else:
        values = np.repeat(flat.mean(1, keepdims=True), len(gone), 1)
    spread = flat.std(1, keepdims=True)
    flat[:, gone] = values + noise * spread * chance.standard_normal(values.shape)
    return out.astype(np.float32)


def road(
    answer: Answer,
    inputs: torch.Tensor,
    targets: Sequence[int],
    ranks: NDArray[np.int64],
    seed: int,
    parts: Sequence[float] = PARTS,
) -> NDArray[np.float64]:
    """(N,) how much more the answer loses with the most relevant pixels than with the least relevant ones.

    The mean over `parts` of (p with the least relevant part removed less p with the most relevant part removed) / 2,
    where p is the probability of the explained class: -0.5 to 0.5, larger is better, a random map has 0 on average.

    Args:
        answer: the network.
        inputs: (N, C, S, S), prepared.
        targets: N classes.
        ranks: (N, S, S), 0 the most relevant.
        seed: of the noise.
        parts: shares of pixels removed.
    """
    rows, wanted = np.arange(len(inputs)), list(targets)
    pictures = inputs.float().cpu().numpy()
    size = ranks.shape[1] * ranks.shape[2]
    total = np.zeros(len(inputs))
    for part in parts:
        count = round(part * size)
        for sign, removed in ((-1, ranks < count), (1, ranks >= size - count)):
            chance = np.random.default_rng((seed, 13, count))
            changed = [imputed(p, gone, chance) for p, gone in zip(pictures, removed, strict=True)]
            batch = torch.from_numpy(np.stack(changed)) if changed else inputs
            total += sign * answer(batch.to(inputs.device, inputs.dtype))[rows, wanted] / 2
    return total / len(parts)

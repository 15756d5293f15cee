"""Deletion and insertion: does the answer go where a map says that it comes from?

Petsiuk, Das and Saenko 2018, RISE, arXiv 1806.07421. Pixels are taken away (or put back) in the order of a map, and the
probability of the explained class is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Answer = Callable[[torch.Tensor], NDArray[np.floating]]
"""Probabilities (N, K) of prepared faces (N, C, S, S)."""

PARTS = np.linspace(0, 1, 11)


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of each face's explained class while pixels go or come.

    Attributes:
        parts: (P,) share of pixels removed or inserted, 0 to 1.
        deletion: (N, P) with the most relevant part removed.
        insertion: (N, P) with the most relevant part alone.
    """

    parts: NDArray[np.float64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]

    def deletion_area(self) -> NDArray[np.float64]:
        """(N,) area under the deletion curve, 0..1; smaller is better."""
        return np.asarray(np.trapezoid(self.deletion, self.parts, axis=1))

    def insertion_area(self) -> NDArray[np.float64]:
        """(N,) area under the insertion curve, 0..1; larger is better."""
        return np.asarray(np.trapezoid(self.insertion, self.parts, axis=1))


def removal_curves(
    answer: Answer,
    inputs: torch.Tensor,
    targets: Sequence[int],
    ranks: NDArray[np.int64],
    empty: torch.Tensor,
    parts: NDArray[np.float64] = PARTS,
) -> Curves:
    """Both curves of N faces.

    Args:
        answer: the network.
        inputs: (N, C, S, S), prepared.
        targets: N classes.
        ranks: (N, S, S) as from `fer_core.explain.trust.baselines.ranks`.
        empty: (N, C, S, S) what a removed pixel shows.
        parts: ascending, from 0 to 1.
    """
    rows = np.arange(len(inputs))
    size = ranks.shape[1] * ranks.shape[2]
    deletion, insertion = np.empty((2, len(inputs), len(parts)))
    for place, part in enumerate(parts):
        first = torch.from_numpy(ranks < round(float(part) * size))[:, None].to(inputs.device)
        deletion[:, place] = answer(torch.where(first, empty, inputs))[rows, list(targets)]
        insertion[:, place] = answer(torch.where(first, inputs, empty))[rows, list(targets)]
    return Curves(np.asarray(parts), deletion, insertion)

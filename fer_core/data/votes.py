"""What annotators' votes say about single samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.data.table import SampleTable
from fer_core.labels import ClassSet


def vote_statistics(samples: SampleTable) -> tuple[NDArray[np.float32], list[str | None]]:
    """How far the annotators were at one, over all vote classes.

    Returns:
        (N,) entropy of each row's votes in bits, NaN without votes; and N names of the class with most votes, None
        without votes or where two have most.
    """
    votes = samples.vote_matrix(ClassSet("votes", samples.vote_classes)) if samples.vote_classes else np.zeros((0, 1))
    if not len(votes):
        return np.full(len(samples), np.nan, dtype=np.float32), [None] * len(samples)
    total = votes.sum(1, keepdims=True)
    share = np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)
    bits = -np.log2(share, out=np.zeros_like(share), where=share > 0)
    entropy = np.sum(share * bits, axis=1) + 0.0  # a plain zero, not the negative one
    best = votes.max(1)
    single = (total[:, 0] > 0) & ((votes == best[:, None]).sum(1) == 1)
    names = [samples.vote_classes[i] if one else None for i, one in zip(votes.argmax(1), single, strict=True)]
    return np.where(total[:, 0] > 0, entropy, np.nan).astype(np.float32), names

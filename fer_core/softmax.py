"""From logits to probabilities, without torch, so that tables of predictions open at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 1 << 12  # that are worked on at once, so that they stay in the processor's cache


def temper(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (N, K) of logits (N, K) or (V, N, K); over V views the mean of the views' probabilities."""
    views = np.asarray(logits)[None] if np.ndim(logits) == 2 else np.asarray(logits)
    out = np.empty(views.shape[1:])
    for start in range(0, views.shape[1], _ROWS):
        of = slice(start, start + _ROWS)
        total = np.zeros(out[of].T.shape)
        for view in views[:, of]:
            scaled = view.T.astype(np.float64, order="C") / temperature  # classes first: sums over them are fast
            scaled -= scaled.max(0)
            np.exp(scaled, out=scaled)
            scaled /= scaled.sum(0)
            total += scaled
        out[of] = total.T
    return out / len(views) if len(views) > 1 else out

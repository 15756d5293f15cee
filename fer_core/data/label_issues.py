"""Labels that a model which has not seen the samples finds unlikely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def label_issues(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Confident learning (Northcutt et al. 2021, arXiv 1911.00068; package cleanlab).

    How many labels of each class ought to be another is estimated from the probabilities, and so many of the least
    likely ones are told.

    Args:
        probabilities: (N, K) of a model that was not trained on these labels.
        labels: (N,) class indices, of two classes or more.

    Returns:
        Positions of the labels that are probably wrong, the least likely first.
    """
    from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]  # a second, and pandas

    there, known = np.unique(labels, return_inverse=True)
    narrowed = np.clip(probabilities[:, there], 1e-12, None)
    narrowed = narrowed / narrowed.sum(1, keepdims=True)
    found = find_label_issues(
        known, narrowed, filter_by="prune_by_noise_rate", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return np.asarray(found, dtype=np.int64)

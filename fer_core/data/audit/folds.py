"""Probabilities of every sample from a classifier that has not seen it, nor a copy of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError

_PER_FEATURE = 50
_CELLS = 1_000_000


def plentiful(features: NDArray[np.floating]) -> bool:
    """Whether there are many samples for each feature and few of both: a thorough search is right, and quick."""
    return len(features) >= _PER_FEATURE * features.shape[1] and features.size <= _CELLS


def out_of_fold_probabilities(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    folds: int = 5,
    doubted: NDArray[np.bool_] | None = None,
    advance: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Class probabilities by multinomial logistic regression on standardised features, each sample out of its fold.

    A group lies in one fold, so that no sample is judged by a classifier that was taught with its twin. Folds are
    stratified as far as groups allow.

    Only the classifier is honest in this sense. Where the network behind the features was trained on some of these
    samples with these labels, their features hold the labels already: errors look less likely there than they are.
    Features of a network trained on other data are free of that.

    Args:
        features: (N, D), finite.
        labels: (N,) class indices, 0 or more.
        groups: (N,) samples of equal number stay together.
        folds: at least 2; fewer are used where the rarest class has fewer groups.
        doubted: (N,) samples that are judged, but taught to nobody: their labels are thought to be wrong.
        advance: called with the share done, 0 to 1, after each fold.

    Returns:
        (N, K), rows sum to 1; K is one more than the largest label, and a class without samples has 0. (0, 0) for no
        samples.

    Raises:
        DataError: fewer than two classes, or a class all of whose samples lie in one group, so that no fold is left
            to learn it from.
    """
    out = np.zeros((len(labels), int(labels.max(initial=-1)) + 1))
    if not len(labels):
        return out
    folds = _possible_folds(labels, groups, folds)

    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for done, (seen, held) in enumerate(splitter.split(features, labels, groups), start=1):
        # Little data for many features: a stronger pull towards 0 than scikit-learn's 1.0 costs nothing and is faster.
        pull = 10.0 if plentiful(features) else 0.1
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=pull, max_iter=300))
        taught = seen if doubted is None else seen[~doubted[seen]]
        classifier.fit(features[taught].astype(np.float64), labels[taught])
        answer = classifier.predict_proba(features[held].astype(np.float64))
        out[np.ix_(held, classifier.classes_)] = answer
        if advance is not None:
            advance(done / splitter.get_n_splits())
    return out


def _possible_folds(labels: NDArray[np.int64], groups: NDArray[np.int64], wanted: int) -> int:
    """As many folds as are wanted, or as the class with fewest groups can fill; two at least, or it is an error."""
    there = np.unique(labels)
    if len(there) < 2:
        raise DataError(f"Out-of-fold probabilities need samples of two classes or more, not of {len(there)}.")
    rarest = min(len(np.unique(groups[labels == label])) for label in there)
    if min(rarest, wanted) < 2:
        raise DataError("Out-of-fold probabilities need two samples of every class that are not copies of each other.")
    return min(rarest, wanted)

"""Mean map and mean face of each class, gathered a batch at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ClassMeans:
    """Sums that become means; their size does not depend on the number of faces.

    Args:
        classes: K.
        size_px: side S of maps and faces.
    """

    def __init__(self, classes: int, size_px: int) -> None:
        self._maps = np.zeros((classes, size_px, size_px))
        self._faces = np.zeros((classes, size_px, size_px))
        self._n_maps, self._n_faces = np.zeros(classes), np.zeros(classes)

    def add(self, maps: NDArray[np.float32], faces: NDArray[np.floating], labels: NDArray[np.int64]) -> None:
        """Takes in some faces; those without a label are left out.

        Args:
            maps: (n, S, S), 0 or more. Each counts alike, whatever its scale; one that is zero everywhere does not.
            faces: (n, S, S) grey, 0..255.
            labels: (n,); -1 where unknown.
        """
        total = maps.sum((1, 2), dtype=np.float64)
        for label in np.unique(labels[labels >= 0]):
            own = labels == label
            seen = own & np.isfinite(total) & (total > 0)
            self._maps[label] += (maps[seen] / total[seen][:, None, None]).sum(0)
            self._faces[label] += faces[own].sum(0)
            self._n_maps[label] += seen.sum()
            self._n_faces[label] += own.sum()

    def maps(self) -> NDArray[np.float32]:
        """(K, S, S) mean maps, each of which sums to 1; NaN for a class without one."""
        return _divided(self._maps, self._n_maps)

    def faces(self) -> NDArray[np.float32]:
        """(K, S, S) mean faces, 0..255; NaN for a class without one."""
        return _divided(self._faces, self._n_faces)


def _divided(sums: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float32]:
    below = n[:, None, None]
    means = np.divide(sums, below, out=np.full(sums.shape, np.nan), where=below > 0)
    return np.asarray(means, np.float32)

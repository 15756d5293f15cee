"""How alike two maps are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def spearman(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) rank correlation of maps (N, h, w), -1 to 1; NaN where one is constant or not finite.

    Spearman 1904; equal values share their mean rank.
    """
    n = len(one)
    if not n:
        return np.empty(0)
    a, b = (np.array(maps, np.float64).reshape(n, -1) for maps in (one, other))
    good = np.asarray(np.isfinite(a).all(1) & np.isfinite(b).all(1))
    a[~good] = b[~good] = 0
    a, b = (rankdata(maps, axis=1) for maps in (a, b))
    a, b = (maps - maps.mean(1, keepdims=True) for maps in (a, b))
    below = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.asarray(np.divide((a * b).sum(1), below, out=np.full(n, np.nan), where=good & (below > 0)))


def ssim(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) structural similarity of maps (N, h, w), -1 to 1 (Wang et al. 2004, doi:10.1109/TIP.2003.819861).

    Each map is divided by its largest absolute value first, as Adebayo et al. do, so that its scale does not count.
    The window is 7 cells, or the largest odd number that fits.

    Returns:
        NaN where a map is zero or not finite, or smaller than 3 x 3.
    """
    from skimage.metrics import structural_similarity

    n, window = len(one), 0
    if n:
        least = min(one.shape[1:])
        window = min(7, least if least % 2 else least - 1)
    out = np.full(n, np.nan)
    for row in range(n):
        a, b = np.asarray(one[row], np.float64), np.asarray(other[row], np.float64)
        tops = np.abs(a).max(), np.abs(b).max()
        if window >= 3 and all(np.isfinite(top) and top > 0 for top in tops):
            out[row] = structural_similarity(a / tops[0], b / tops[1], win_size=window, data_range=2.0)
    return out

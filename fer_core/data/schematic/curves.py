"""Smooth curves, and ribbons of changing width along them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (N, 2) or (N, 3)


def smooth(points: Points, closed: bool = False, steps: int = 6) -> Points:
    """A curve through all points (Catmull and Rom 1974), `steps` pieces between neighbours; (M, D) for (N, D)."""
    return _basis(len(points), closed, steps) @ points


@functools.lru_cache(maxsize=64)
def _basis(n: int, closed: bool, steps: int) -> NDArray[np.float64]:
    """(M, N) weight of each given point in each point of the curve."""
    spans = n if closed else n - 1
    t = np.arange(steps) / steps
    weights = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], axis=1
    )
    out = np.zeros((spans * steps + (not closed), n))
    for span in range(spans):
        for k in range(4):
            place = span + k - 1
            place = place % n if closed else min(max(place, 0), n - 1)
            out[span * steps : (span + 1) * steps, place] += weights[:, k]
    if not closed:
        out[-1, -1] = 1
    return out


def moved(points: Points, x: float, y: float) -> Points:
    """(N, 2) or (2,) points shifted by x and y."""
    return np.asarray(points + np.array((x, y)))


def through_three(first: Points, middle: Points, last: Points, t: NDArray[np.float64]) -> Points:
    """The parabola through three points at t = 0, 0.5 and 1; (len(t), D)."""
    t = t[:, None]
    return 2 * (t - 0.5) * (t - 1) * first - 4 * t * (t - 1) * middle + 2 * t * (t - 0.5) * last


def ribbon(line: Points, width: NDArray[np.float64] | float) -> Points:
    """The outline of a stroke along an open line (N, 2), (2 N, 2); `width` may change from point to point."""
    n = len(line)
    along = np.empty((n, 2))
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = width / (2 * np.hypot(along[:, 0], along[:, 1]) + 1e-9)
    out = np.empty((2 * n, 2))
    across = out[:n]
    across[:, 0] = -along[:, 1] * half
    across[:, 1] = along[:, 0] * half
    out[n:] = (line - across)[::-1]
    across += line
    return out


@functools.lru_cache(maxsize=64)
def taper(n: int, power: float = 0.8) -> NDArray[np.float64]:
    """(n,) widths of a stroke that is thin at both ends and 1 in its middle."""
    t = np.linspace(-1, 1, n)
    widths = (1 - t**2) ** power
    widths.flags.writeable = False
    return np.asarray(widths)


def ellipse(centre: Points, radii: tuple[float, float], n: int = 20, angle_deg: float = 0.0) -> Points:
    """(n, 2) points of an ellipse."""
    points = circle(n) * radii
    if angle_deg:
        cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return points + centre


@functools.lru_cache(maxsize=16)
def circle(n: int) -> Points:
    """(n, 2) points of the circle of radius 1."""
    around = np.linspace(0, 2 * np.pi, n, endpoint=False)
    points = np.column_stack([np.cos(around), np.sin(around)])
    points.flags.writeable = False
    return points

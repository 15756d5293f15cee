"""Landmarks by name, and the regions of a face as masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.canvas import filled
from fer_core.data.schematic.curves import Points, ellipse, moved, smooth
from fer_core.data.schematic.geometry import SIDES, Curves

REGIONS = ("eyes", "brows", "mouth", "nose", "chin", "forehead", "cheeks")

# Where each landmark is found: name, curve, place on the curve. `right` and `left` are the person's, as in
# `fer_core.faces.LANDMARKS`, whose five come first and in its order.
_SIDED = (
    ("brow inner end", "brow line", 0),
    ("brow middle", "brow line", 4),
    ("brow outer end", "brow line", 8),
    ("upper lid", "upper lid", 6),
    ("lower lid", "lower lid", 6),
    ("eye inner corner", "upper lid", 0),
    ("eye outer corner", "upper lid", 12),
    ("nose wing", "nose wing", 0),
    ("cheek", "cheek", 0),
)
_PLACES = (
    *((f"{side} eye", f"{side} eye", 0) for side, _ in SIDES),
    ("nose tip", "nose tip", 0),
    *((f"{side} mouth corner", f"{side} mouth corner", 0) for side, _ in SIDES),
    *((f"{side} {name}", f"{side} {curve}", at) for name, curve, at in _SIDED for side, _ in SIDES),
    ("nose bridge", "nose bridge", 0),
    ("nose base", "nose base", 0),
    ("upper lip top", "upper lip outer", 6),
    ("upper lip bottom", "upper lip inner", 6),
    ("lower lip top", "lower lip inner", 6),
    ("lower lip bottom", "lower lip outer", 6),
    ("right upper lip", "upper lip outer", 3),
    ("left upper lip", "upper lip outer", 9),
    ("right lower lip", "lower lip outer", 3),
    ("left lower lip", "lower lip outer", 9),
    ("forehead", "forehead", 0),
    ("chin", "head", 40),
    ("right jaw", "head", 52),
    ("left jaw", "head", 28),
)
LANDMARK_NAMES = tuple(name for name, _, _ in _PLACES)


def landmarks_of(curves: Curves) -> NDArray[np.float32]:
    """(len(LANDMARK_NAMES), 2) x and y in pixels, continuous, as of `fer_core.faces.Face`."""
    return np.array([curves[curve][at] for _, curve, at in _PLACES], np.float32)


def region_masks(curves: Curves, size_px: int, scale: float) -> dict[str, NDArray[np.bool_]]:
    """Masks (size, size) of `REGIONS`, which do not overlap, and of `face`, the head from the chin to the hair's start.

    Where two regions meet, the one that stands first in `REGIONS` has the pixel. What covers a face does not matter.
    """
    face = filled(size_px, curves["head"]) > 127
    if "hair" in curves:
        face &= filled(size_px, curves["hair"]) < 128
    left_over = face.copy()
    found = {}
    for name, outlines in _outlines(curves, scale).items():
        found[name] = (filled(size_px, *outlines) > 127) & left_over
        left_over &= ~found[name]
    return found | {"face": face}


def _outlines(curves: Curves, k: float) -> dict[str, list[Points]]:
    """The polygons of each region, in the order of `REGIONS`; they may overlap and reach past the face."""
    head = curves["head"]
    sides = [side for side, _ in SIDES]
    between = [curves[f"{side} glabella"][-1:] for side in sides]
    tops = np.concatenate([curves["right brow line"][::-1], *between, curves["left brow line"]])
    return {
        "eyes": [
            _grown(np.concatenate([curves[f"{s} crease"], curves[f"{s} lower lid"][::-1]]), 0.05 * k) for s in sides
        ],
        "brows": [_grown(curves[f"{s} brow"], 0.05 * k) for s in sides],
        "mouth": [_grown(np.concatenate([curves["upper lip outer"], curves["lower lip outer"][::-1]]), 0.06 * k)],
        "nose": [_nose(curves)],
        "chin": [np.concatenate([head[32:49], moved(curves["lower lip outer"][::2], 0, 0.02 * k)])],
        "forehead": [np.concatenate([head[68:80], head[0:13], tops[::-1]])],
        "cheeks": [_cheek(curves, side, k) for side in sides],
    }


def _nose(curves: Curves) -> Points:
    base, bridge = curves["nose base"][0], curves["nose bridge"][0]
    right, left = curves["right nose wing"][0], curves["left nose wing"][0]
    out = (left - right) * 0.14
    down = (base - bridge) * 0.08
    half = (left - right) * 0.24
    ring = np.array([bridge - half, right - out, right + down, base + down, left + down, left + out, bridge + half])
    return smooth(ring, closed=True, steps=4)


def _cheek(curves: Curves, side: str, k: float) -> Points:
    """Below the eye, down to the mouth's corner, between nose and ear."""
    return ellipse(moved(curves[f"{side} cheek"][0], 0, 0.06 * k), (0.34 * k, 0.33 * k), 24)


def _grown(outline: Points, by_px: float) -> Points:
    """A roughly convex outline moved outwards by that many pixels."""
    out = outline - outline.mean(0)
    length = np.sqrt((out**2).sum(1, keepdims=True))
    return outline + out / np.maximum(length, 1e-6) * by_px  # type: ignore[no-any-return]

"""Outlines of brows, eyes, nose, mouth and of the whole face, from five points or from many.

Five points give a frame (see `Frame`) in which faces are much alike; the points that they do not give are those of a
mean face. It is the mean of dlib's 68 points that OpenFace aligns faces to (Amos, Ludwiczuk and Satyanarayanan 2016,
OpenFace, CMU-CS-16-118; `TEMPLATE` in its `align_dlib.py`), made alike on both sides, in the frame of its own eyes and
mouth, rounded to 0.01. Those points end at the brows: hairline and temples are from the norms in table 9 of
doi:10.1186/s40902-019-0191-7 (hairline to nasion 0.725, temple to temple 1.176 of the distance between the outer
corners of the eyes, means of men and women). What five points cannot tell is how far the mouth is open and the brows
are raised.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fer_core.regions.points import FacePoints, Frame, Points

Outlines = dict[str, list[Points]]

# The person's right half, which has negative x, and the middle line; the left half is its mirror image.
_MEAN = {
    "right brow outer end": (-0.92, -0.2),
    "right brow middle": (-0.58, -0.33),
    "right brow inner end": (-0.19, -0.23),
    "right eye outer corner": (-0.69, 0.0),
    "right upper lid": (-0.5, -0.06),
    "right eye inner corner": (-0.3, 0.03),
    "right lower lid": (-0.5, 0.05),
    "nose bridge": (0.0, -0.02),
    "right nose wing": (-0.23, 0.66),
    "nose base": (0.0, 0.74),
    "right mouth corner": (-0.45, 1.0),
    "right upper lip": (-0.2, 0.92),
    "upper lip top": (0.0, 0.94),
    "right lower lip": (-0.21, 1.19),
    "lower lip bottom": (0.0, 1.24),
    "chin": (0.0, 1.76),
}
_TIP_Y, _MOUTH_Y, _MOUTH_X = 0.55, 1.0, 0.45  # of the mean face's nose and mouth
# From the hairline over the temple and along the jaw down to the chin.
_FACE = np.array(
    [(0.0, -0.94), (-0.45, -0.88), (-0.82, -0.65), (-1.08, -0.3), (-1.17, 0.01), (-1.16, 0.3), (-1.13, 0.58),
     (-1.07, 0.87), (-0.95, 1.13), (-0.76, 1.36), (-0.54, 1.56), (-0.29, 1.72), (0.0, 1.76)]
)  # fmt: skip
_MIRRORED = np.array((-1.0, 1.0))
# How far brows reach above and below their line, the fold of the lid included, and how far lids and lips are widened;
# units of the distance from eyes to mouth.
_ABOVE_BROW, _BELOW_BROW = 0.1, 0.14
_LIDS, _LIPS = 0.08, 0.07
_LIP_RING = (
    "right mouth corner", "right upper lip", "upper lip top", "left upper lip", "left mouth corner", "left lower lip",
    "lower lip bottom", "right lower lip",
)  # fmt: skip
_LIDS_RING = ("eye inner corner", "upper lid", "eye outer corner", "lower lid")


def outlines(points: FacePoints) -> Outlines:
    """Polygons (N, 2) by region, fractions of the crop's sides; they may overlap and reach past the crop.

    Returns:
        `brows` (the two and the glabella between them), `eyes`, `nose`, `mouth`, and `face`, the head from the chin to
        the hairline.
    """
    at = points.full or _mean_points(points)
    frame = points.frame
    unit = float(np.hypot(*frame.down))
    lids = [np.array([at[f"{side} {name}"] for name in _LIDS_RING]) for side in ("right", "left")]
    return {
        "brows": [_band(at, frame)],
        "eyes": [_grown(_rounded(lid), _LIDS * unit) for lid in lids],
        "nose": [_nose(at)],
        "mouth": [_grown(np.array([at[name] for name in _LIP_RING]), _LIPS * unit)],
        "face": [frame.place(_stretched(frame.of(at["chin"])))],
    }


def _mean_points(points: FacePoints) -> dict[str, Points]:
    """The mean face's points in the crop: its nose bent to the tip, its mouth as wide as the corners are apart."""
    frame = points.frame
    tip, right, left = frame.of(points.five[2:])
    wide = (left[0] - right[0]) / 2 / _MOUTH_X
    found = {}
    for name, (x, y) in _MEAN.items():
        for side, sign in (("right", 1), ("left", -1)):
            moved = x * sign
            if "mouth" in name or "lip" in name:
                moved *= wide
            elif "nose" in name:  # a turned head moves the tip sideways, while the bridge stays between the eyes
                moved += tip[0] * float(np.clip(y / _TIP_Y, 0, 1))
            found[name.replace("right", side)] = frame.place(np.array([(moved, y)]))[0]
    return found


def _band(at: Mapping[str, Points], frame: Frame) -> Points:
    """A band along both brows, from one outer end to the other."""
    names = [f"right brow {n}" for n in ("outer end", "middle", "inner end")]
    line = np.array([at[n] for n in names] + [at[n.replace("right", "left")] for n in names[::-1]])
    return np.concatenate([line - frame.down * _ABOVE_BROW, (line + frame.down * _BELOW_BROW)[::-1]])


def _rounded(lid: Points) -> Points:
    """The eye's four points and four between them, where an ellipse through them would run."""
    centre = lid.mean(0)
    between = (lid + np.roll(lid, -1, 0)) / 2
    ring = np.empty((8, 2))
    ring[::2], ring[1::2] = lid, centre + (between - centre) * 2**0.5
    return ring


def _nose(at: Mapping[str, Points]) -> Points:
    base, bridge = at["nose base"], at["nose bridge"]
    right, left = at["right nose wing"], at["left nose wing"]
    out, down, half = (left - right) * 0.14, (base - bridge) * 0.08, (left - right) * 0.24
    return np.array([bridge - half, right - out, right + down, base + down, left + down, left + out, bridge + half])


def _grown(outline: Points, by: float) -> Points:
    """A roughly convex outline moved outwards, away from the mean of its points."""
    out = outline - outline.mean(0)
    length = np.maximum(np.hypot(*out.T), 1e-9)[:, None]
    return np.asarray(outline + out / length * by)


def _stretched(chin: Points) -> Points:
    """The face's outline, below the mouth stretched or squeezed to where the chin is."""
    face = np.concatenate([_FACE, (_FACE * _MIRRORED)[-2:0:-1]])
    chin_y = _MEAN["chin"][1]
    below = np.maximum(face[:, 1] - _MOUTH_Y, 0) / (chin_y - _MOUTH_Y)
    return np.asarray(face + np.column_stack([below * chin[0], below * (chin[1] - chin_y)]))

"""Outlines of brows, eyes, nose, mouth and of the whole face, from five points or from many.

Five points give a frame (see `Frame`) in which adult faces are much alike. The places of brows, eyes, nose and mouth in
it are those of the mean shape of the 68-point mark-up (Sagonas et al. 2013, 300 Faces in-the-Wild), rounded to 0.01
and widened to what moves with the feature; hairline, chin and width are from the craniofacial norms of Farkas (1994,
Anthropometry of the Head and Face), in units of 63 mm between the pupils and 68 mm from there to the mouth. What five
points cannot tell is how far the mouth is open.
"""

from __future__ import annotations

import numpy as np

from fer_core.regions.points import FacePoints, Frame, Points

Outlines = dict[str, list[Points]]

# The person's right half, which has negative x: the other is its mirror image.
_BROW = np.array([(-0.95, -0.18), (-0.79, -0.43), (-0.58, -0.48), (-0.37, -0.46), (-0.18, -0.42), (0.0, -0.4)])
_BROW_BELOW = np.array([(0.0, -0.14), (-0.18, -0.16), (-0.37, -0.2), (-0.58, -0.2), (-0.79, -0.16), (-0.95, -0.06)])
_EYE = np.array(
    [(-0.78, 0.01), (-0.66, -0.1), (-0.5, -0.15), (-0.34, -0.1), (-0.22, 0.03), (-0.34, 0.12), (-0.5, 0.15),
     (-0.66, 0.11)]
)  # fmt: skip
_NOSE = np.array([(0.0, -0.1), (-0.13, -0.08), (-0.15, 0.25), (-0.28, 0.5), (-0.3, 0.68), (-0.15, 0.79), (0.0, 0.81)])
_MOUTH = np.array([(0.0, 0.83), (-0.16, 0.82), (-0.4, 0.89), (-0.55, 1.0), (-0.4, 1.16), (-0.2, 1.28), (0.0, 1.31)])
_FACE = np.array(
    [(0.0, -1.05), (-0.45, -1.0), (-0.85, -0.75), (-1.07, -0.3), (-1.1, 0.1), (-1.06, 0.6), (-0.92, 1.1), (-0.62, 1.48),
     (-0.3, 1.64), (0.0, 1.68)]
)  # fmt: skip
_CHIN_Y = 1.68
_MOUTH_Y = 1.0
_MIRRORED = np.array((-1.0, 1.0))
# How far brows reach above and below their middle line, the fold of the lid included, and how far lids and lips are
# widened; units of the distance from eyes to mouth.
_ABOVE_BROW, _BELOW_BROW = 0.1, 0.14
_LIDS, _LIPS = 0.08, 0.07


def outlines(points: FacePoints) -> Outlines:
    """Polygons (N, 2) by region, fractions of the crop's sides; they may overlap and reach past the crop.

    Returns:
        `brows` (the two and the glabella between them), `eyes`, `nose`, `mouth`, and `face`, the head from the chin to
        the hairline.
    """
    return _of_many(points) if points.full else _of_five(points)


def _of_five(points: FacePoints) -> Outlines:
    frame, tip = points.frame, points.five[2]
    brows = np.concatenate([_BROW, (_BROW * _MIRRORED)[-2::-1], (_BROW_BELOW * _MIRRORED)[::-1], _BROW_BELOW[1:]])
    return {
        "brows": [frame.place(brows)],
        "eyes": [frame.place(_EYE), frame.place(_EYE * _MIRRORED)],
        "nose": [frame.place(_follows(_whole(_NOSE), frame.of(tip)))],
        "mouth": [frame.place(_whole(_MOUTH))],
        "face": [frame.place(_whole(_FACE))],
    }


def _whole(half: Points) -> Points:
    """A closed outline of its half, whose first and last point lie on the middle line."""
    return np.concatenate([half, (half * _MIRRORED)[-2:0:-1]])


def _follows(nose: Points, tip: Points) -> Points:
    """The nose bent to its tip: a turned head moves the tip sideways, while the bridge stays between the eyes."""
    bent = nose.copy()
    bent[:, 0] += tip[0] * np.clip(nose[:, 1] / 0.53, 0, 1)  # 0.53: where the tip lies in a level face
    return bent


def _of_many(points: FacePoints) -> Outlines:
    at = {name: np.asarray(place, np.float64) for name, place in points.full.items()}
    frame = points.frame
    unit = float(np.hypot(*frame.down))
    lips = (
        "right mouth corner", "right upper lip", "upper lip top", "left upper lip", "left mouth corner",
        "left lower lip", "lower lip bottom", "right lower lip",
    )  # fmt: skip
    sides = ("right", "left")
    lids = [[at[f"{s} {n}"] for n in ("eye inner corner", "upper lid", "eye outer corner", "lower lid")] for s in sides]
    return {
        "brows": [_band(at, frame)],
        "eyes": [_grown(_rounded(np.array(lid)), _LIDS * unit) for lid in lids],
        "nose": [_nose(at)],
        "mouth": [_grown(np.array([at[name] for name in lips]), _LIPS * unit)],
        "face": [frame.place(_stretched(frame.of(at["chin"])))],
    }


def _band(at: dict[str, Points], frame: Frame) -> Points:
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


def _nose(at: dict[str, Points]) -> Points:
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
    face = _whole(_FACE)
    below = np.maximum(face[:, 1] - _MOUTH_Y, 0) / (_CHIN_Y - _MOUTH_Y)
    return np.asarray(face + np.column_stack([below * chin[0], below * (chin[1] - _CHIN_Y)]))

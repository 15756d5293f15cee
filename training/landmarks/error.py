"""How exact the landmark network is: against a detector's points on held-out faces, and against drawn faces' own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.bootstrap import USUAL, mean_with_interval
from fer_core.faces import LANDMARKS
from fer_core.regions import REGIONS, DetectedPoints, FacePoints, MeanFace, region_masks
from fer_core.regions.landmark_net import SIDE_PX, find_five
from fer_core.regions.sources import LARGEST_ERROR, PointSource
from training.landmarks.fit import drawn_faces, pictures_without
from training.landmarks.teacher import Taught, eyes_apart

Grey = NDArray[np.uint8]
Points = NDArray[np.floating]
_FAILED = 0.1  # a mean distance above this part of the eyes' distance is a failure
_SUBJECTS, _SEED = 30, 77  # drawn people that nothing was trained on
_FINE_PX = 96


def told(taught: Taught, pixels: Grey) -> dict[str, Any]:
    """All figures.

    Args:
        taught: what the teacher says of held-out faces.
        pixels: (N, 48, 48) their crops.
    """
    sure = taught.sure()
    start = time.process_time()
    five, expected = find_five(pixels)
    seconds = time.process_time() - start
    drawn = drawn_faces(_SUBJECTS, _SEED)
    found, doubts = find_five(drawn.pixels)
    nothing = pictures_without(600, _SEED)
    return {
        "n": len(pixels),
        "teacher_sure": int(sure.sum()),
        "largest_error": LARGEST_ERROR,
        "used_of_all": float((expected <= LARGEST_ERROR).mean()),
        "used_without_a_face": float((find_five(nothing)[1] <= LARGEST_ERROR).mean()),
        "cpu_ms_per_face": 1000 * seconds / len(pixels),
        "held_out": {
            **errors(five[sure], taught.five[sure], expected[sure]),
            "calibration": calibration(expected[sure], distances(five[sure], taught.five[sure]).mean(1)),
            **_others(pixels[sure], taught.five[sure]),
        },
        "drawn": {**errors(found, drawn.five, doubts), **_others(drawn.pixels, drawn.five)},
        "turned_deg": _moved(pixels[sure], taught.five[sure], {f"{a:+d}": _turn(a) for a in (-30, -15, 15, 30)}),
        "shifted": _moved(pixels[sure], taught.five[sure], {f"{s:+.2f}": _shift(s) for s in (-0.1, -0.05, 0.05, 0.1)}),
        "regions": overlap(five[sure], taught.five[sure]),
        "regions_of_yunet": overlap(*_found(_of(DetectedPoints(), pixels[sure]), taught.five[sure])),
        "regions_of_the_mean_face": overlap(np.stack([_mean_face()] * int(sure.sum())), taught.five[sure]),
    }


def distances(five: Points, true: Points) -> NDArray[np.float64]:
    """(N, 5) distance of points (N, 5, 2) from the true ones over the distance between the eyes."""
    return np.asarray(np.hypot(*np.moveaxis(five - true, -1, 0)) / eyes_apart(true)[:, None], np.float64)


def errors(five: Points, true: Points, expected: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Mean distances of all points and of each, with 95 % bootstrap intervals over faces, and the share of failures.

    Args:
        five: (N, 5, 2) found.
        true: (N, 5, 2).
        expected: (N,) error that the network expects; given, the figures of the faces that are used are told too.
    """
    apart = distances(five, true)
    figures: dict[str, Any] = {
        "n": len(apart),
        "error": _mean(apart.mean(1)),
        "failed": _mean(apart.mean(1) > _FAILED),
        "points": {name: _mean(apart[:, place]) for place, name in enumerate(LANDMARKS)},
    }
    if expected is not None:
        used = expected <= LARGEST_ERROR
        figures["used"] = _mean(used)
        figures["error_where_used"] = _mean(apart[used].mean(1))
        figures["failed_where_used"] = _mean(apart[used].mean(1) > _FAILED)
    return figures


def calibration(expected: NDArray[np.float64], error: NDArray[np.float64], parts: int = 5) -> list[dict[str, float]]:
    """Expected and true mean error of equally many faces each, the surest first."""
    pieces = np.array_split(np.argsort(expected, kind="stable"), parts)
    return [{"n": len(p), "expected": float(expected[p].mean()), "error": float(error[p].mean())} for p in pieces]


def overlap(five: Points, true: Points) -> dict[str, Any]:
    """Intersection over union of each region drawn from points and from the true ones, mean over faces."""
    ours, theirs = (region_masks([FacePoints(one) for one in some], _FINE_PX) for some in (five, true))
    found = {}
    for region in REGIONS:
        a, b = ours.mask(region), theirs.mask(region)
        union = (a | b).sum((1, 2))
        found[region] = _mean(((a & b).sum((1, 2)) / np.maximum(union, 1))[union > 0])
    return found


def _others(pixels: Grey, true: Points) -> dict[str, Any]:
    """The same figures of one look of YuNet, of the faces in which it finds one, and of the mean face."""
    return {
        name: errors(*_found(points, true))
        for name, points in (("yunet", _of(DetectedPoints(), pixels)), ("mean_face", _of(MeanFace(), pixels)))
    }


def _found(points: Sequence[FacePoints | None], true: Points) -> tuple[Points, Points]:
    """The points of the faces that have some, and the true ones of these."""
    return np.stack([p.five for p in points if p]), true[[p is not None for p in points]]


def _of(source: PointSource, pixels: Grey) -> Sequence[FacePoints | None]:
    return source.find(list(pixels), [""] * len(pixels))


def _mean_face() -> NDArray[np.float64]:
    (points,) = MeanFace().find([np.zeros((1, 1), np.uint8)], [""])
    if points is None:  # it has points of every face
        return np.full((5, 2), np.nan)
    return points.five


def _moved(pixels: Grey, true: Points, moves: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    return {name: errors(*_warped(pixels, true, move)) for name, move in moves.items()}


def _warped(pixels: Grey, true: Points, move: NDArray[np.float64]) -> tuple[Points, Points]:
    """The network's points of crops that are moved, and the true points moved alike."""
    side = (SIDE_PX, SIDE_PX)
    warp: Callable[[Grey], Any] = lambda face: cv2.warpAffine(  # noqa: E731
        face, move, side, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    indices = true * SIDE_PX - 0.5
    return find_five(np.stack([warp(face) for face in pixels]))[0], (
        indices @ move[:, :2].T + move[:, 2] + 0.5
    ) / SIDE_PX


def _turn(degrees: float) -> NDArray[np.float64]:
    return np.asarray(cv2.getRotationMatrix2D(((SIDE_PX - 1) / 2,) * 2, degrees, 1.0), np.float64)


def _shift(by: float) -> NDArray[np.float64]:
    """To the right and down, or to the left and up."""
    return np.array([(1, 0, by * SIDE_PX), (0, 1, by * SIDE_PX)], np.float64)


def _mean(values: NDArray[Any]) -> dict[str, float]:
    mean, (low, high), _ = mean_with_interval(np.asarray(values, np.float64), USUAL)
    return {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}

"""Faces followed from frame to frame, so that each keeps its number while the detector looks only now and then.

Between two looks a face moves with the picture under it: the median of the sparse optical flow (Lucas and Kanade 1981,
in pyramids after Bouguet 2000) at a grid of points inside its box. A look is about a frame that is some frames old by
the time it is known; what it found is moved on by as much as the track has moved since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # seconds, which a first face in the camera's thread must not pay

from fer_core.faces import Face
from fer_core.live.smoothing import Smoother

Grey = NDArray[np.uint8]

FLOW_PX = 320  # longer side of the grey copy in which faces are followed
_GRID = 4  # points a side
_INNER = 0.6  # part of the box that the grid covers: the rest is background
_LEAST_FLOW = 4  # points found again, below which a face is left where it was
_LEAST_IOU = 0.2  # of a face found and a track for them to be one
_LOST_S = 0.6  # a track that looks miss for this long, and at least twice, is gone


@dataclass(frozen=True, eq=False)
class Place:
    """Where a track is in one frame.

    Attributes:
        face: its box.
        travelled: pixels to the right and down that it went with the picture since it began. Corrections by looks do
            not count: an older look that comes back after a correction must not be moved on by it.
    """

    face: Face
    travelled: tuple[float, float]


@dataclass
class Track:
    """One face over time.

    Attributes:
        id: its number, from 1, never given again in a session.
        face: where it is in the current frame.
        smoother: its probabilities.
        seen_s: time of the frame in which a look last found it, seconds.
        misses: looks since then that did not.
        travelled: see `Place`.
    """

    id: int
    face: Face
    smoother: Smoother
    seen_s: float
    misses: int = 0
    travelled: tuple[float, float] = (0.0, 0.0)


def moved(face: Face, dx: float, dy: float) -> Face:
    """The same face `dx` pixels further right and `dy` further down."""
    x, y, width, height = face.box
    points = None if face.landmarks is None else face.landmarks + np.array((dx, dy), np.float32)
    return Face((x + dx, y + dy, width, height), face.score, points)


def iou(a: Face, b: Face) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(a.box[0] + a.box[2], b.box[0] + b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[1] + a.box[3], b.box[1] + b.box[3]) - max(a.box[1], b.box[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a.area + b.area - shared)


def match(old: Sequence[Face], new: Sequence[Face]) -> list[tuple[int, int]]:
    """Pairs (index in `old`, index in `new`) of boxes that are one face: the assignment of the greatest sum of IoU."""
    if not old or not new:
        return []
    overlaps = np.array([[iou(a, b) for b in new] for a in old])
    rows, columns = linear_sum_assignment(np.where(overlaps >= _LEAST_IOU, overlaps, 0.0), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if overlaps[i, j] >= _LEAST_IOU]


class Tracker:
    """The tracks of one camera. Used by one thread.

    Args:
        window_s: of the tracks' smoothing, in seconds.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self.tracks: list[Track] = []
        self._next = 1
        self._grey: Grey | None = None
        self._size = (0, 0)

    def step(self, frame: NDArray[np.uint8]) -> None:
        """Moves every face with the picture to the next frame, (H, W, 3) RGB uint8.

        A frame of another size but of the same proportions is taken for the same picture at another resolution, as a
        camera sends it when the line is poor. Otherwise the tracks end.
        """
        height, width = frame.shape[:2]
        grey = _grey_copy(frame)
        if self._size != (width, height):
            self._resize(width, height)
        elif self._grey is not None and self.tracks:
            self._flow(self._grey, grey, width / grey.shape[1], height / grey.shape[0])
        self._grey, self._size = grey, (width, height)
        self.tracks = [track for track in self.tracks if _inside(track.face, width, height)]

    def _resize(self, width: int, height: int) -> None:
        """Takes the tracks over into frames of another size."""
        old_width, old_height = self._size
        if not self.tracks:
            return
        fx, fy = width / old_width, height / old_height
        if abs(fx / fy - 1) > 0.05:
            self.tracks = []
        for track in self.tracks:
            track.face = track.face.scaled(fx, fy)

    def _flow(self, before: Grey, after: Grey, fx: float, fy: float) -> None:
        points = np.concatenate([_grid(track.face, fx, fy) for track in self.tracks])
        found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, winSize=(15, 15), maxLevel=3)  # type: ignore[call-overload]
        steps = (found - points).reshape(len(self.tracks), -1, 2)
        good = status.reshape(len(self.tracks), -1) == 1
        for track, step, found_again in zip(self.tracks, steps, good, strict=True):
            if found_again.sum() >= _LEAST_FLOW:
                dx, dy = np.median(step[found_again], axis=0)
                x, y = float(dx) * fx, float(dy) * fy
                track.face = moved(track.face, x, y)
                track.travelled = (track.travelled[0] + x, track.travelled[1] + y)

    def places(self) -> dict[int, Place]:
        """Where each track is now, by its number."""
        return {track.id: Place(track.face, track.travelled) for track in self.tracks}

    def found(self, faces: Sequence[Face], then: Mapping[int, Place], at_s: float, smallest_px: float) -> list[Track]:
        """Takes what a look found.

        Args:
            faces: found in the frame that was looked at.
            then: `places()` at that frame.
            at_s: time of that frame, in seconds.
            smallest_px: longer side in pixels of the smallest face that this look could find. A smaller track that
                was not found is not held to be missed.

        Returns:
            The track of each of `faces`, in their order; new ones for faces that none was known of.
        """
        # A track begun since that frame is compared where it is now: it may be the same face, found by an earlier look.
        places = [then[track.id].face if track.id in then else track.face for track in self.tracks]
        pairs = {j: self.tracks[i] for i, j in match(places, faces)}
        answer = []
        for j, face in enumerate(faces):
            track = pairs.get(j)
            if track is None:
                track = Track(self._next, face, Smoother(self.window_s), at_s)
                self._next += 1
            else:
                old = then[track.id].travelled if track.id in then else track.travelled
                track.face = moved(face, track.travelled[0] - old[0], track.travelled[1] - old[1])
                track.seen_s, track.misses = max(at_s, track.seen_s), 0
            answer.append(track)
        for track in self.tracks:
            if track not in answer and max(track.face.box[2:]) >= smallest_px:
                track.misses += 1
        gone = [t for t in self.tracks if t.misses >= 2 and at_s - t.seen_s >= _LOST_S]
        self.tracks = [t for t in self.tracks if t not in gone] + [t for t in answer if t not in self.tracks]
        return answer

    def forget_probabilities(self, window_s: float) -> None:
        """The faces stay, their smoothing starts again: for another model or another window."""
        self.window_s = window_s
        for track in self.tracks:
            track.smoother = Smoother(window_s)


def _grey_copy(frame: NDArray[np.uint8]) -> Grey:
    """A grey copy with a longer side of at most `FLOW_PX`."""
    height, width = frame.shape[:2]
    factor = min(1.0, FLOW_PX / max(width, height))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    # Linear, not by area: three times faster, and the pyramid smooths.
    small = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) if factor < 1 else frame
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _grid(face: Face, fx: float, fy: float) -> NDArray[np.float32]:
    """(16, 1, 2) points inside a face, in the grey copy."""
    steps = np.linspace(-_INNER / 2, _INNER / 2, _GRID)
    (x, y), (_, _, width, height) = face.centre, face.box
    columns, rows = np.meshgrid((x + steps * width) / fx, (y + steps * height) / fy)
    return np.stack((columns, rows), axis=-1).reshape(-1, 1, 2).astype(np.float32)


def _inside(face: Face, width: int, height: int) -> bool:
    """Whether the middle of the face is in the picture."""
    x, y = face.centre
    return 0 <= x < width and 0 <= y < height

"""Where the evidence for the largest face's expression lies, drawn on the live picture.

Maps are made in the models' thread, after the answer of a frame has been handed over, and as far apart as it takes for
them to use a quarter of that thread's time. A map is coloured once, at the size of a small crop, and laid on every
frame at the place where its face is by then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.faces import Face, crop_face, crop_matrix
from fer_core.live.analysis import Answer
from fer_core.live.counters import Counters
from fer_core.live.handover import Faults
from fer_core.live.tracking import match
from fer_core.preprocess import Preprocess

if TYPE_CHECKING:
    from fer_core.explain import Explainer

Picture = NDArray[np.uint8]

CROP_PX = 96  # side of the crop that a map is coloured at
_OPACITY = 0.6
_SHARE = 0.25  # of the models' time that maps may take
_CLOSEST_S = 0.05  # between the end of a map and the next one
_PEAKS = 60  # maps whose largest peak is the strongest colour


@dataclass(frozen=True, eq=False)
class FaceMap:
    """The map of one face, ready to be drawn.

    Attributes:
        track: number of the face.
        target: name of the class that is explained: the most probable one in the frame that was looked at.
        layer: dotted path of the layer that it was made at.
        map_hw: rows and columns of the map itself.
        ink: (S, S, 4) uint8, red, green and blue already multiplied by the fourth, the opacity.
        how: of the crop.
    """

    track: int
    target: str
    layer: str
    map_hw: tuple[int, ...]
    ink: Picture
    how: Preprocess


class Overlay:
    """Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391) of the largest face, now and then.

    `consider` is called by the models' thread alone, `draw` by the camera's, the rest by any. Colours are on one scale
    over time: the strongest is the largest peak of the last 60 maps, so that little evidence looks like little.

    Args:
        counters: told how long each map took.
        faults: keeps what goes wrong.
        clock: seconds, never going back.
    """

    def __init__(self, counters: Counters, faults: Faults, clock: Callable[[], float] = time.perf_counter) -> None:
        self._counters = counters
        self._faults = faults
        self._clock = clock
        self._explainer: Explainer | None = None
        self._latest: FaceMap | None = None
        self._peaks: deque[float] = deque(maxlen=_PEAKS)
        self._next_s = -np.inf

    @property
    def explainer(self) -> Explainer | None:
        """Makes the maps; None while none are wanted, as at first."""
        return self._explainer

    @explainer.setter
    def explainer(self, explainer: Explainer | None) -> None:
        if explainer is not self._explainer:
            self._explainer = explainer
            self._latest = None
            self._peaks = deque(maxlen=_PEAKS)

    @property
    def latest(self) -> FaceMap | None:
        """The map that is drawn at present."""
        return self._latest

    def consider(self, answer: Answer) -> None:
        """Makes a map for this answer if it is wanted and time for it; it explains the model that answered."""
        explainer = self._explainer  # once: it may be replaced meanwhile
        if explainer is None or answer.probabilities is None or self._clock() < self._next_s:
            return
        if explainer.card.weights_sha256 != answer.models.predictor.card.weights_sha256:
            return  # another model is on its way in
        tracks = _tracks(answer)
        if not tracks:
            return
        largest = max(tracks, key=lambda i: answer.faces[i].area)
        target = answer.models.predictor.classes.names[int(answer.probabilities[largest].argmax())]
        started = self._clock()
        with self._faults.kept("The saliency map"):
            crop, how = _crop(explainer, answer.task.frame, answer.faces[largest])
            maps = explainer.explain_faces([crop], [target])
            raw = maps.raw[0]
            made = FaceMap(tracks[largest], target, maps.layer, raw.shape, ink_of(self._strength(raw)), how)
            if self._explainer is explainer:
                self._latest = made
        took_s = self._clock() - started
        self._counters.took("map", took_s)
        self._next_s = self._clock() + max(took_s * (1 / _SHARE - 1), _CLOSEST_S)

    def _strength(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """A map on the scale of the last ones, 0 to 1; what speaks against the class is left out."""
        self._peaks.append(float(np.abs(raw).max(initial=0.0)))
        scale = max(self._peaks)
        return np.asarray(np.clip(raw / scale, 0, 1) if scale else np.zeros_like(raw), np.float32)

    def draw(self, frame: Picture, faces: Mapping[int, Face]) -> Picture:
        """The frame with the latest map on its face; the frame itself where there is none.

        Args:
            frame: (H, W, 3) RGB, uint8; not changed.
            faces: where each track is in it, by number.
        """
        latest = self._latest
        if latest is None or latest.track not in faces:
            return frame
        return lay_on(frame, latest.ink, faces[latest.track], latest.how)


def _crop(explainer: Explainer, frame: Picture, face: Face) -> tuple[Picture, Preprocess]:
    """The part of the frame that the model looks at, and how it was cut."""
    how = explainer.card.preprocess
    return crop_face(frame, face, margin=how.crop_margin, shift_y=how.crop_shift_y, align=how.align), how


def _tracks(answer: Answer) -> dict[int, int]:
    """Number of the track by index in `answer.faces`; faces that are new in this frame have none yet."""
    if not answer.looked:
        return dict(enumerate(answer.ids))
    places = answer.task.places
    numbers = list(places)
    pairs = match([places[number].face for number in numbers], answer.faces)
    return {j: numbers[i] for i, j in pairs}


def ink_of(strength: NDArray[np.float32]) -> Picture:
    """(h, w) evidence, 0 to 1, as (`CROP_PX`, `CROP_PX`, 4) uint8 colours multiplied by their opacity, and opacity."""
    from fer_core.explain import SEQUENTIAL, resize_map

    strength = resize_map(strength, CROP_PX, CROP_PX)
    table = SEQUENTIAL["inferno"]
    colours = table[np.rint(strength * (len(table) - 1)).astype(np.intp)]
    alpha = (_OPACITY * strength)[:, :, None]
    return np.asarray(np.rint(np.concatenate((colours * alpha, 255 * alpha), axis=2)), np.uint8)


def lay_on(frame: Picture, ink: Picture, face: Face, how: Preprocess) -> Picture:
    """A copy of the frame with colours laid on the crop of a face.

    Args:
        frame: (H, W, 3) RGB, uint8.
        ink: (S, S, 4) as `ink_of` gives it.
        face: a face of this frame.
        how: says which crop.
    """
    size = ink.shape[0]
    matrix = crop_matrix(face, margin=how.crop_margin, size=size, align=how.align, shift_y=how.crop_shift_y)
    corners = np.array(((-0.5, -0.5), (size - 0.5, -0.5), (-0.5, size - 0.5), (size - 0.5, size - 0.5))).T
    x, y = np.linalg.solve(matrix[:, :2], corners - matrix[:, 2:])
    height, width = frame.shape[:2]
    left, top = max(0, int(np.floor(x.min()))), max(0, int(np.floor(y.min())))
    right, bottom = min(width, int(np.ceil(x.max())) + 1), min(height, int(np.ceil(y.max())) + 1)
    if right <= left or bottom <= top:
        return frame
    shifted = np.column_stack((matrix[:, :2], matrix @ (left, top, 1)))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(ink, shifted, (right - left, bottom - top), flags=flags)
    drawn = frame.copy()
    below = cv2.cvtColor(255 - laid[:, :, 3], cv2.COLOR_GRAY2RGB)
    part = cv2.multiply(drawn[top:bottom, left:right], below, scale=1 / 255)
    drawn[top:bottom, left:right] = cv2.add(part, np.ascontiguousarray(laid[:, :, :3]))
    return drawn

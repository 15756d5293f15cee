"""One frame looked at by the models, in the worker's thread: where faces are, now and then, and what they show.

The detector that needs no download takes about 60 ms of a core for 640x480 and 15 ms for 320x240. So most looks are at
a copy of 320 pixels; a finer one, which finds faces of half the size, comes every two seconds. Looks are as far apart
as it takes for them to use a quarter of the time on the machine at hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import ModelError
from fer_core.faces import Detector, Face, crop_face
from fer_core.live.counters import Counters
from fer_core.live.handover import Faults
from fer_core.live.tracking import Place
from fer_core.predict import Predictor

Picture = NDArray[np.uint8]

COARSE_PX, FINE_PX = 320, 640  # longer side of the copy that is looked at
SMALLEST_PX = 32  # longer side of a face in that copy that a look is trusted to find
_FINE_EVERY_S = 2.0
_SHARE = 0.25  # of the time that the detector may take
_CLOSEST_S, _FARTHEST_S = 0.1, 1.0  # between the end of a look and the next one


@dataclass(frozen=True, eq=False)
class Models:
    """What a session works with at present.

    Attributes:
        predictor: the classifier.
        detector: finds the faces.
    """

    predictor: Predictor
    detector: Detector


@dataclass(frozen=True, eq=False)
class Task:
    """One frame handed over.

    Attributes:
        frame: (H, W, 3) RGB uint8; not changed by anybody.
        at_s: time of the frame, seconds.
        came_s: when it came in by the session's clock, seconds.
        places: every track at this frame, by number.
        missed: numbers of those that the last looks did not find; they are not classified.
    """

    frame: Picture
    at_s: float
    came_s: float
    places: Mapping[int, Place]
    missed: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Answer:
    """What the models said of a task.

    Attributes:
        task: the task.
        models: that answered.
        looked: whether the detector looked. Then `faces` is what it found, and `ids` is empty; otherwise `faces` are
            the tracks of `ids`.
        faces: that were classified, or would have been.
        ids: numbers of the tracks.
        probabilities: (N, K), a row per face; None where the classifier failed.
        smallest_px: longer side in the frame of the smallest face that the look could find.
    """

    task: Task
    models: Models
    looked: bool
    faces: tuple[Face, ...]
    ids: tuple[int, ...]
    probabilities: NDArray[np.float64] | None
    smallest_px: float = 0.0


class Analyst:
    """Looks and classifies. Used by one thread at a time; `models` may be replaced from another.

    Args:
        models: to begin with.
        counters: told how long each part took.
        faults: keeps what the models raise.
        clock: seconds, never going back.
        always_fine: every look is a fine one, where nobody waits.
    """

    def __init__(
        self,
        models: Models,
        counters: Counters,
        faults: Faults,
        clock: Callable[[], float] = time.perf_counter,
        *,
        always_fine: bool = False,
    ) -> None:
        self.models = models
        self._counters = counters
        self._faults = faults
        self._clock = clock
        self._always_fine = always_fine
        self._next_look_s = -np.inf
        self._next_fine_s = -np.inf
        self._looked_with: Detector | None = None

    def __call__(self, task: Task) -> Answer:
        """The answer for one frame. A fault of the detector is as if it had not looked."""
        models = self.models  # once: it may be replaced meanwhile
        ids = tuple(i for i in task.places if i not in task.missed)
        faces, smallest_px, looked = tuple(task.places[i].face for i in ids), 0.0, False
        if self._clock() >= self._next_look_s or self._looked_with is not models.detector:
            self._looked_with = models.detector
            started = self._clock()
            with self._faults.kept("The face detector"):
                found, smallest_px = self._look(models.detector, task.frame)
                faces, ids, looked = tuple(found), (), True
            self._plan(self._clock() - started)
        probabilities = None
        with self._faults.kept("The classifier"):
            probabilities = self._classify(models.predictor, task.frame, faces)
        return Answer(task, models, looked, faces, ids, probabilities, smallest_px)

    def _look(self, detector: Detector, frame: Picture) -> tuple[list[Face], float]:
        """Faces of the frame, and the size of the smallest that could be found."""
        fine = self._always_fine or self._clock() >= self._next_fine_s
        height, width = frame.shape[:2]
        factor = min(1.0, (FINE_PX if fine else COARSE_PX) / max(width, height))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        copy = frame if factor == 1 else np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = detector.detect(copy)
        if fine:
            self._next_fine_s = self._clock() + _FINE_EVERY_S
        fx, fy = width / size[0], height / size[1]
        return [face.scaled(fx, fy) for face in found], SMALLEST_PX / factor

    def _plan(self, took_s: float) -> None:
        """Sets the time of the next look by what this one cost."""
        self._counters.took("detector", took_s)
        pause_s = min(max(took_s * (1 / _SHARE - 1), _CLOSEST_S), _FARTHEST_S)
        self._next_look_s = self._clock() + pause_s

    def _classify(self, predictor: Predictor, frame: Picture, faces: tuple[Face, ...]) -> NDArray[np.float64]:
        """(N, K) probabilities, in the order of the faces."""
        started = self._clock()
        how = predictor.card.preprocess
        crops = [crop_face(frame, f, margin=how.crop_margin, shift_y=how.crop_shift_y, align=how.align) for f in faces]
        answer = predictor.probabilities(crops)
        if not np.isfinite(answer).all():
            raise ModelError(
                f"{predictor.card.name} answers with what is no number; its weights are damaged, choose another model."
            )
        if crops:
            self._counters.took("classifier", self._clock() - started)
        return answer

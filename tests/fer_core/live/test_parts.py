"""Smoothing, counters, record, hand-over: numbers by hand."""

import csv
import io
import math
import threading
import time

import numpy as np
import pytest

from fer_core.labels import FER7
from fer_core.live.counters import Counters
from fer_core.live.handover import Faults, OneSlot, Worker
from fer_core.live.record import SessionRecord, Span
from fer_core.live.smoothing import Reading, Smoother, read
from tests.fer_core.live.standins import Clock

A, B = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def test_smoothing_is_by_time() -> None:
    smoother = Smoother(2.0)
    assert smoother.value is None
    assert smoother.update(A, 5.0).tolist() == [1.0, 0.0]
    assert smoother.update(B, 7.0) == pytest.approx([1 / math.e, 1 - 1 / math.e])


def test_smoothing_of_a_constant_does_not_depend_on_the_frame_rate() -> None:
    slow, fast = Smoother(0.5), Smoother(0.5)
    slow.update(A, 0.0)
    fast.update(A, 0.0)
    for i in range(1, 11):
        fast.update(B, i / 10)
    assert fast.value == pytest.approx(slow.update(B, 1.0))
    assert fast.value == pytest.approx([math.exp(-2), 1 - math.exp(-2)])


def test_no_window_and_a_time_that_goes_back() -> None:
    bare = Smoother(0.0)
    bare.update(A, 0.0)
    assert bare.update(B, 0.0).tolist() == [0.0, 1.0]
    smoother = Smoother(1.0)
    smoother.update(A, 3.0)
    assert smoother.update(B, 2.0).tolist() == [1.0, 0.0]
    assert smoother.update(B, 4.0) == pytest.approx([1 / math.e, 1 - 1 / math.e])


def test_unsure_below_the_threshold_alone() -> None:
    probabilities = np.array([0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1])
    assert read(probabilities, FER7.names, 0.4) == Reading("happy", 0.4)
    assert read(probabilities, FER7.names, 0.41) == Reading("unsure", 0.4)


def test_latencies_over_a_sliding_window() -> None:
    clock = Clock()
    counters = Counters(10.0, clock)
    counters.took("detector", 9.0)
    clock.now += 11
    for ms in range(1, 102):
        counters.took("detector", ms / 1000)
    found = counters.read().latencies["detector"]
    assert (found.n, found.p50_ms, found.p95_ms) == (101, pytest.approx(51.0), pytest.approx(96.0))
    clock.now += 10.5
    empty = counters.read().latencies["detector"]
    assert empty.n == 0
    assert math.isnan(empty.p50_ms)


def test_frames_per_second() -> None:
    clock = Clock()
    counters = Counters(10.0, clock)
    assert math.isnan(counters.read().shown_per_s)
    for _ in range(41):
        counters.count("shown")
        clock.now += 0.25
    counts = counters.read()
    assert (counts.shown, counts.shown_per_s) == (41, pytest.approx(4.0))


def test_rate_sinks_and_silence_is_counted_when_frames_stop() -> None:
    clock = Clock()
    counters = Counters(10.0, clock)
    assert math.isnan(counters.read().silent_s)
    for _ in range(21):
        counters.count("frames_in")
        counters.count("shown")
        clock.now += 0.25
    assert counters.read().shown_per_s == pytest.approx(4.0)
    clock.now += 2.75  # three seconds after the last frame, eight after the first
    counts = counters.read()
    assert counts.silent_s == pytest.approx(3.0)
    assert counts.shown_per_s == pytest.approx(20 / 8)


def test_record_of_one_change() -> None:
    record = SessionRecord()
    record.note(0.0, [(1, "happy", 0.8)])
    record.note(0.5, [(1, "happy", 0.6), (2, "sad", 0.5)])
    record.note(1.0, [(1, "sad", 0.7)])
    record.note(1.25, [(1, "sad", 0.9)])
    assert record.spans() == [
        Span(1, 0.0, 1.0, "happy", pytest.approx(0.7)),
        Span(2, 0.5, 0.5, "sad", 0.5),
        Span(1, 1.0, 1.25, "sad", pytest.approx(0.8)),
    ]
    assert record.shares(1) == {"happy": pytest.approx(0.8), "sad": pytest.approx(0.2)}
    assert record.shares(2) == {}
    rows = list(csv.DictReader(io.StringIO(record.as_csv())))
    assert rows[2] == {
        "track": "1",
        "start_s": "1.000",
        "end_s": "1.250",
        "expression": "sad",
        "mean_probability": "0.8000",
    }
    record.clear()
    assert record.as_csv() == "track,start_s,end_s,expression,mean_probability\n"


def test_a_face_that_was_away_is_not_given_that_time() -> None:
    record = SessionRecord()
    for at_s in (0.0, 0.5, 4.0, 4.5):
        record.note(at_s, [(1, "happy", 0.5)])
    assert [(s.start_s, s.end_s) for s in record.spans()] == [(0.0, 0.5), (4.0, 4.5)]


def test_record_is_bounded_and_says_so() -> None:
    record = SessionRecord(most_spans=10)
    for i in range(100):
        record.note(i / 10, [(1, ("happy", "sad")[i % 2], 0.5)])
    assert len(record.spans()) == 11  # ten closed ones and the one that goes on
    assert record.forgotten == 89


def test_a_slot_holds_the_newest_only() -> None:
    slot: OneSlot[int] = OneSlot()
    assert [slot.put(i) for i in (1, 2, 3)] == [False, True, True]
    assert slot.take() == 3
    assert slot.put(4) is False
    slot.close()
    assert slot.take() is None
    assert slot.put(5) is True


def test_worker_never_makes_the_giver_wait_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    free, begun = threading.Event(), threading.Event()

    def work(task: int) -> int:
        begun.set()
        free.wait(5)
        return task * 10

    worker = Worker(work, Faults())
    worker.start()
    worker.start()
    assert len(set(threading.enumerate()) - before) == 1
    worker.give(1)
    assert begun.wait(5)
    assert [worker.give(i) for i in (2, 3, 4)] == [False, True, True]
    assert worker.answers() == []
    free.set()
    answers = wait_for(worker, 2)
    assert answers == [10, 40]
    assert worker.stop()
    assert set(threading.enumerate()) == before
    assert worker.give(5) is True
    worker.start()
    worker.give(6)
    assert wait_for(worker, 1) == [60]
    assert worker.stop()
    assert set(threading.enumerate()) == before


def test_worker_begins_again_while_an_old_task_is_still_worked_on() -> None:
    before, begun, free = set(threading.enumerate()), threading.Event(), threading.Event()

    def work(task: int) -> int:
        if task == 1:
            begun.set()
            free.wait(5)
        return task * 10

    worker = Worker(work, Faults())
    worker.start()
    worker.give(1)
    assert begun.wait(5)
    assert worker.stop(timeout_s=0.05) is False  # the model does not come back in time
    worker.start()
    worker.give(2)
    assert wait_for(worker, 1) == [20]
    free.set()
    assert worker.stop()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert worker.answers() == []  # what was said for the stopped picture is not drawn on this one
    assert set(threading.enumerate()) == before


def wait_for(worker: "Worker[int, int]", n: int) -> list[int]:
    answers: list[int] = []
    until = time.monotonic() + 5
    while len(answers) < n and time.monotonic() < until:
        answers += worker.answers()
        time.sleep(0.002)
    return answers


def test_a_fault_is_told_once_and_again_for_another_model(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()

    def fail(text: str) -> None:
        with faults.kept("The classifier"):
            raise ValueError(text)

    for i in range(50):
        fail(f"frame {i}")
    assert faults.take() == ["The classifier failed: ValueError: frame 0"]
    assert faults.take() == []
    assert faults.count == 50
    assert len(caplog.records) == 1
    faults.forget()
    fail("once more")
    assert faults.take() == ["The classifier failed: ValueError: once more"]

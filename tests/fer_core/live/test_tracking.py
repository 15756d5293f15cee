"""Faces followed: places worked out from how the drawn squares were moved."""

import numpy as np
import pytest

from fer_core.faces import Face
from fer_core.live.tracking import Tracker, iou, match, moved
from tests.fer_core.live.standins import frame


def test_iou_by_hand() -> None:
    a = Face((0, 0, 10, 10), 1)
    assert iou(a, a) == 1
    assert iou(a, Face((5, 0, 10, 10), 1)) == pytest.approx(50 / 150)
    assert iou(a, Face((10, 10, 5, 5), 1)) == 0


def test_matching_takes_the_best_sum_and_refuses_what_hardly_overlaps() -> None:
    old = [Face((0, 0, 10, 10), 1), Face((4, 0, 10, 10), 1)]
    # The first new box fits both; only the first old one is left for the second.
    new = [Face((3, 0, 10, 10), 1), Face((-3, 0, 10, 10), 1)]
    assert match(old, new) == [(0, 1), (1, 0)]
    assert match(old, [Face((13, 0, 10, 10), 1)]) == []
    assert match([], new) == []


def test_a_face_is_followed_between_looks() -> None:
    tracker = Tracker(0.5)
    tracker.step(frame(100, 60))
    (track,) = tracker.found([Face((100, 60, 96, 96), 0.9)], {}, 0.0, 32)
    for i in range(1, 11):
        tracker.step(frame(100 + 6 * i, 60 + 3 * i))
    assert track.face.box[:2] == pytest.approx((160, 90), abs=1.5)
    assert track.face.box[2:] == (96, 96)


def test_an_old_look_is_brought_to_the_present() -> None:
    tracker = Tracker(0.5)
    tracker.step(frame(100, 60))
    tracker.found([Face((100, 60, 96, 96), 0.9)], {}, 0.0, 32)
    then = tracker.places()
    for i in range(1, 6):
        tracker.step(frame(100 + 6 * i, 60))
    # The look at the frame of `then` comes back now: it saw the face two pixels lower and larger.
    (track,) = tracker.found([Face((100, 62, 96, 100), 0.8)], then, 0.1, 32)
    assert track.id == 1
    assert track.face.box == pytest.approx((130, 62, 96, 100), abs=1.5)


def test_a_correction_is_not_taken_for_a_movement() -> None:
    tracker = Tracker(0.5)
    tracker.step(frame(100, 60))
    tracker.found([Face((91, 60, 96, 96), 1)], {}, 0.0, 32)
    then = tracker.places()
    seen = Face((100, 60, 96, 96), 1)
    tracker.found([seen], then, 0.1, 32)
    (track,) = tracker.found([seen], then, 0.1, 32)  # a second look that set out before the first came back
    assert track.face.box == (100, 60, 96, 96)


def test_numbers_are_kept_through_moves_and_never_given_twice() -> None:
    tracker = Tracker(0.5)
    tracker.step(frame(0, 0))
    left, right = Face((0, 0, 50, 50), 1), Face((200, 0, 50, 50), 1)
    assert [t.id for t in tracker.found([left, right], {}, 0.0, 32)] == [1, 2]
    assert [t.id for t in tracker.found([moved(right, 9, 4), moved(left, 9, 4)], tracker.places(), 0.1, 32)] == [2, 1]
    for at_s in (0.2, 0.5, 0.8):
        tracker.found([right], tracker.places(), at_s, 32)
    assert [t.id for t in tracker.tracks] == [2]
    assert [t.id for t in tracker.found([left, right], tracker.places(), 0.9, 32)] == [3, 2]


def test_a_face_too_small_for_a_look_is_not_missed_by_it() -> None:
    tracker = Tracker(0.5)
    tracker.step(frame(0, 0))
    tracker.found([Face((0, 0, 30, 40), 1)], {}, 0.0, 32)
    for at_s in (1.0, 2.0, 3.0):
        tracker.found([], tracker.places(), at_s, 64)
    assert [t.misses for t in tracker.tracks] == [0]
    tracker.found([], tracker.places(), 4.0, 32)
    tracker.found([], tracker.places(), 5.0, 32)
    assert tracker.tracks == []


def test_another_resolution_of_the_same_picture_keeps_the_faces() -> None:
    tracker = Tracker(0.5)
    tracker.step(frame(100, 60))
    tracker.found([Face((100, 60, 96, 96), 1)], {}, 0.0, 32)
    tracker.step(frame(50, 30, 48, (160, 120)))
    assert [t.face.box for t in tracker.tracks] == [(50, 30, 48, 48)]
    tracker.step(np.zeros((160, 120, 3), np.uint8))  # turned
    assert tracker.tracks == []


def test_black_frames_move_nothing_and_a_face_that_leaves_ends() -> None:
    tracker = Tracker(0.5)
    black = np.zeros((240, 320, 3), np.uint8)
    tracker.step(black)
    tracker.found([Face((10, 10, 50, 50), 1)], {}, 0.0, 32)
    tracker.step(black)
    assert tracker.tracks[0].face.box == (10, 10, 50, 50)
    tracker.tracks[0].face = Face((-40, 10, 50, 50), 1)
    tracker.step(black)
    assert tracker.tracks == []

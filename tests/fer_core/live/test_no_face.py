"""Times without a face in the record of a session."""

from __future__ import annotations

from fer_core.live import SessionRecord


def watch(record: SessionRecord, start: float, end: float, *tracks: int, step: float = 0.5) -> None:
    """Answers from `start` up to and including `end`; `tracks` are seen happy in each."""
    for i in range(round((end - start) / step) + 1):
        record.note(start + i * step, [(track, "happy", 0.9) for track in tracks])


def test_times_without_a_face_are_what_nobody_covers() -> None:
    record = SessionRecord()
    watch(record, 0, 3)
    watch(record, 3.5, 6, 1)
    watch(record, 4.5, 8, 2)  # overlaps the first face
    watch(record, 8.5, 9)  # no longer than a face may be missed
    watch(record, 9.0, 10, 3)
    watch(record, 10.5, 14)
    assert record.watched() == [(0, 14)]
    assert record.no_face() == [(0, 3.5), (10, 14)]


def test_while_the_camera_is_off_nothing_is_said() -> None:
    record = SessionRecord()
    watch(record, 0, 2, 1)
    watch(record, 100, 103)
    watch(record, 200, 202, 2)
    assert record.watched() == [(0, 2), (100, 103), (200, 202)]
    assert record.no_face() == [(100, 103)]


def test_file_has_a_row_for_each_time_without_a_face() -> None:
    record = SessionRecord()
    watch(record, 0, 2)
    watch(record, 2.5, 4, 1)
    assert record.as_csv() == (
        "track,start_s,end_s,expression,mean_probability\n,0.000,2.500,no face,\n1,2.500,4.000,happy,0.9000\n"
    )
    record.clear()
    assert (record.watched(), record.no_face()) == ([], [])
    assert record.as_csv() == "track,start_s,end_s,expression,mean_probability\n"


def test_watching_is_kept_within_bounds() -> None:
    record = SessionRecord(most_spans=3)
    for i in range(10):
        record.note(10.0 * i, [])
    assert record.watched() == [(70, 70), (80, 80), (90, 90)]

"""Frames of a video file, and what is refused."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import av
import numpy as np
import pytest

from fer_core.errors import DataError
from fer_core.live.video import VideoLimits, moments
from tests.fer_core.live.films import film


def times(data: bytes, **limits: Any) -> list[float]:
    return [moment.at_s for moment in moments(data, "me.mp4", VideoLimits(**limits))]


def test_every_frame_with_its_time() -> None:
    seen = list(moments(film(20, 10), "me.mp4"))
    assert [moment.at_s for moment in seen] == pytest.approx([i / 10 for i in range(20)])
    assert {moment.frame.shape for moment in seen} == {(240, 320, 3)}
    assert seen[0].frame.dtype == np.uint8
    assert seen[0].done == 0
    assert seen[10].done == pytest.approx(0.5, abs=0.03)


def test_of_a_fast_video_some_frames_are_left_out() -> None:
    assert times(film(60, 60), max_per_s=30) == pytest.approx([i / 30 for i in range(30)])
    assert len(times(film(30, 30), max_per_s=30)) == 30


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"max_s": 1.5}, r"me.mp4 lasts 2 s; up to 2 s are taken"),
        ({"max_pixels": 320 * 240 - 1}, r"frames of 320 x 240 pixels; up to 76,799"),
        ({"max_side": 300}, r"300 a side are taken"),
        ({"max_bytes": 1000}, r"0 MB are taken"),
    ],
)
def test_limits(limits: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        times(film(), **limits)


def test_length_is_counted_where_the_file_does_not_say_it() -> None:
    out = io.BytesIO(film(30, 10, form="mpegts"))
    with pytest.raises(DataError, match="lasts"):
        times(out.getvalue(), max_s=1.0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html></html>",
        bytes(1000),
        b"RIFF\x00\x00\x00\x00AVI LIST",
        film()[:2000],
        b"\x00\x00\x00\x18ftypmp42" + bytes(99),
    ],
)
def test_what_is_no_video_is_a_sentence(data: bytes) -> None:
    with pytest.raises(DataError, match=r"me\.mp4 (is empty|is no video|has no frame|has no picture|cannot be read)"):
        times(data)


def test_damaged_in_the_middle_gives_what_comes_before() -> None:
    data = film(40, 10, form="mpegts")
    seen = []
    with contextlib.suppress(DataError):
        seen.extend(times(data[: len(data) // 2]))
    assert 5 < len(seen) < 40


def test_a_playlist_is_not_followed(tmp_path: Any) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(film())
    lists = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{secret}'\n",
    )
    for text in lists:
        with pytest.raises(DataError):
            times(text.encode())


def test_sound_alone_is_refused() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as file:
        stream = file.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        for packet in (*stream.encode(frame), *stream.encode()):
            file.mux(packet)
    with pytest.raises(DataError, match="has no picture"):
        times(out.getvalue())


def test_what_a_telephone_took_is_turned_upright() -> None:
    plain = film(2)
    # The track's matrix (QuickTime): x' = a x + c y and y' = b x + d y, here a quarter turn clockwise.
    straight = np.array((1 << 16, 0, 0, 0, 1 << 16), ">i4").tobytes()
    turn = np.array((0, 1 << 16, 0, -(1 << 16), 0), ">i4").tobytes()
    head, mark, rest = plain.partition(b"tkhd")
    assert straight in rest
    turned = head + mark + rest.replace(straight, turn, 1)
    (before, *_), (after, *_) = (list(moments(data, "me.mp4")) for data in (plain, turned))
    assert after.frame.shape == (320, 240, 3)
    assert (after.frame[10, -1 - 20] == before.frame[20, 10]).all()
    assert (after.frame == before.frame.transpose(1, 0, 2)[:, ::-1]).all()

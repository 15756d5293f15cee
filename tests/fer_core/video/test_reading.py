"""Videos from outside: what is read of them, and how each kind of bad file is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_core.errors import VideoError
from fer_core.video import Film, VideoLimits, survey
from tests.fer_core.video.films import film, moving, sound, turned


def test_survey_and_times_of_a_steady_video(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(20))
    about = survey(path)
    assert (about.codec, about.width, about.height, about.frames, about.rate) == ("mpeg4", 320, 240, 20, 25.0)
    assert about.duration_s == pytest.approx(0.8)
    shots = list(Film(path).frames())
    assert [shot.at_s for shot in shots] == pytest.approx([0.04 * i for i in range(20)])
    assert np.abs(shots[7].pixels.astype(int) - moving(8)[7]).mean() < 8  # what the codec loses


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mov", ".ts", ".mpg"])
def test_containers(tmp_path: Path, suffix: str) -> None:
    codec = "mpeg2video" if suffix in (".ts", ".mpg") else "mpeg4"
    path = film(tmp_path / f"a{suffix}", moving(5), codec=codec)
    disguised = path.rename(tmp_path / "holiday.txt")  # by what it holds, not by its name
    assert len(list(Film(disguised).frames())) == 5


def test_variable_rate_keeps_each_frames_time(tmp_path: Path) -> None:
    times = [0, 33, 66, 500, 520, 2000]
    path = film(tmp_path / "a.mkv", moving(6), times)
    assert [shot.at_s for shot in Film(path).frames()] == pytest.approx([t / 1000 for t in times])


def test_a_turned_video_is_upright(tmp_path: Path) -> None:
    plain = film(tmp_path / "a.mp4", moving(2))
    lying = next(iter(Film(plain).frames())).pixels
    upright = next(iter(Film(turned(plain)).frames())).pixels
    assert upright.shape == (320, 240, 3)
    assert (upright == np.rot90(lying, -1)).all()  # a quarter clockwise


def test_truncated(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mkv", moving(100))
    data = whole.read_bytes()
    half = tmp_path / "half.mkv"
    half.write_bytes(data[: len(data) // 2])
    assert 10 < len(list(Film(half).frames())) < 90
    headless = film(tmp_path / "b.mp4", moving(20))  # an MP4's table of contents stands at its end
    headless.write_bytes(headless.read_bytes()[:-400])
    with pytest.raises(VideoError, match=r"b\.mp4 begins like a video \(mov\) but cannot be read .* cut short"):
        survey(headless)


def test_damaged_parts_are_left_out_and_counted(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", moving(60), codec="mjpeg")
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xd8\xff", len(data) // 2)  # one frame; its size stands before it
    size = int.from_bytes(data[at - 4 : at], "little")
    data[at : at + size] = bytes(size)
    path.write_bytes(data)
    read = Film(path)
    assert len(list(read.frames())) == 59
    assert read.damaged == 1


def test_not_a_video(tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    for path, data in (
        (playlist, None),
        (tmp_path / "a.mp4", b"hello there, this is no film"),
        (tmp_path / "p", b"\xff\xd8"),
    ):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(VideoError, match="is not a video in one of the formats MP4"):
            survey(path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match=r"empty\.mp4 is empty \(0 bytes\)"):
        survey(tmp_path / "empty.mp4")
    for path in (tmp_path, tmp_path / "missing.mp4"):
        with pytest.raises(VideoError, match="is not a file"):
            survey(path)
    with pytest.raises(VideoError, match=r"s\.mp4 holds no moving pictures, only sound"):
        survey(sound(tmp_path / "s.mp4"))


def test_without_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "none.y4m"
    path.write_bytes(b"YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C420jpeg\n")
    with pytest.raises(VideoError, match=r"none\.y4m is a video without a single frame"):
        survey(path)


def test_beyond_the_limits(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(50))
    for limits, told in (
        (VideoLimits(max_bytes=100), "at most .* are read. Cut it into parts"),
        (VideoLimits(max_pixels=320 * 240 - 1), r"frames of 320 x 240 pixels; at most 0\.0767"),
        (VideoLimits(max_seconds=1.9), "lasts 0.0 hours"),
        (VideoLimits(max_frames=49), "more than 49 frames"),
    ):
        with pytest.raises(VideoError, match=told):
            survey(path, limits)
    assert survey(path, VideoLimits(max_pixels=320 * 240, max_seconds=2, max_frames=50)).frames == 50


def test_a_stated_size_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.y4m"
    path.write_bytes(b"YUV4MPEG2 W30000 H30000 F25:1 Ip A1:1 C420jpeg\nFRAME\n")
    with pytest.raises(VideoError, match=r"30000 x 30000|cannot be read"):
        survey(path)


def test_a_leap_in_time_is_a_length(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", moving(3), [0, 40, 40_000_000])
    with pytest.raises(VideoError, match=r"lasts 11\.1 hours; at most 4 are read"):
        survey(path)

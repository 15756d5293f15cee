"""The frames of a short video file, with a limit on everything that a file may claim."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class VideoLimits:
    """What a video may be at most.

    Attributes:
        max_bytes: size of the file.
        max_s: length, seconds.
        max_pixels: of one frame, width times height.
        max_side: longer side of a frame in pixels.
        max_per_s: frames of a second that are looked at; of faster videos only some are.
    """

    max_bytes: int = 200 * 1024 * 1024
    max_s: float = 120.0
    max_pixels: int = 1920 * 1200
    max_side: int = 4096
    max_per_s: float = 30.0


DEFAULT_VIDEO_LIMITS = VideoLimits()


@dataclass(frozen=True)
class Moment:
    """One frame.

    Attributes:
        at_s: its time since the first one, seconds; never going back.
        frame: (H, W, 3) RGB, uint8, upright.
        done: share of the video up to here, 0 to 1; 0 where the file does not say how long it is.
    """

    at_s: float
    frame: Picture
    done: float


def moments(data: bytes, name: str, limits: VideoLimits = DEFAULT_VIDEO_LIMITS) -> Iterator[Moment]:
    """The frames of a video, one at a time; what comes before a damaged place is given.

    Args:
        data: the file.
        name: what errors call it.
        limits: what to refuse. What the file says of itself is checked first, then what it holds.

    Raises:
        DataError: empty, too large, too long, no video, damaged, or without a frame.
    """
    import av

    if not data:
        raise DataError(f"{name} is empty; choose a video file.")
    if len(data) > limits.max_bytes:
        most = limits.max_bytes / 2**20
        raise DataError(f"{name} has {len(data) / 2**20:.0f} MB; up to {most:.0f} MB are taken. Cut it shorter.")
    given = 0
    try:
        # The demuxer must not follow addresses that the file holds (playlists name other files and servers).
        options = {"protocol_whitelist": "pipe"}
        with av.open(io.BytesIO(data), metadata_errors="ignore", options=options) as file:
            for moment in _decode(file, name, limits):
                given += 1
                yield moment
    except (av.error.FFmpegError, ValueError, UnicodeDecodeError) as error:
        what = "cannot be read to its end" if given else "is no video that can be read"
        raise DataError(f"{name} {what} ({type(error).__name__}); save it as MP4 or WebM and try again.") from error
    if not given:
        raise DataError(f"{name} has no frame; choose a video with pictures.")


def _decode(file: object, name: str, limits: VideoLimits) -> Iterator[Moment]:
    """The frames of an open file."""
    import av

    if not isinstance(file, av.container.InputContainer) or not file.streams.video:
        raise DataError(f"{name} has no picture, only other streams; choose a video.")
    stream = file.streams.video[0]
    stream.thread_count = 1
    whole_s = float(file.duration / av.time_base) if file.duration else math.nan
    if whole_s > limits.max_s:
        raise DataError(f"{name} lasts {whole_s:.0f} s; up to {limits.max_s:.0f} s are taken. Cut it shorter.")
    _check_size(name, stream.codec_context.width, stream.codec_context.height, limits)
    began_s, last_s, next_s = math.nan, 0.0, 0.0
    for place, frame in enumerate(file.decode(stream)):
        time_s = place / 25 if frame.time is None else float(frame.time)
        began_s = time_s if math.isnan(began_s) else began_s
        last_s = max(last_s, time_s - began_s)
        if last_s > limits.max_s:
            raise DataError(f"{name} lasts longer than {limits.max_s:.0f} s, which is what is taken. Cut it shorter.")
        _check_size(name, frame.width, frame.height, limits)
        if last_s + 1e-6 < next_s:
            continue
        next_s = last_s + 0.9 / limits.max_per_s
        yield Moment(last_s, _upright(frame), min(1.0, last_s / whole_s) if whole_s > 0 else 0.0)


def _check_size(name: str, width: int, height: int, limits: VideoLimits) -> None:
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise DataError(
            f"{name} has frames of {width} x {height} pixels; up to {limits.max_pixels:,} pixels and "
            f"{limits.max_side:,} a side are taken. Save it smaller, for example as 1280 x 720."
        )


def _upright(frame: object) -> Picture:
    """A frame as RGB, turned as a telephone says that it was held."""
    import av

    if not isinstance(frame, av.VideoFrame):
        raise DataError("A frame of the video is no picture; save it as MP4 or WebM and try again.")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns), np.uint8)

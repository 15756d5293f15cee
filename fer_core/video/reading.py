"""Frames of a video from outside, one after the other, upright, each with its time.

A video is a file somebody else made: its container must be a known one, its size and length are looked at before a
frame is decoded, and no more than one frame is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import VideoError
from fer_core.video.containers import container_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

Picture = NDArray[np.uint8]

_GIB = 2**30
_RATE_IF_UNSTATED = 25.0


@dataclass(frozen=True)
class VideoLimits:
    """What a video may be at most.

    Attributes:
        max_bytes: size of the file in bytes.
        max_pixels: width times height of a frame; 4K cinema is 8.8 million.
        max_seconds: length.
        max_frames: frames.
    """

    max_bytes: int = 8 * _GIB
    max_pixels: int = 9_000_000
    max_seconds: float = 4 * 3600.0
    max_frames: int = 1_000_000


DEFAULT_LIMITS = VideoLimits()


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video without decoding it.

    Attributes:
        container: FFmpeg's name of it.
        codec: FFmpeg's name of the pictures' coding.
        width: of a frame as stored, pixels; a turned video is shown with width and height exchanged.
        height: likewise.
        frames: packets of pictures in the file, which is the number of frames unless some are damaged.
        duration_s: from the first frame to the end of the last, seconds.
        stated_s: as the container states it; None where it does not.
        rate: frames per second on average, as stated; where it is not, 25.
    """

    container: str
    codec: str
    width: int
    height: int
    frames: int
    duration_s: float
    stated_s: float | None
    rate: float


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame.

    Attributes:
        at_s: seconds since the first frame, never going back.
        pixels: (H, W, 3) RGB, uint8, upright.
    """

    at_s: float
    pixels: Picture


def survey(path: Path, limits: VideoLimits = DEFAULT_LIMITS) -> VideoInfo:
    """Reads a video through without decoding it: recordings of a browser, for one, do not state their length.

    Raises:
        VideoError: not a video, damaged so that nothing can be read, without pictures, or beyond `limits`.
    """
    with _opened(path, limits) as container:
        stream = _stream(container, path, limits)
        frames, first_s, last_s = 0, np.inf, -np.inf
        for packet in _packets(container, stream):
            if packet.size and not packet.is_discard:
                frames += 1
                if packet.pts is not None and packet.time_base is not None:
                    at_s = float(packet.pts * packet.time_base)
                    first_s, last_s = min(first_s, at_s), max(last_s, at_s)
            if frames > limits.max_frames:
                raise VideoError(f"{path.name} has more than {limits.max_frames:,} frames; cut it into parts.")
        rate = float(stream.average_rate or 0) or _RATE_IF_UNSTATED
        duration_s = last_s - first_s + 1 / rate if last_s >= first_s else frames / rate
        stated_s = None if container.duration is None else container.duration / 1e6
        codec = stream.codec_context
        about = VideoInfo(
            str(container.format.name), codec.name, codec.width, codec.height, frames, duration_s, stated_s, rate
        )
    if not frames:
        raise VideoError(f"{path.name} is a video without a single frame; record or copy it again.")
    if duration_s > limits.max_seconds:
        raise VideoError(
            f"{path.name} lasts {duration_s / 3600:,.1f} hours; at most {limits.max_seconds / 3600:g} are read. "
            "Cut it into parts."
        )
    return about


class Film:
    """A video to be read from its beginning to its end, once.

    Args:
        path: the file.
        limits: sizes to refuse.

    Attributes:
        about: what `survey` says.
        damaged: packets and frames that could not be decoded whole so far.
        changed: frames so far whose size was another than the first one's.

    Raises:
        VideoError: as `survey`.
    """

    def __init__(self, path: Path, limits: VideoLimits = DEFAULT_LIMITS) -> None:
        self.path, self.limits = path, limits
        self.about = survey(path, limits)
        self.damaged = 0
        self.changed = 0

    def frames(self) -> Iterator[Shot]:
        """The frames in the order in which they are shown. Damaged packets are left out and counted.

        Raises:
            VideoError: not one frame can be decoded, or one is beyond the limits.
        """
        began_s, at_s, size, n = None, 0.0, (0, 0), 0
        with _opened(self.path, self.limits) as container:
            for frame in self._decoded(container):
                if frame.width * frame.height > self.limits.max_pixels:
                    raise _too_large(self.path, frame.width, frame.height, self.limits)
                stated_s = frame.time
                if stated_s is None:
                    at_s += 1 / self.about.rate if n else 0.0
                else:
                    began_s = stated_s if began_s is None else began_s
                    at_s = max(at_s, stated_s - began_s)
                size = size if n else (frame.width, frame.height)
                self.changed += size != (frame.width, frame.height)
                n += 1
                yield Shot(at_s, _upright(frame))
        if not n:
            raise VideoError(
                f"{self.path.name} begins like a video, but none of its {self.about.frames:,} frames can be decoded. "
                "It is damaged or cut short: copy or download it again."
            )

    def _decoded(self, container: InputContainer) -> Iterator[Any]:
        from av.error import FFmpegError

        for packet in _packets(container, _stream(container, self.path, self.limits)):
            try:
                found = packet.decode()
            except FFmpegError:
                self.damaged += 1
                continue
            for frame in found:
                if frame.is_corrupt:  # what is missing was made up by the decoder
                    self.damaged += 1
                else:
                    yield frame


def _opened(path: Path, limits: VideoLimits) -> InputContainer:
    import av

    kind = container_of(path)
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise VideoError(
            f"{path.name} has {size / _GIB:.1f} GiB; at most {limits.max_bytes / _GIB:g} are read. Cut it into parts."
        )
    try:
        return av.open(
            str(path.resolve()), format=kind, options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(
            f"{path.name} begins like a video ({kind}) but cannot be read ({_reason(error)}). It is damaged or cut "
            "short: copy or download it again."
        ) from error


def _stream(container: InputContainer, path: Path, limits: VideoLimits) -> VideoStream:
    """The first stream of moving pictures; the cover of a piece of music is none."""
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise VideoError(f"{path.name} holds no moving pictures, only sound or a cover; give a video.")
    codec = moving[0].codec_context
    if codec is None or not codec.name:
        raise VideoError(f"{path.name} is coded in a way that cannot be read here; save it as H.264 in MP4.")
    if codec.width * codec.height > limits.max_pixels:
        raise _too_large(path, codec.width, codec.height, limits)
    codec.options = {"max_pixels": str(limits.max_pixels)}  # a later frame may state another size
    moving[0].thread_type = "AUTO"
    return moving[0]


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Any]:
    """Packets until the file ends, be it in the middle of one."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, FFmpegError):
            return
        yield packet


def _too_large(path: Path, width: int, height: int, limits: VideoLimits) -> VideoError:
    return VideoError(
        f"{path.name} has frames of {width} x {height} pixels; at most {limits.max_pixels / 1e6:g} million pixels are "
        "read. Save it smaller."
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _upright(frame: Any) -> Picture:
    """The frame's pixels turned as the file says; phones store what was held upright lying."""
    pixels = frame.to_ndarray(format="rgb24")
    quarters = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else np.asarray(pixels, np.uint8)

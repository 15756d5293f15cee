"""Videos made for a test: a bright square that moves, in any container, at any times."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.fer_core.live.standins import frame

Picture = NDArray[np.uint8]


def moving(n: int, size: tuple[int, int] = (320, 240)) -> list[Picture]:
    """Frames with one textured square of 96 pixels that goes one pixel to the right at each."""
    return [frame(100 + i % 60, 60, 96, size) for i in range(n)]


def film(path: Path, frames: Sequence[Picture], times_ms: Sequence[int] = (), codec: str = "mpeg4") -> Path:
    """Writes a video; its container is the suffix's. Times default to 25 frames a second."""
    times = times_ms or [40 * i for i in range(len(frames))]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        tick = Fraction(1, 25) if codec == "mpeg2video" else Fraction(1, 1000)  # the former knows few others
        stream.codec_context.time_base = tick
        for pixels, at_ms in zip(frames, times, strict=True):
            one = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            one.pts, one.time_base = round(Fraction(at_ms, 1000) / tick), tick
            container.mux(stream.encode(one))
        container.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    """A file with a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=16_000)
        for start in range(0, 16_000, 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 16_000, start
            container.mux(stream.encode(silence))
        container.mux(stream.encode())
    return path


def turned(path: Path) -> Path:
    """The MP4 with "show it turned by 90 degrees clockwise" in the header of its track, as a phone writes it."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2, version 0: the matrix follows 40 bytes of other fields
    matrix = (0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big") for value in matrix)
    path.write_bytes(data)
    return path

"""Short videos made of the sample photograph."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np

from fer_core.sample import sample_photograph


def film(frames: int = 20, per_s: int = 10, size: tuple[int, int] = (320, 240), form: str = "mp4") -> bytes:
    """A face that stands still, `frames` long; no frame at all where that is 0."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as file:
        stream = file.add_stream("mpeg4", rate=per_s)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, per_s)
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        face = sample_photograph()[20 : 20 + size[1], 100 : 100 + size[0]]
        picture[: face.shape[0], : face.shape[1]] = face
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = i
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return out.getvalue()

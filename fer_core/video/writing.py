"""A video that browsers play: VP9 in WebM, which Chromium, Firefox and Safari read without a licensed decoder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

LONGEST_PX = 1280
_CLOCK_HZ = 1000  # of WebM: times are in milliseconds
# As fast as it goes: the encoder must not take longer than the models. A key frame every 60 makes a click into the
# middle of the video show at once.
_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "34", "b": "0", "g": "60"}


class WebM:
    """Writes frames as they come; the first one's size is the video's. Used as a context manager.

    Args:
        path: of the file; one that is there is replaced. Without a frame none is made.
        rate: frames per second on average, for the encoder; each frame keeps its own time.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self.rate = path, rate
        self._container: Any = None
        self._stream: Any = None
        self._last_ms = -1

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.mux(self._stream.encode())
            self._container.close()

    def add(self, picture: Picture, at_s: float) -> None:
        """One frame, (H, W, 3) RGB uint8, and its time in seconds, later than the one before.

        A frame of other proportions than the first stands in the middle of black.
        """
        import av

        if self._container is None:
            self._open(picture.shape[1], picture.shape[0])
        frame = av.VideoFrame.from_ndarray(_fitted(picture, self._stream.width, self._stream.height), format="rgb24")
        self._last_ms = frame.pts = max(self._last_ms + 1, round(at_s * _CLOCK_HZ))
        frame.time_base = Fraction(1, _CLOCK_HZ)
        self._container.mux(self._stream.encode(frame))

    def _open(self, width: int, height: int) -> None:
        import av

        factor = min(1.0, LONGEST_PX / max(width, height))
        rate = Fraction(min(max(self.rate, 1.0), 240.0)).limit_denominator(1001)
        self._container = av.open(str(self.path), "w", format="webm")
        stream = self._container.add_stream("libvpx-vp9", rate=rate, options=_OPTIONS)
        stream.width, stream.height = (max(2, round(side * factor / 2) * 2) for side in (width, height))
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _CLOCK_HZ)
        self._stream = stream


def _fitted(picture: Picture, width: int, height: int) -> Picture:
    """(height, width, 3) the picture as large as it fits."""
    rows, columns = picture.shape[:2]
    if (columns, rows) == (width, height):
        return np.ascontiguousarray(picture)
    factor = min(width / columns, height / rows)
    size = (min(width, max(1, round(columns * factor))), min(height, max(1, round(rows * factor))))
    if abs(size[0] - width) <= 2 and abs(size[1] - height) <= 2:  # even sides, not other proportions
        size = (width, height)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    out = np.zeros((height, width, 3), np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    out[top : top + size[1], left : left + size[0]] = small
    return out

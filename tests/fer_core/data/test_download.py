"""Downloads: from a server of this test's own, through stand-ins of the libraries, and not at all without a network."""

import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fer_core.data.download import SOURCES, Source, fetch, watch
from fer_core.data.staging import staged
from fer_core.errors import DownloadError, FERScopeError

VOTES = b"Usage,Image name,neutral,happiness\nTraining,fer0000000.png,4,0\n"


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(403)  # a server that says no is there all the same
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/missing.csv":
            self.send_error(404)
            return
        short = self.path == "/short.csv"
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/page.csv" else "text/plain")
        self.send_header("Content-Length", str(len(VOTES) + (100 if short else 0)))
        self.end_headers()
        self.wfile.write(VOTES)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_core.data.download.named.check_reachable", lambda *_: None)


def add(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    base = {
        "name": "made",
        "title": "Made up",
        "kind": "https",
        "where": "",
        "page": "https://example.org/data",
        "files": "votes.csv",
        "place": "votes.csv",
        "terms": "free",
        "size_mb": 1,
        "citation": "nobody",
    }
    monkeypatch.setitem(SOURCES, "made", Source(**(base | values)))


def test_the_registry_tells_what_a_person_needs() -> None:
    assert {"fer2013", "fer2013-csv", "ferplus", "kdef", "raf-db", "affectnet", "ck+", "jaffe"} <= set(SOURCES)
    for name, source in SOURCES.items():
        assert source.name == name
        assert bool(source.where) == (source.kind != "request")
        assert source.page.startswith("http")
        assert 0 < source.size_mb < 20_000
        assert source.page in source.by_hand()
        assert source.terms in source.by_hand()
    assert SOURCES["fer2013"].where == "msambare/fer2013"
    assert SOURCES["ferplus"].where.startswith("https://raw.githubusercontent.com/")


def test_one_file_over_http(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, where=f"{server}/votes.csv")
    told: list[tuple[int, int]] = []
    found = fetch("made", tmp_path / "data", lambda done, total: told.append((done, total)))
    assert found == tmp_path / "data" / "votes.csv"
    assert found.read_bytes() == VOTES
    assert told[-1] == (1_000_000, 1_000_000)
    assert [p.name for p in tmp_path.iterdir()] == ["data"]
    with pytest.raises(DownloadError, match="is there already"):
        fetch("made", tmp_path / "data")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing.csv", "failed .*Not Found"),
        ("short.csv", f"only {len(VOTES)} of {len(VOTES) + 100} bytes"),
        ("page.csv", "gives a web page"),
    ],
)
def test_half_files_and_wrong_files_are_not_kept(
    path: str, reason: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, where=f"{server}/{path}")
    with pytest.raises(DownloadError, match=f"{reason}.*Get votes.csv from https://example.org/data"):
        fetch("made", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
    module = ModuleType(name)
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("reachable")
def test_a_data_set_from_kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def dataset_download(handle: str, output_dir: str) -> str:
        asked.append(handle)
        for label in ("train/angry", "test/happy", ".complete"):
            (Path(output_dir) / label).mkdir(parents=True)
            (Path(output_dir) / label / "1.jpg").write_bytes(b"x" * 1000)
        return output_dir

    stand_in(monkeypatch, "kagglehub", dataset_download=dataset_download)
    found = fetch("fer2013", tmp_path / "data")
    assert asked == ["msambare/fer2013"]
    assert found == tmp_path / "data"
    assert sorted(p.relative_to(found).as_posix() for p in found.rglob("*.jpg")) == [
        "test/happy/1.jpg",
        "train/angry/1.jpg",
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


@pytest.mark.usefixtures("reachable")
def test_a_competition_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def competition_download(handle: str, path: str, output_dir: str) -> str:
        (Path(output_dir) / "half.csv").write_text("half")
        raise RuntimeError(f"403 for {handle}/{path}: accept the rules")

    stand_in(monkeypatch, "kagglehub", competition_download=competition_download)
    with pytest.raises(
        DownloadError, match=r"accept the rules.*Get icml_face_data.csv or fer2013.tar.gz from https"
    ) as e:
        fetch("fer2013-csv", tmp_path / "data")
    assert "as a path or an upload" in str(e.value)
    assert isinstance(e.value.__cause__, RuntimeError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("reachable")
def test_stopping_and_standing_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def dataset_download(handle: str, output_dir: str) -> str:  # noqa: ARG001
        go_on.wait(20)
        (Path(output_dir) / "late").mkdir(parents=True)
        return output_dir

    stand_in(monkeypatch, "kagglehub", dataset_download=dataset_download)
    begun = time.monotonic()
    with pytest.raises(DownloadError, match="was stopped; nothing was kept"):
        fetch("fer2013", tmp_path / "data", stop=lambda: True)
    impatient = watch.Watch("Do it by hand.", 1, stall_seconds=0.3)
    with (
        pytest.raises(DownloadError, match=r"stood still for 0\.3 seconds and was given up\. Do it by hand\."),
        staged(tmp_path / "data", DownloadError) as staging,
    ):
        watch.watched(lambda: dataset_download("", str(staging)), staging, impatient)
    assert time.monotonic() - begun < 5
    assert list(tmp_path.iterdir()) == []
    go_on.set()
    for thread in threading.enumerate():
        if isinstance(thread, watch._Work):
            thread.join(5)
    assert list(tmp_path.iterdir()) == []  # what came late is cleared away too


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if s.kind == "request"])
def test_what_must_be_asked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="given out by its authors alone") as caught:
        fetch(name, tmp_path / "data")
    assert SOURCES[name].page in str(caught.value)
    assert issubclass(DownloadError, FERScopeError)


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no data set 'fer2014' to download; there are fer2013, "):
        fetch("fer2014", tmp_path / "data")


def test_a_server_that_says_no_is_reachable(server: str) -> None:
    looking = watch.Watch("Do it by hand.", 1)
    watch.check_reachable(server, looking)
    with pytest.raises(DownloadError, match=r"cannot be reached from this machine .* Do it by hand\."):
        watch.check_reachable("http://127.0.0.1:9", looking)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose names lead nowhere, also where this test's machine has a network."""

    def nowhere(*_: object, **__: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", nowhere)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["fer2013", "fer2013-csv", "ferplus", "kdef"])
def test_without_a_network_it_says_within_seconds_what_to_get_where(name: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(DownloadError, match="Name or service not known") as caught:
        fetch(name, tmp_path / "data")
    assert time.monotonic() - begun < 10
    assert SOURCES[name].files in str(caught.value)
    assert SOURCES[name].page in str(caught.value)
    assert list(tmp_path.iterdir()) == []

"""A running app and a real Chromium to look at it with."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-dev.txt")

playwright.expect.set_options(timeout=60_000)

ROOT = Path(__file__).resolve().parents[2]
APP = ("-m", "streamlit", "run", "app.py")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def app_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's workspace, empty at first."""
    return tmp_path_factory.mktemp("workspace")


@contextlib.contextmanager
def serving(home: Path, log: Path, *command: str, **settings: str) -> Iterator[tuple[str, int]]:
    """Address and process number of an app started by `python`, this command and these environment variables."""
    port = _free_port()
    environment = {**os.environ, "FERSCOPE_HOME": str(home), **settings}
    started = [sys.executable, *command, "--server.headless=true", f"--server.port={port}"]
    with log.open("w") as out:
        server = subprocess.Popen(started, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://localhost:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()  # noqa: S310  (our own server)
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.25)
        else:
            pytest.fail(f"the app did not start within a minute:\n{log.read_text()}")
        yield url, server.pid
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def faces(app_home: Path) -> str:
    """Name of a data set in the app's workspace: 42 drawn faces."""
    command = [sys.executable, "-m", "fer_core", "data", "schematic", "--name", "few-drawn", "--subjects", "6"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "FERSCOPE_HOME": str(app_home)}, check=True)
    return "few-drawn"


@pytest.fixture
def worker(app_home: Path) -> Iterator[Callable[[], int]]:
    """Number of the worker's process; 0 where none was started yet. It and what it has started end with the test.

    A job that a failed test leaves is cancelled, as the next test's worker would go on with it.
    """

    def pid() -> int:
        try:
            return int(json.loads((app_home / "jobs" / "worker.json").read_bytes())["pid"])
        except (FileNotFoundError, ValueError):
            return 0

    yield pid
    for started in (app_home / "jobs").glob("*/*/started"):
        if not (started.parent / "result.json").exists():
            _end(int(started.read_text()))
    _end(pid())
    command = [sys.executable, "-m", "training", "jobs"]
    environment = {**os.environ, "FERSCOPE_HOME": str(app_home)}
    listed = subprocess.run([*command, "list", "--json"], cwd=ROOT, env=environment, check=True, capture_output=True)
    for job in json.loads(listed.stdout):
        if job["ended"] is None:
            subprocess.run([*command, "cancel", str(job["id"])], cwd=ROOT, env=environment, check=True)


def _end(pid: int) -> None:
    if pid and Path(f"/proc/{pid}/cmdline").exists() and b"python" in Path(f"/proc/{pid}/cmdline").read_bytes():
        os.kill(pid, signal.SIGTERM)


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, app_home: Path) -> Iterator[str]:
    """Address of the app as its user starts it."""
    log = tmp_path_factory.mktemp("app") / "log"
    with serving(app_home, log, *APP) as (url, _):
        yield url
        assert "Traceback" not in log.read_text()


@pytest.fixture(scope="session")
def live_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The app whose Live page can be looked into and broken."""
    from tests.browser.live_tools import LiveApp

    home = tmp_path_factory.mktemp("live")
    log = home / "log"
    with serving(home, log, "-m", "tests.browser.live_app") as (url, pid):
        yield LiveApp(url, pid, home)
        assert "Uncaught app exception" not in log.read_text()


@pytest.fixture(scope="session")
def moving_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film for the camera: the sample photograph's face moving."""
    from tests.browser.live_tools import moving_face

    return moving_face(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """The browser that is installed, otherwise Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(params=["light"])
def page(request: pytest.FixtureRequest, chromium: object) -> Iterator[object]:
    """A fresh tab; parametrise with "dark" for the other theme."""
    context = chromium.new_context(
        color_scheme=request.param, viewport={"width": 1360, "height": 1800}, permissions=["camera"]
    )
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    yield tab
    context.close()

"""A running app and a real Chromium to look at it with."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-dev.txt")

playwright.expect.set_options(timeout=60_000)

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, app_home: Path) -> Iterator[str]:
    """Address of the app as its user starts it."""
    with running_app(tmp_path_factory.mktemp("app") / "log", FERSCOPE_HOME=str(app_home)) as url:
        yield url


@contextlib.contextmanager
def running_app(log: Path, **settings: str) -> Iterator[str]:
    """An app with these environment variables, until the block ends; its address."""
    port = _free_port()
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
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
        yield url
        assert "Traceback" not in log.read_text()
    finally:
        server.terminate()
        server.wait(timeout=30)


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

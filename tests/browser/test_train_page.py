"""The Train page in a real browser: launch, watch the curve move, refresh, kill the worker, see it recover, cancel."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.drawing import settled

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
DATA = "few-drawn"
TINY = "model.arguments={filters: [2], hidden: [4]}\nepochs=100000"


@pytest.fixture
def faces(app_home: Path) -> str:
    """42 drawn faces or a few more, in the app's workspace."""
    command = [sys.executable, "-m", "fer_core", "data", "schematic", "--name", DATA, "--subjects", "6"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "FERSCOPE_HOME": str(app_home)}, check=True)
    return DATA


@pytest.fixture
def worker(app_home: Path) -> Iterator[Callable[[], int]]:
    """Number of the worker's process; 0 where none was started yet. It and what it has started end with the test."""

    def pid() -> int:
        try:
            return int(json.loads((app_home / "jobs" / "worker.json").read_bytes())["pid"])
        except (FileNotFoundError, ValueError):
            return 0

    yield pid
    for started in (app_home / "jobs").glob("*/*/started"):
        if not (started.parent / "result.json").exists():
            end(int(started.read_text()))
    end(pid())


def end(pid: int) -> None:
    if pid and Path(f"/proc/{pid}/cmdline").exists() and b"python" in Path(f"/proc/{pid}/cmdline").read_bytes():
        os.kill(pid, signal.SIGTERM)


def until(ready: Callable[[], Any], patience_s: float = 180.0) -> Any:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.2)
    raise AssertionError("it took too long")


def points(page: Page) -> int:
    """How many epochs the curve of the validation loss has."""
    return int(
        page.evaluate(
            "Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data || [])"
            ".filter(line => line.meta === 'validation').map(line => line.x.length))"
        )
    )


def view(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def test_launch_watch_refresh_kill_the_worker_recover_cancel(
    app_url: str, app_home: Path, page: Page, faces: str, worker: Callable[[], int]
) -> None:
    page.goto(f"{app_url}/Train?data={faces}&recipe=fec-cnn-sweep")
    page.get_by_text("More", exact=True).click()
    more = page.get_by_role("textbox", name="Other changes, one a line: key=value")
    more.fill("epoch=5")
    more.press("Control+Enter")
    expect(page.get_by_role("alert").get_by_text("did you mean epochs?")).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    more.fill(TINY)
    more.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name="Start training").click()

    # The queue shows how far it is, and the curve grows by itself.
    expect(page.get_by_text(re.compile(r"step [\d,]+ of [\d,]+"))).to_be_visible(timeout=180_000)
    page.get_by_role("button", name="Curves").click()
    before = until(lambda: points(page))
    until(lambda: points(page) > before)

    # Another tab of the same address sees the same run.
    page.reload()
    until(lambda: points(page) > before)

    # The worker is killed: the run goes on, and the page starts another worker.
    killed = worker()
    assert killed
    os.kill(killed, signal.SIGKILL)
    at_kill = points(page)
    until(lambda: points(page) > at_kill)
    until(lambda: worker() != killed)

    # Cancelled under the new worker, it keeps its state and says so.
    view(page, "Queue")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible(timeout=180_000)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert (app_home / "runs" / "fec-cnn-sweep" / "last.ckpt").exists()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)

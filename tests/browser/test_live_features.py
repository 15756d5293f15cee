"""What only a browser can tell of the Live page: the picture's way, changes while it plays, and a second viewer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import APP, serving
from tests.browser.live_tools import (
    camera,
    camera_tab,
    counted,
    expect,
    no_exception,
    open_live,
    press_start,
    wait_for_frames,
    within,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


FULL = "another camera is live, as many as this machine takes at once"
WAITING = "The browser asks whether this page may use the camera"  # below START


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with a place for one live camera."""
    folder = tmp_path_factory.mktemp("one-camera")
    with serving(folder / "home", folder / "log", *APP, FERSCOPE_LIVE_STREAMS="1") as (address, _):
        yield address


def free(tab: Any) -> bool:
    """Whether START is there now, after another look."""
    if tab.get_by_text(FULL).count():
        tab.get_by_role("button", name="Look again").click()
        tab.wait_for_timeout(1_000)
    return not tab.get_by_text(FULL).count() and tab.get_by_text(WAITING).count() > 0


def test_changes_do_not_stop_the_picture(url: str, chromium: Any, moving_film: Path, tmp_path: Path) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, url)
        expect(tab.get_by_text("connected; direct, on this machine or network (host, host).")).to_be_visible()
        expect(tab.get_by_text(re.compile(r"^1 face in \d+ s"))).to_be_visible()  # while it plays
        expect(tab.get_by_text(re.compile("Real time means here"))).to_be_visible()

        tab.get_by_test_id("stSidebar").get_by_text("Saliency map").click()
        first_map = re.compile(r"The map: Grad-CAM at features\.stage4\.2\.relu, 6 x 6 cells")
        expect(tab.get_by_text(first_map)).to_be_visible(timeout=120_000)  # its package takes seconds to load
        before = counted(tab, "Shown")
        tab.get_by_role("combobox", name="Checkpoint").click()
        tab.get_by_role("option", name="compact-teacher").click()
        expect(tab.get_by_text(re.compile(r"Grad-CAM at features\.stage4\.1\.relu"))).to_be_visible()
        expect(camera(tab).get_by_role("button", name="STOP")).to_be_visible()
        wait_for_frames(tab, name="Shown")
        assert counted(tab, "Shown") > before >= 30  # counted on: the same session, the same stream
        tab.emulate_media(color_scheme="dark")
        tab.screenshot(path=str(tmp_path / "live.png"))
        no_exception(tab)


def test_one_viewer_too_many_waits_until_a_tab_is_closed(url: str, chromium: Any, moving_film: Path) -> None:
    with camera_tab(chromium) as second:
        with camera_tab(chromium, moving_film) as first:
            open_live(first, url)
            assert within(30, lambda: free(first))  # the place of an earlier viewer may not be free yet
            camera(first).get_by_role("button", name="START").click()
            expect(first.get_by_text("connected; direct, on this machine or network (host, host).")).to_be_visible()

            open_live(second, url)
            expect(second.get_by_text(FULL)).to_be_visible()
            assert not free(second)
        assert within(60, lambda: free(second))
        expect(camera(second).get_by_role("button", name="START")).to_be_visible()

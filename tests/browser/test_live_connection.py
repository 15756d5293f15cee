"""The Live page where the network is cut and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.live_tools import (
    LiveApp,
    camera,
    camera_tab,
    counted,
    expect,
    no_exception,
    press_start,
    wait_for_frames,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_network_cut_is_told_and_the_picture_begins_again(live_app: LiveApp, chromium: Any, moving_film: Path) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, live_app.url)
        wait_for_frames(tab)
        with live_app.breaking("network-cut"):
            expect(tab.get_by_text("No picture ha").first).to_be_visible()
            # The browser gives the connection up after some seconds.
            start = camera(tab).get_by_role("button", name="START")
            expect(start).to_be_visible()
            expect(tab.get_by_text("the connection or the camera was lost. START begins again")).to_be_visible()
        before = counted(tab, "In")
        start.click()
        wait_for_frames(tab)
        assert counted(tab, "In") > before >= 30  # the session is the same one
        expect(tab.get_by_text("No picture ha")).to_have_count(0)
        no_exception(tab)


def test_page_that_loses_its_server_for_a_moment_keeps_its_picture(
    live_app: LiveApp, chromium: Any, moving_film: Path
) -> None:
    with camera_tab(chromium, moving_film) as tab:
        tab.add_init_script(
            "const Real = WebSocket; window.sockets = [];"
            "window.WebSocket = class extends Real { constructor(...a) { super(...a); window.sockets.push(this); } };"
        )
        press_start(tab, live_app.url)
        wait_for_frames(tab)
        before = tab.evaluate("sockets.length")
        tab.evaluate("sockets.forEach(socket => socket.close())")
        tab.wait_for_function("n => sockets.length > n && sockets.at(-1).readyState === 1", arg=before)
        wait_for_frames(tab)
        expect(camera(tab).get_by_role("button", name="STOP")).to_be_visible()
        no_exception(tab)

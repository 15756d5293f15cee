"""The Live page where the camera is refused, missing, taken away, of changing size, or in a tab that sleeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.live_tools import (
    FAKE,
    LiveApp,
    camera,
    camera_tab,
    counted,
    expect,
    inside,
    no_exception,
    press_start,
    wait_for_frames,
    within,
)

# Told to keep its resolution, the browser sends no smaller picture of its own accord where the machine is busy.
SEND_SMALLER = """factor => {
    const sender = connection.getSenders().find(sender => sender.track?.kind === "video"), how = sender.getParameters();
    sender.track.contentHint = "detail";
    how.degradationPreference = "maintain-resolution";
    how.encodings[0].scaleResolutionDownBy = factor;
    return sender.setParameters(how);
}"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_camera_that_is_refused_is_explained_and_may_be_allowed_later(live_app: LiveApp, chromium: Any) -> None:
    with camera_tab(chromium, arguments=FAKE[1:], permissions=[]) as tab:
        press_start(tab, live_app.url)
        expect(camera(tab).get_by_text("NotAllowedError")).to_be_visible()
        expect(tab.get_by_text("it was refused; allow it at the sign beside the address")).to_be_visible()
        no_exception(tab)
        tab.context.grant_permissions(["camera"])
        camera(tab).get_by_role("button", name="START").click()
        wait_for_frames(tab)


def test_machine_without_a_camera_is_told_so(live_app: LiveApp, chromium: Any) -> None:
    with camera_tab(chromium, arguments=FAKE[:1]) as tab:
        press_start(tab, live_app.url)
        expect(camera(tab).get_by_text("NotFoundError")).to_be_visible()
        expect(tab.get_by_text("no camera is connected")).to_be_visible()
        expect(camera(tab).get_by_role("button", name="START")).to_be_visible()
        no_exception(tab)


def test_camera_taken_away_is_told_and_comes_back(live_app: LiveApp, chromium: Any, moving_film: Path) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, live_app.url)
        wait_for_frames(tab)
        inside(tab).evaluate(
            "cameraStream.getVideoTracks().forEach(track => { track.stop(); track.dispatchEvent(new Event('ended')); })"
        )
        expect(tab.get_by_text("No picture has come from the camera for")).to_be_visible()
        camera(tab).get_by_role("button", name="STOP").click()
        camera(tab).get_by_role("button", name="START").click()
        wait_for_frames(tab)
        expect(tab.get_by_text("No picture ha")).to_have_count(0)
        no_exception(tab)


def test_frames_of_changing_size_keep_their_face(live_app: LiveApp, chromium: Any, moving_film: Path) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, live_app.url)
        wait_for_frames(tab)
        frame = inside(tab)
        for factor in (2, 4, 1):
            frame.evaluate(SEND_SMALLER, factor)
            width = 640 // factor
            assert within(30, lambda w=width: frame.evaluate("document.querySelector('video').videoWidth") == w), width
            begun = counted(tab, "Classified")
            wait_for_frames(tab)
            if width >= 320:  # in 160 pixels the face is 37 wide, little more than a look is trusted to find
                assert within(30, lambda n=begun: counted(tab, "Classified") > n)
        expect(tab.get_by_test_id("stAlert").get_by_text("failed")).to_have_count(0)
        no_exception(tab)


def test_tab_that_slept_shows_the_present(live_app: LiveApp, chromium: Any, moving_film: Path) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, live_app.url)
        wait_for_frames(tab)
        browser = tab.context.new_cdp_session(tab)
        browser.send("Page.setWebLifecycleState", {"state": "frozen"})  # what Chromium does to a tab long hidden
        tab.wait_for_timeout(5_000)
        browser.send("Page.setWebLifecycleState", {"state": "active"})
        wait_for_frames(tab)
        frame = inside(tab)
        frame.evaluate("watchLag()")
        tab.wait_for_timeout(3_000)
        seen = frame.evaluate("takeSeen()")
        captured = {number: at_ms for number, at_ms, *_ in seen["camera"]}
        lags = sorted(at_ms - captured[number] for number, at_ms, *_ in seen["shown"] if number in captured)
        assert lags[len(lags) // 2] < 1_500  # five seconds of frames are not shown late
        no_exception(tab)

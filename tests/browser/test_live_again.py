"""The Live page left and entered again ten times: threads and memory return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.browser.live_tools import (
    LiveApp,
    camera,
    camera_tab,
    expect,
    no_exception,
    press_start,
    wait_for_frames,
    within,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Of a stream: the session's models, aiortc's decoder, streamlit-webrtc's watcher, its offer.
OF_A_STREAM = ("live-model", "decoder", "ShutdownPolling", "process_offer", "async_media")
ROUNDS = 10


def test_ten_times_left_and_entered(live_app: LiveApp, chromium: Any, moving_film: Path) -> None:
    process = psutil.Process(live_app.pid)

    def of_streams() -> list[str]:
        return [name for name in live_app.threads() if name.startswith(OF_A_STREAM)]

    assert within(30, lambda: not of_streams())
    with camera_tab(chromium, moving_film) as tab:
        memory, threads = [], []
        for turn in range(ROUNDS):
            if turn == 0:
                press_start(tab, live_app.url)
            else:
                tab.get_by_test_id("stSidebar").get_by_role("link", name="Live").click()
                tab.get_by_text("Everybody before the camera agrees").click()
                camera(tab).get_by_role("button", name="START").click()
            wait_for_frames(tab, 15, name="Shown")
            assert "live-model" in of_streams()
            tab.get_by_test_id("stSidebar").get_by_role("link", name="Compare").click()
            expect(tab.get_by_role("heading", name="Compare").first).to_be_visible()
            assert within(30, lambda: not of_streams()), of_streams()
            memory.append(process.memory_info().rss)
            threads.append(len(live_app.threads()))
        no_exception(tab)
    assert max(threads[2:]) <= max(threads[:2]) + 1, threads
    # Allocators keep some of what the first rounds asked for; a round that kept its stream would grow by tens of MB.
    assert max(memory[-3:]) < 1.05 * max(memory[2:5]), [m // 2**20 for m in memory]

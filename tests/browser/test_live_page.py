"""The Live page with a fake camera: the sample photograph moving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.live_tools import (
    camera_tab,
    counted,
    no_exception,
    press_start,
    stop_and_export,
    wait_for_frames,
    within,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_moving_face_is_shown_and_recorded(app_url: str, chromium: Any, moving_film: Path, tmp_path: Path) -> None:
    with camera_tab(chromium, moving_film) as tab:
        press_start(tab, app_url)
        wait_for_frames(tab, name="Classified")
        assert within(30, lambda: counted(tab, "Frames per second") >= 5)  # on a machine that does other things too
        tab.screenshot(path=str(tmp_path / "live.png"))
        lines = stop_and_export(tab).splitlines()
        no_exception(tab)
    assert lines[0] == "track,start_s,end_s,expression,mean_probability"
    assert "happy" in "\n".join(lines)

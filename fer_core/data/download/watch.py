"""A download that is watched: it can be stopped, it cannot hang, and it leaves nothing half done."""

from __future__ import annotations

import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import DownloadError

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]

REACH_SECONDS = 8.0
STALL_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_AGENT = {"User-Agent": "ferscope"}


@dataclass(frozen=True)
class Watch:
    """Who looks on.

    Attributes:
        by_hand: sentence that each refusal ends with.
        total_bytes: what is expected, about.
        progress: called with (done, all) bytes in the caller's thread.
        stop: asked now and then in the caller's thread; true ends the download.
        stall_seconds: longest time without a byte more.
    """

    by_hand: str
    total_bytes: int
    progress: Progress | None = None
    stop: Stop | None = None
    stall_seconds: float = STALL_SECONDS

    def refusal(self, reason: str) -> DownloadError:
        """The error for a download that cannot go on, with the way round it."""
        return DownloadError(f"{reason} {self.by_hand}")


class _Work(threading.Thread):
    """Runs a library's call aside; if it is given up, it clears away what it wrote, whenever it returns."""

    def __init__(self, call: Callable[[], object], staging: Path) -> None:
        super().__init__(daemon=True)
        self._call, self._staging = call, staging
        self.error: Exception | None = None
        self.abandoned = threading.Event()

    def run(self) -> None:
        try:
            self._call()
        except Exception as error:  # noqa: BLE001  (handed to the caller's thread, which tells it)
            self.error = error
        if self.abandoned.is_set():
            shutil.rmtree(self._staging, ignore_errors=True)


def watched(call: Callable[[], object], staging: Path, watch: Watch) -> None:
    """Runs `call`, which writes to `staging`, until it is done.

    Raises:
        DownloadError: the call failed, wrote nothing more for too long, or was stopped.
    """
    work = _Work(call, staging)
    work.start()
    size, since, pause = 0, time.monotonic(), _LOOK_SECONDS
    while True:
        work.join(pause)
        if not work.is_alive():
            break
        begun = time.monotonic()
        now = _size_of(staging)
        # Looking through a hundred thousand files must not slow their unpacking down.
        pause = min(max(_LOOK_SECONDS, 10 * (time.monotonic() - begun)), _LONGEST_PAUSE_SECONDS)
        if now != size:
            size, since = now, time.monotonic()
        reason = _reason_to_end(watch, time.monotonic() - since)
        if reason:
            work.abandoned.set()
            raise watch.refusal(reason)
        if watch.progress is not None:
            watch.progress(min(size, watch.total_bytes), watch.total_bytes)
    if work.error is not None:
        raise watch.refusal(f"The download failed ({_told(work.error)}).") from work.error
    if watch.progress is not None:
        watch.progress(watch.total_bytes, watch.total_bytes)


def _reason_to_end(watch: Watch, still_seconds: float) -> str:
    """Why a running download must be given up; empty where it need not."""
    if watch.stop is not None and watch.stop():
        return "The download was stopped; nothing was kept."
    if still_seconds > watch.stall_seconds:
        return f"The download stood still for {watch.stall_seconds:g} seconds and was given up."
    return ""


def check_reachable(address: str, watch: Watch) -> None:
    """Asks a server for a sign of life, within seconds, before a library tries for minutes.

    Raises:
        DownloadError: there is no network, or no such server.
    """
    answers: list[str] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(address, method="HEAD", headers=_AGENT)  # noqa: S310  (our own addresses)
            with urllib.request.urlopen(request, timeout=REACH_SECONDS):  # noqa: S310
                answers.append("")
        except urllib.error.HTTPError as error:
            error.close()
            answers.append("")  # it answers, if only to say no
        except (OSError, ValueError) as error:
            answers.append(_told(error))

    # Looking up a name takes as long as the system likes, whatever the timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    reason = answers[0] if answers else f"no answer within {REACH_SECONDS:g} seconds"
    if reason:
        raise watch.refusal(f"{address} cannot be reached from this machine ({reason}).")


def check_space(folder: Path, needed: int, watch: Watch) -> None:
    """Refuses a download that the disk has no room for, unpacking included.

    Raises:
        DownloadError: less than twice the size is free.
    """
    free = shutil.disk_usage(folder).free
    if free < 2 * needed:
        raise watch.refusal(f"The download needs about {2 * needed / 1e6:,.0f} MB, but {free / 1e6:,.0f} MB are free.")


def _size_of(folder: Path) -> int:
    """Bytes below a folder that is being written to."""
    total = 0
    with suppress(OSError):  # what is listed may be renamed before it is looked at
        for path in folder.rglob("*"):
            with suppress(OSError):
                total += path.lstat().st_size
    return total


def _told(error: BaseException) -> str:
    """The reason in one line of bearable length."""
    reason = getattr(error, "reason", None) or error
    text = " ".join(str(reason).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."

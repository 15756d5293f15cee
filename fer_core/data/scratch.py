"""Where a folder is made before it gets its name."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"


@contextlib.contextmanager
def scratch_beside(place: Path) -> Iterator[Path]:
    """A hidden folder beside `place` that is gone at the end, unless it was renamed.

    It is locked as long as this process lives, so that what a killed one has left is known for it, and removed.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    lock = FileLock(folder / LOCK)
    with FileLock(place.parent / LOCK):
        for left in place.parent.glob(".*.part"):
            with contextlib.suppress(Timeout), FileLock(left / LOCK, timeout=0):
                shutil.rmtree(left, ignore_errors=True)
        folder.mkdir()
        lock.acquire()
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)

"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 180.0  # a machine may be busy


def until(ready: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `ready` gives as soon as it gives something."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.02)
    raise AssertionError("it took too long")

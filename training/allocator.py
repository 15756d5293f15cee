"""Memory that a training step frees is kept for the next one, instead of going back to the system in between."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # glibc's malloc.h
_NEVER, _ALWAYS_HEAP = -1, 0
_USUAL_MMAPS, _MEGABYTE = 65536, 1 << 20


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Within it, large blocks come from the heap and stay there when they are freed.

    By default glibc gives blocks above 32 MB back at once and the system hands out every page of the next step's anew,
    which took a fifth of a step's time on a CPU (docs/training.md). Afterwards it is as it is by default once a program
    has freed large blocks, and what is free is given back. Nothing happens without glibc.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        yield
        return
    mallopt(_MMAP_MAX, _ALWAYS_HEAP)
    mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        mallopt(_MMAP_MAX, _USUAL_MMAPS)
        mallopt(_MMAP_THRESHOLD, 32 * _MEGABYTE)  # up to which the threshold grows by itself, twice that for trimming
        mallopt(_TRIM_THRESHOLD, 64 * _MEGABYTE)
        trim = _glibc("malloc_trim")
        if trim is not None:
            trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)  # musl has none

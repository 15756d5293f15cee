"""How far a method has come. Score-CAM and Ablation-CAM need a pass per channel, which can take minutes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import tqdm  # type: ignore[import-untyped]

Progress = Callable[[int, int], None]

_listener: ContextVar[Progress | None] = ContextVar("listener", default=None)
_running: ContextVar[bool] = ContextVar("running", default=False)


@contextlib.contextmanager
def reporting(progress: Progress) -> Iterator[None]:
    """Explanations that this thread makes within tell `progress` (batches done, batches in all) of the current face.

    What `progress` raises ends the explanation and reaches the caller; the network is handed back as it was.

    >>> with reporting(lambda done, total: print(done, "of", total)):
    ...     pass  # explainer.explain(face, method="scorecam")
    """
    token = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Within, the package's loops report to `reporting` instead of drawing bars."""
    token = _running.set(True)
    try:
        yield
    finally:
        _running.reset(token)


class Bars:
    """Stands where two modules of the package have imported `tqdm`; they offer no other way to keep them quiet."""

    @staticmethod
    def tqdm(items: Iterable[Any], *args: Any, **options: Any) -> Iterable[Any]:
        """The items, counted if the loop runs on our behalf; otherwise with the bar that the package's user expects."""
        if _running.get():
            return _told(items)
        return tqdm.tqdm(items, *args, **options)  # type: ignore[no-any-return]


def _told(items: Iterable[Any]) -> Iterator[Any]:
    all_items, progress = list(items), _listener.get()
    for done, item in enumerate(all_items, 1):
        yield item
        if progress:
            progress(done, len(all_items))

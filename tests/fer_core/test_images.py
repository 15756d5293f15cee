"""Pictures of every kind become RGB as they were meant to be seen."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_core.errors import ImageError
from fer_core.image_formats import FORMATS
from fer_core.images import read_image, to_grey
from tests.fer_core.pictures import TINY, chunk, encoded, photograph, png_by_hand

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


# What a camera held each way stores, for a scene that is  1 2 3  upright (EXIF 2.3, tag 274: where the scene's row 0
#                                                         4 5 6
# and column 0 lie in the stored picture).
STORED = {
    1: [[1, 2, 3], [4, 5, 6]],  # top, left
    2: [[3, 2, 1], [6, 5, 4]],  # top, right
    3: [[6, 5, 4], [3, 2, 1]],  # bottom, right
    4: [[4, 5, 6], [1, 2, 3]],  # bottom, left
    5: [[1, 4], [2, 5], [3, 6]],  # left, top
    6: [[3, 6], [2, 5], [1, 4]],  # right, top
    7: [[6, 3], [5, 2], [4, 1]],  # right, bottom
    8: [[4, 1], [5, 2], [6, 3]],  # left, bottom
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_orientation_puts_the_scene_upright(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.array(STORED[orientation], np.uint8) * 40)
    data = encoded(stored, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = read_image(data, limits=TINY)
    assert upright[:, :, 0].tolist() == [[40, 80, 120], [160, 200, 240]]


def test_orientation_of_a_jpeg():
    # Four flat blocks of 16 x 16 survive JPEG; stored for "6": right column is the scene's top row.
    stored = np.kron(np.array([[40, 200], [120, 80]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = read_image(encoded(Image.fromarray(stored), "JPEG", quality=95, exif=exif))
    assert np.abs(upright[8::16, 8::16, 0].astype(int) - [[120, 40], [80, 200]]).max() <= 2


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_exif_turns_nothing():
    data = encoded(photograph(), "PNG")
    head = 8 + 25  # signature and IHDR
    for exif in (b"II*\0\xff\xff\xff\xff", b"junk", b"MM\0*\0\0\0\x08\x00\x01\x01\x12"):
        spoiled = data[:head] + chunk(b"eXIf", exif) + data[head:]
        np.testing.assert_array_equal(read_image(spoiled), np.asarray(photograph()))


def test_grey_of_16_bits_is_scaled_not_clipped():
    values = [0, 128, 129, 257, 32_768, 65_535]  # / 257 = 0, 0.498, 0.502, 1, 127.5 (rounded up: 127.502), 255
    data = png_by_hand(6, 1, 16, 0, b"\0" + struct.pack(">6H", *values))
    assert read_image(data, limits=TINY)[0].tolist() == [[v] * 3 for v in (0, 0, 1, 1, 128, 255)]


def test_colour_of_16_bits():
    data = png_by_hand(1, 1, 16, 2, b"\0" + struct.pack(">3H", 65_535, 32_768, 0))
    assert read_image(data, limits=TINY)[0, 0].tolist() == [255, 128, 0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),  # unit range; 127.5 rounds to even
        (np.array([[0.0, 100.4, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[0.0, 257.0, 65_535.0]], np.float32), [0, 1, 255]),
        (np.array([[-1.0, 0.0, 3.0]], np.float32), [0, 64, 255]),  # its own range: (0 + 1) / 4 * 255 = 63.75
        (np.array([[0, 7, 255]], np.int32), [0, 7, 255]),
        (np.array([[0, 2_570, 65_535]], np.int32), [0, 10, 255]),
        (np.array([[-100, 0, 300]], np.int32), [0, 64, 255]),
        (np.array([[-5, -5, -5]], np.int32), [0, 0, 0]),
    ],
)
def test_grey_of_32_bits_takes_the_smallest_usual_white(values, expected):
    grey = read_image(encoded(Image.fromarray(values), "TIFF"), limits=TINY)
    assert grey[0].tolist() == [[v] * 3 for v in expected]


def test_pixels_that_are_no_numbers_are_refused():
    data = encoded(Image.fromarray(np.array([[0.0, np.nan]], np.float32)), "TIFF")
    with pytest.raises(ImageError, match="not finite"):
        read_image(data, limits=TINY)


def test_cmyk():
    # R = 255 (1 - C) (1 - K): pure cyan, pure magenta, half black, white.
    inks = [[(255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 0, 128), (0, 0, 0, 0)]]
    picture = Image.fromarray(np.array(inks, np.uint8), mode="CMYK")
    assert read_image(encoded(picture, "TIFF"), limits=TINY)[0].tolist() == [
        [0, 255, 255], [255, 0, 255], [127, 127, 127], [255, 255, 255]
    ]  # fmt: skip


def test_cmyk_jpeg_is_not_inverted():
    # Photoshop stores CMYK JPEGs inverted and says so by an "Adobe" marker, which Pillow writes as well.
    picture = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    colour = read_image(encoded(picture, "JPEG", quality=95))[8, 8].astype(int)
    assert np.abs(colour - (0, 255, 255)).max() <= 2


def test_transparency_is_laid_over_white():
    rows = b"\0" + bytes((255, 0, 0, 255)) + bytes((255, 0, 0, 0)) + bytes((0, 0, 0, 128))
    # 255 * (1 - 128 / 255) = 127
    data = png_by_hand(3, 1, 8, 6, rows)
    assert read_image(data, limits=TINY)[0].tolist() == [[255, 0, 0], [255, 255, 255], [127, 127, 127]]


def test_grey_with_alpha():
    data = png_by_hand(2, 1, 8, 4, b"\0" + bytes((10, 255, 10, 0)))
    assert read_image(data, limits=TINY)[0].tolist() == [[10] * 3, [255] * 3]


def test_a_colour_declared_transparent():
    # tRNS names one colour of an RGB picture that is see-through.
    extra = chunk(b"tRNS", struct.pack(">3H", 0, 0, 255))
    data = png_by_hand(2, 1, 8, 2, b"\0" + bytes(RED + BLUE), extra)
    assert read_image(data, limits=TINY)[0].tolist() == [list(RED), list(WHITE)]


def test_palette_with_and_without_transparency():
    palette = chunk(b"PLTE", bytes(RED + GREEN + BLUE))
    rows = b"\0" + bytes((0, 1, 2))
    opaque = png_by_hand(3, 1, 8, 3, rows, palette)
    assert read_image(opaque, limits=TINY)[0].tolist() == [list(RED), list(GREEN), list(BLUE)]
    clear = png_by_hand(3, 1, 8, 3, rows, palette + chunk(b"tRNS", bytes((255, 0, 255))))
    assert read_image(clear, limits=TINY)[0].tolist() == [list(RED), list(WHITE), list(BLUE)]


def test_one_bit():
    data = png_by_hand(8, 1, 1, 0, b"\0" + bytes((0b10000001,)))
    assert read_image(data, limits=TINY)[0, :, 0].tolist() == [255, 0, 0, 0, 0, 0, 0, 255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_several(kind):
    frames = [Image.new("RGB", (9, 9), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(
        frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
    )
    assert (read_image(data) == RED).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format(kind):
    lossless = {"WebP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}
    picture = photograph().convert("P").convert("RGB") if kind == "GIF" else photograph()
    image = read_image(encoded(picture, kind, **lossless.get(kind, {})))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    error = np.abs(image.astype(int) - np.asarray(picture))
    assert error.mean() < (4 if kind == "JPEG" else 0.001)


def test_to_grey_is_bt_601():
    # 0.299 * 255 = 76.245, 0.587 * 255 = 149.685, 0.114 * 255 = 29.07; 0.299 * 10 + 0.587 * 200 + 0.114 * 30 = 123.81
    row = np.array([[RED, GREEN, BLUE, WHITE, BLACK, (10, 200, 30)]], np.uint8)
    assert to_grey(row).tolist() == [[76, 150, 29, 255, 0, 124]]
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_grey(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    np.testing.assert_array_equal(to_grey(image[:, ::-1]), to_grey(image)[:, ::-1])
    assert to_grey(np.zeros((0, 5, 3), np.uint8)).shape == (0, 5)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_to_grey_refuses_other_arrays(wrong):
    with pytest.raises(ImageError, match=r"shape \(height, width, 3\) and dtype uint8"):
        to_grey(wrong)

import io
import os
import struct
import time
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_core.errors import ImageError
from fer_core.images import FORMATS, Limits, read_image, to_grey

TINY = Limits(min_side=1)
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encoded(picture, kind, **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_by_hand(width, height, bits, colour, rows, extra=b""):
    """A PNG file from its definition (ISO/IEC 15948), with no library's help."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def photograph(width=64, height=48):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack((x * 3, y * 5, (x * y) % 256), axis=2).astype(np.uint8))


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


OPTIONS = {
    "JPEG": [{}, {"progressive": True}, {"restart_marker_blocks": 2}],
    "PNG": [{}],
    "WebP": [{}, {"lossless": True}],
    "BMP": [{}],
    "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"compression": "packbits"}],
    "GIF": [{}],
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on the tags of a damaged TIFF
@pytest.mark.parametrize(("kind", "options"), [(kind, o) for kind, several in OPTIONS.items() for o in several])
def test_a_cut_file_is_refused_or_complete_never_half(kind, options):
    data = encoded(photograph(32, 24), kind, **options)
    whole = read_image(data)
    refused = 0
    lengths = {*range(0, len(data), max(1, len(data) // 150)), *range(len(data) - 20, len(data))}
    for length in sorted(lengths):
        try:
            np.testing.assert_array_equal(read_image(data[:length]), whole)
        except ImageError:
            refused += 1
    # Only end marks may be missing: at most the 12 bytes of PNG's last chunk, with the two checksums before it.
    assert len(lengths) - refused <= 24
    with pytest.raises(ImageError, match=rf"holiday\.jpg begins like a {kind} picture .* cut short"):
        read_image(data[: len(data) * 2 // 3], name="holiday.jpg")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on the tags of a damaged TIFF
@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_bytes_never_escape_as_another_error(kind):
    data = encoded(photograph(32, 24), kind)
    rng = np.random.default_rng(7)
    for _ in range(150):
        spoiled = bytearray(data)
        for _ in range(3):
            spoiled[rng.integers(min(len(data), 400))] = rng.integers(256)
        try:
            image = read_image(bytes(spoiled))
        except ImageError:
            continue
        assert image.ndim == 3
        assert image.dtype == np.uint8


@pytest.mark.parametrize("side", [30_000, 9_000])
def test_bomb_is_refused_from_its_header(side):
    # 30,000 rows of 30,000 black grey pixels deflate to kilobytes; a small part of them is enough here.
    data = png_by_hand(side, side, 8, 0, bytes(3_000_000))
    assert len(data) < 5_000
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(ImageError, match=rf"bomb\.png states a size of {side} x {side} pixels; at most 40 million"):
        read_image(data, name="bomb.png")
    elapsed_s, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert elapsed_s < 0.5
    assert peak < 2**20


def test_bomb_as_webp_and_gif():
    # VP8X, canvas of 16,384 x 16,384; a GIF whose screen is 65,535 x 65,535.
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff\x3f\0\xff\x3f\0"
    with pytest.raises(ImageError, match="40 million"):
        read_image(webp)
    gif = bytearray(encoded(Image.new("P", (9, 9)), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageError, match="65535 x 65535"):
        read_image(bytes(gif))


def test_limits():
    data = encoded(photograph(64, 48), "PNG")
    assert read_image(data, limits=Limits(max_bytes=len(data), max_pixels=64 * 48, max_side=64, min_side=48)).shape == (
        48, 64, 3
    )  # fmt: skip
    for limits, words in (
        (Limits(max_bytes=len(data) - 1), "MiB, the most that is read"),
        (Limits(max_pixels=64 * 48 - 1), "states a size of 64 x 48 pixels"),
        (Limits(max_side=63), "63 a side"),
        (Limits(min_side=49), "the shorter side needs at least 49"),
    ):
        with pytest.raises(ImageError, match=words):
            read_image(data, limits=limits)


def test_too_many_bytes_are_not_read():
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size=-1):
            assert size >= 0
            self.taken += size
            return bytes(size)

        def seekable(self):
            return False

    stream = Endless()
    with pytest.raises(ImageError, match="more than 20 MiB"):
        read_image(stream)
    assert stream.taken <= 20 * 2**20 + 1


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>', "an SVG drawing"),
        (b"<svg/>", "an SVG drawing"),
        (b"\xef\xbb\xbf  <!DOCTYPE HTML><html></html>", "a web page"),
        (b"<note/>", "XML"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\x03\x04...", "a ZIP archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC photograph"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF picture"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript file"),
        (b"P6 2 2 255\n............", "text"),
        (bytes(range(256)), "something else"),
    ],
)
def test_what_is_no_picture_is_named(data, seems):
    with pytest.raises(ImageError) as caught:
        read_image(data, name="face.jpg")
    message = str(caught.value)
    assert message.startswith(f"face.jpg seems to be {seems}")
    assert message.endswith("Save the picture as JPEG or PNG and give that file.")


def test_empty():
    with pytest.raises(ImageError, match=r"a\.png is empty \(0 bytes\)"):
        read_image(b"", name="a.png")


def test_the_extension_is_not_believed(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encoded(photograph(), "PNG"))
    np.testing.assert_array_equal(read_image(path), np.asarray(photograph()))


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png cannot be read \(No such file"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="is not a file"):
        read_image(tmp_path)
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(ImageError, match=r"pipe\.png is not a file"):
        read_image(pipe)


def test_a_stream_is_read_from_its_start_again():
    stream = io.BytesIO(encoded(photograph(), "PNG"))
    first = read_image(stream)
    np.testing.assert_array_equal(read_image(stream), first)


def test_names_in_errors_are_short_and_printable():
    with pytest.raises(ImageError) as caught:
        read_image(b"", name="../../etc/\x1b[31m" + "x" * 500)
    name = str(caught.value).split(" is empty")[0]
    assert len(name) <= 80
    assert name.isprintable()
    assert name.startswith("?[31mxxx")
    with pytest.raises(ImageError, match=r"^The picture is empty"):
        read_image(io.BytesIO())


def test_no_warning_from_pillow(recwarn):
    # Between Pillow's two thresholds (89 and 179 million pixels) `Image.open` would warn.
    with pytest.raises(ImageError):
        read_image(png_by_hand(10_000, 10_000, 8, 0, b""))
    assert not recwarn.list


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

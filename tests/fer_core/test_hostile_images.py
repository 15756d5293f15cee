"""Files that are damaged, too large, or no pictures at all."""

import io
import os
import struct
import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from fer_core.errors import ImageError
from fer_core.image_formats import FORMATS
from fer_core.images import Limits, read_image
from tests.fer_core.pictures import encoded, photograph, png_by_hand

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

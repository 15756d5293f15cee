"""Decoding embedded pictures: the quick way must never show what the careful way refuses."""

import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fer_core.data.pictures import as_grey_if_grey, decode_picture, pack_grey, to_grey
from fer_core.errors import ImageError
from fer_core.images import read_image

NOISE = np.random.default_rng(3).integers(0, 256, (20, 31, 3), dtype=np.uint8)


def encoded(kind: str, pixels: NDArray[np.uint8]) -> bytes:
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if kind == ".webp" else []
    return cv2.imencode(kind, pixels[..., ::-1] if pixels.ndim == 3 else pixels, options)[1].tobytes()


@pytest.mark.parametrize("kind", [".png", ".webp", ".bmp"])
def test_lossless_formats_give_the_pixels_back(kind: str) -> None:
    np.testing.assert_array_equal(decode_picture(encoded(kind, NOISE), "x"), NOISE)
    grey = np.ascontiguousarray(NOISE[..., 0])
    np.testing.assert_array_equal(decode_picture(encoded(kind, grey), "x"), grey)


def test_packing_and_unpacking() -> None:
    grey = np.ascontiguousarray(NOISE[..., 1])
    packed = pack_grey(grey)
    assert packed.startswith(b"P5\n31 20\n255\n")
    np.testing.assert_array_equal(decode_picture(packed, "x"), grey)


@pytest.mark.parametrize("kind", [".png", ".webp"])
def test_half_a_picture_is_never_shown(kind: str) -> None:
    grey = NOISE[..., 0].copy()
    data = encoded(kind, grey)
    refused = 0
    for length in range(len(data)):
        try:
            # A PNG whose pixels are complete and whose last bytes are missing is good.
            np.testing.assert_array_equal(decode_picture(data[:length], "x"), grey)
        except ImageError as error:
            assert str(error).startswith("x ")  # noqa: PT017  (whether it raises depends on the length)
            refused += 1
    assert refused >= len(data) - 20


def test_a_packed_picture_cut_short_is_refused() -> None:
    with pytest.raises(ImageError):
        decode_picture(pack_grey(NOISE[..., 0].copy())[:-1], "x")


def test_a_header_that_promises_too_much_is_refused() -> None:
    huge = bytearray(encoded(".png", NOISE))
    huge[16:24] = (30_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    with pytest.raises(ImageError, match="30000 x 30000"):
        decode_picture(bytes(huge), "x")
    with pytest.raises(ImageError):
        decode_picture(b"P5\n30000 30000\n255\n", "x")


def test_transparency_is_laid_over_white_as_for_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    Image.fromarray(np.full((8, 8, 4), (10, 20, 30, 0), np.uint8)).save(path)
    picture = decode_picture(path.read_bytes(), "x")
    np.testing.assert_array_equal(picture, np.full((8, 8), 255))
    np.testing.assert_array_equal(picture, as_grey_if_grey(read_image(path)))


def test_grey_only_where_every_channel_agrees() -> None:
    grey = np.repeat(NOISE[..., :1], 3, axis=2)
    assert as_grey_if_grey(grey).shape == (20, 31)
    nearly = grey.copy()
    nearly[7, 7, 2] ^= 1
    assert as_grey_if_grey(nearly).shape == (20, 31, 3)
    np.testing.assert_array_equal(to_grey(grey), NOISE[..., 0])

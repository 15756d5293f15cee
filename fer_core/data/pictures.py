"""Pictures of a sample table: how they are packed, decoded and hashed.

A picture whose three channels are equal everywhere is taken as grey, so that a grey PNG, a lossless WebP
(which has no grey) and the numbers of a CSV are one and the same picture and get one hash.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.images import DEFAULT_LIMITS, read_image
from fer_core.images import to_grey as rgb_to_grey

Picture = NDArray[np.uint8]

_FAST_LIMIT_PX = 1 << 20
_PNG_END = b"IEND\xaeB`\x82"  # what is cut short is left to `read_image` to judge
_PGM_HEADER = b"P5\n%d %d\n255\n"


def pack_grey(pixels: Picture) -> bytes:
    """A grey picture (H, W) as a binary PGM file (Netpbm P5).

    Uncompressed on purpose: at 48x48 it is decoded five to ten times faster than PNG, and Parquet compresses
    anyway.
    """
    height, width = pixels.shape
    return _PGM_HEADER % (width, height) + pixels.tobytes()


def pixel_hash(pixels: Picture) -> str:
    """SHA-256 (hex) of the decoded pixels with their shape: (H, W) grey or (H, W, 3) RGB, uint8.

    It does not depend on the file format. Equal channels count as grey, see `as_grey_if_grey`.
    """
    plain = as_grey_if_grey(pixels)
    channels = 1 if plain.ndim == 2 else plain.shape[2]
    digest = hashlib.sha256(b"%d %d %d\n" % (plain.shape[0], plain.shape[1], channels))
    digest.update(np.ascontiguousarray(plain).data)
    return digest.hexdigest()


def as_grey_if_grey(pixels: Picture) -> Picture:
    """(H, W) where the three channels of (H, W, 3) are equal in every pixel, otherwise the picture as it is."""
    if pixels.ndim != 3:
        return pixels
    first = pixels[..., 0]
    if np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2]):
        return np.ascontiguousarray(first)
    return pixels


def to_grey(pixels: Picture) -> Picture:
    """(H, W) by ITU-R BT.601 weights, as in `fer_core.preprocess`; grey pictures stay as they are."""
    return pixels if pixels.ndim == 2 else rgb_to_grey(pixels)


def read_picture(path: Path, name: str) -> Picture:
    """A picture file as (H, W) grey or (H, W, 3) RGB, uint8.

    Raises:
        ImageError: the file cannot be read; the message calls the picture `name`.
    """
    return as_grey_if_grey(read_image(path, name=name))


def decode_picture(data: bytes, name: str) -> Picture:
    """An encoded picture as (H, W) grey or (H, W, 3) RGB, uint8.

    Small lossless pictures without any extras go straight to OpenCV, which is what makes 30,000 faces quick.
    Everything else (JPEG, transparency, palettes, rotation marks, large or damaged files) goes through
    `fer_core.images`, which knows the limits, so that a JPEG gives the same pixels here as from a folder.

    Raises:
        ImageError: the bytes are no readable picture; the message calls the picture `name`.
    """
    if _is_small_and_plain(data):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.dtype == np.uint8:
            plain = as_grey_if_grey(pixels)  # type: ignore[arg-type]
            return plain if plain.ndim == 2 else np.ascontiguousarray(plain[..., ::-1])
    return as_grey_if_grey(read_image(data, name=name))


def _is_small_and_plain(data: bytes) -> bool:
    """Whether the header promises 8-bit grey or RGB of at most a megapixel, as PGM, PNG or lossless WebP."""
    if data.startswith(b"P5\n"):
        return _fits(*_pgm_size(data))
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) > 33:
        width, height, depth, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
        plain = depth == 8 and colour_type in (0, 2) and not interlace and _fits(width, height)
        return plain and data.endswith(_PNG_END) and b"tRNS" not in data and b"eXIf" not in data
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8L" and len(data) > 25:
        bits = int.from_bytes(data[21:25], "little")  # 14 bits width - 1, 14 bits height - 1, 1 bit alpha
        riff_bytes, _, chunk_bytes = struct.unpack("<I8sI", data[4:20])
        whole = riff_bytes + 8 == len(data) == 20 + chunk_bytes + chunk_bytes % 2
        return whole and not bits >> 28 & 1 and _fits((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return False


def _pgm_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a PGM as `pack_grey` writes it; (0, 0) for any other."""
    fields = data[:32].split(b"\n", 3)
    sides = fields[1].split() if len(fields) == 4 and fields[2] == b"255" else []
    if len(sides) != 2 or not all(s.isdigit() for s in sides):
        return 0, 0
    return int(sides[0]), int(sides[1])


def _fits(width: int, height: int) -> bool:
    return min(width, height) >= DEFAULT_LIMITS.min_side and width * height <= _FAST_LIMIT_PX

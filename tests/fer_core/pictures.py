"""Files of pictures, made by Pillow or by hand."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from fer_core.images import Limits

TINY = Limits(min_side=1)


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

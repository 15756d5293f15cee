"""Which files are pictures: known raster formats by their first bytes, and a name for everything else."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from fer_core.errors import ImageError

# The plugins are called by name instead of through `Image.open`: nothing outside this list can be reached, whatever the
# file says, and `fer_core.images.Limits` take the place of Pillow's own bomb check, which warns or raises by a global
# setting.
OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}
FORMATS = tuple(OPENERS)

# (offset, first bytes, format)
_SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
)
# Formats that people do upload, named in the refusal.
_STRANGERS = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an Office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (4, b"ftyphei", "a HEIC photograph"),
    (4, b"ftypmif1", "a HEIC photograph"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"\0\0\x01\0", "an icon"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (0, b"\x93NUMPY", "a NumPy array"),
)
_MARKUP = (
    (b"<svg", "an SVG drawing"),
    (b"<html", "a web page"),
    (b"<!doctype html", "a web page"),
    (b"<", "XML"),
)


def format_of(data: bytes, called: str) -> str:
    """One of `FORMATS`, by the file's first bytes; its name and its extension are not asked.

    Args:
        data: the file.
        called: what the error calls it.

    Raises:
        ImageError: another kind of file; the message says which it seems to be.
    """
    for offset, start, kind in _SIGNATURES:
        if data.startswith(start, offset):
            return kind
    raise ImageError(
        f"{called} seems to be {_guess(data)}, not a picture in one of the formats {', '.join(FORMATS)}."
        " Save the picture as JPEG or PNG and give that file."
    )


def _guess(data: bytes) -> str:
    for offset, start, what in _STRANGERS:
        if data.startswith(start, offset):
            return what
    head = data[:2048].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"<"):
        return next(what for mark, what in _MARKUP if mark in head)
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return "text"
    return "something else"

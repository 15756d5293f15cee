"""Pictures that come from outside: uploads, folders of unknown make, bytes in a table.

A picture is a file somebody else made. It is read only where its first bytes are those of a known raster
format, its size is taken from the header before a single pixel is decoded, and what cannot be decoded in full
is refused: half a picture with grey below would be classified like any other.

Not done: colour profiles are ignored (a Display P3 photograph looks slightly paler), and CMYK is converted
without one.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_core.errors import ImageError
from fer_core.image_formats import OPENERS, format_of

_MIB = 2**20

# What Pillow's decoders raise on damaged data, as seen by feeding them damaged files.
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_ORIENTATION_TAG = 0x0112
# EXIF 2.3, tag Orientation -> what puts the picture upright. `ImageOps.exif_transpose` does the same, but it
# also writes the tags anew and fails where one of the others is damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Limits:
    """What a picture may be at most, and at least.

    Attributes:
        max_bytes: size of the file in bytes.
        max_pixels: width times height, as the header states them.
        max_side: longer side in pixels.
        min_side: shorter side in pixels.
    """

    max_bytes: int = 20 * _MIB
    max_pixels: int = 40_000_000
    max_side: int = 32_000
    min_side: int = 8


DEFAULT_LIMITS = Limits()


def read_image(
    source: bytes | Path | BinaryIO, *, name: str = "", limits: Limits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """A picture as RGB, upright, whatever it was stored as.

    EXIF orientation is applied. Transparency is laid over white. Of an animation or a TIFF of several pages
    the first is taken. 16-bit grey is divided by 257. 32-bit integers and floats state no range: the smallest
    of 1 (floats only), 255 and 65,535 that holds every value is taken for white, and where none does, or a
    value is negative, the picture's own minimum and maximum become black and white.

    Args:
        source: the file's bytes, its path, or a binary stream, which is read from its start where it can seek
            (an upload that was read before, as on a page's second run, is not an empty file).
        name: what errors call the picture; by default the file's name.
        limits: sizes to refuse. Width and height are taken from the header, before anything is decoded.

    Returns:
        (H, W, 3) uint8, RGB, contiguous and writable.

    Raises:
        ImageError: not a file, empty, not one of `image_formats.FORMATS`, outside `limits`, damaged or cut short.
    """
    called = _called(source, name)
    data = _read_bytes(source, called, limits.max_bytes)
    kind = format_of(data, called)
    try:
        with OPENERS[kind](io.BytesIO(data)) as picture:
            _check_size(picture.size, called, limits)
            picture.load()
            return _to_rgb(_upright(picture))
    except Image.DecompressionBombError as e:  # some plugins check on their own before they allocate
        raise ImageError(
            f"{called} states more than the {limits.max_pixels / 1e6:.3g} million pixels that are read ({e})."
            " Save it smaller."
        ) from e
    except _DECODE_ERRORS as e:
        reason = str(e).strip() or type(e).__name__
        raise ImageError(
            f"{called} begins like a {kind} picture but cannot be decoded ({reason}). It is damaged or cut"
            " short: copy or download it again."
        ) from e


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of an RGB picture by ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), as OpenCV's `COLOR_RGB2GRAY`.

    Args:
        image: (H, W, 3) uint8, RGB.

    Returns:
        (H, W) uint8.

    Raises:
        ImageError: the array has another shape or dtype.
    """
    check_rgb(image)
    if image.size == 0:
        return np.zeros(image.shape[:2], np.uint8)
    return cast("NDArray[np.uint8]", cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY))


def check_rgb(image: NDArray[np.uint8]) -> None:
    """Refuses an array that is not an RGB picture.

    Raises:
        ImageError: not (H, W, 3), or not uint8.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"An RGB picture is an array of shape (height, width, 3) and dtype uint8; this one has the shape"
            f" {image.shape} and dtype {image.dtype}. `read_image` makes such an array of any file."
        )


def _called(source: bytes | Path | BinaryIO, name: str) -> str:
    """The name for errors: the last part of a path, printable, of bearable length."""
    own = source.name if isinstance(source, Path) else getattr(source, "name", "")
    plain = (name or (own if isinstance(own, str) else "")).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    plain = "".join(c if c.isprintable() else "?" for c in plain)
    if len(plain) > 80:
        plain = plain[:60] + "..." + plain[-17:]
    return plain or "The picture"


def _read_bytes(source: bytes | Path | BinaryIO, called: str, max_bytes: int) -> bytes:
    """At most `max_bytes` of the source; one byte more is asked for, to tell a file that is too large."""
    try:
        if isinstance(source, Path):
            # A device or a named pipe could be read for ever.
            if source.exists() and not source.is_file():
                raise ImageError(f"{called} is not a file; give the path of a picture.")
            with source.open("rb") as stream:
                data = stream.read(max_bytes + 1)
        elif isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
        else:
            if source.seekable():
                source.seek(0, os.SEEK_SET)
            data = source.read(max_bytes + 1)
    except OSError as e:
        raise ImageError(f"{called} cannot be read ({e.strerror or e}); check the path and its permissions.") from e
    if not data:
        raise ImageError(f"{called} is empty (0 bytes); copy or download it again.")
    if len(data) > max_bytes:
        raise ImageError(f"{called} has more than {max_bytes / _MIB:.3g} MiB, the most that is read; save it smaller.")
    return data


def _check_size(size: tuple[int, int], called: str, limits: Limits) -> None:
    width, height = size
    stated = f"{called} states a size of {width} x {height} pixels"
    if width * height > limits.max_pixels or max(size) > limits.max_side:
        raise ImageError(
            f"{stated}; at most {limits.max_pixels / 1e6:.3g} million pixels and {limits.max_side} a side are"
            " read. Save it smaller."
        )
    if min(size) < limits.min_side:
        raise ImageError(f"{stated}; the shorter side needs at least {limits.min_side}. Give a larger picture.")


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says; a damaged EXIF block turns nothing, the pixels are still good."""
    try:
        turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODE_ERRORS:
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _to_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith("I;16"):
        return _grey_to_rgb(np.asarray(picture), white=65_535)
    if picture.mode in {"I", "F"}:
        return _unstated_to_rgb(np.asarray(picture))
    if picture.has_transparency_data:
        pasted = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        return np.array(Image.alpha_composite(ground, pasted).convert("RGB"))
    return np.array(picture.convert("RGB"))


def _unstated_to_rgb(values: NDArray[Any]) -> NDArray[np.uint8]:
    """32-bit grey; `read_image` says what is white."""
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are not finite numbers")
    low, high = float(values.min()), float(values.max())
    customary = (1, 255, 65_535) if values.dtype.kind == "f" else (255, 65_535)
    if low >= 0 and high <= customary[-1]:
        return _grey_to_rgb(values, white=next(white for white in customary if high <= white))
    return _grey_to_rgb(values, black=low, white=high)


def _grey_to_rgb(values: NDArray[Any], *, black: float = 0.0, white: float) -> NDArray[np.uint8]:
    span = white - black
    wide = values.astype(np.result_type(values, np.float32))  # a large picture in float64 is eight times its bytes
    grey = (wide - black) * (255.0 / span if span > 0 else 0.0)
    return np.repeat(np.rint(grey).astype(np.uint8)[:, :, None], 3, axis=2)

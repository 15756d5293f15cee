"""Which files are videos: known containers by their first bytes."""

from __future__ import annotations

from pathlib import Path

from fer_core.errors import VideoError

# (offset, first bytes, FFmpeg's name of the container). What is not here is never handed to FFmpeg: among the formats
# that it guesses are playlists, which make it open other files and addresses.
_SIGNATURES = (
    (4, b"ftyp", "mov"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
    (4, b"free", "mov"),
    (4, b"skip", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"OggS", "ogg"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (0, b"YUV4MPEG2 ", "yuv4mpegpipe"),
)
_TS_PACKET_BYTES = 188
NAMES = "MP4, MOV, WebM, MKV, AVI, MPEG, Ogg, FLV, WMV, Y4M"
SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".3gp", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".ogv", ".flv",
    ".wmv", ".asf", ".y4m",
))  # fmt: skip


def container_of(path: Path) -> str:
    """FFmpeg's name of a file's container, by the file's first bytes; its name and its extension are not asked.

    Raises:
        VideoError: not a file, empty, cannot be read, or something else than a video.
    """
    if not path.is_file():  # a device or a named pipe could be read for ever
        raise VideoError(f"{path} is not a file; give the path of a video.")
    try:
        with path.open("rb") as file:
            head = file.read(2 * _TS_PACKET_BYTES + 1)
    except OSError as error:
        raise VideoError(f"{path} cannot be read ({error.strerror}); check the path and its permissions.") from error
    if not head:
        raise VideoError(f"{path.name} is empty (0 bytes); copy or download it again.")
    for offset, start, container in _SIGNATURES:
        if head.startswith(start, offset):
            return container
    if head[::_TS_PACKET_BYTES] == b"GGG":  # a transport stream begins each of its packets so
        return "mpegts"
    raise VideoError(f"{path.name} is not a video in one of the formats {NAMES}; save it as MP4 and give that file.")

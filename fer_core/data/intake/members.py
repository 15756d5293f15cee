"""The members of a ZIP or TAR archive, one after the other, as the archive describes them."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from fer_core.data.intake.limits import ArchiveLimits
from fer_core.data.intake.names import shown
from fer_core.errors import DataError

_END_OF_ZIP = struct.Struct("<4s4H2LH")
_END_OF_ZIP64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_OF_ZIP64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<28s3H12s")  # 46 bytes; in the middle the lengths of name, extra field and comment
_MOST_COMMENT_BYTES = 65_535
# tarfile reads headers of any stated length at once, and a stated length costs nothing.
_MOST_READ_BYTES = 16 * 2**20
_STRANGERS = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
}


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: as the archive has it.
        size: unpacked bytes, as the archive states them.
        packed: bytes in the archive; None where members are packed together.
        is_folder: nothing to be written.
        open: gives the unpacked bytes.
    """

    name: str
    size: int
    packed: int | None
    is_folder: bool
    open: Callable[[], IO[bytes]]


def kind_of(file: BinaryIO) -> str:
    """`zip`, `tar` or `tar.gz` by the first bytes.

    Raises:
        DataError: anything else.
    """
    file.seek(0)
    start = file.read(512)
    file.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if start.startswith(b"\x1f\x8b"):
        return "tar.gz"
    if start[257:262] == b"ustar":
        return "tar"
    known = next((what for sign, what in _STRANGERS.items() if start.startswith(sign)), "no archive that is known here")
    raise DataError(
        f"The file is {'empty' if not start else known}; pack the data set as ZIP, TAR or TAR.GZ, or give its folder."
    )


def zip_members(file: BinaryIO, limits: ArchiveLimits) -> Iterator[Member]:
    """Every member of a ZIP archive, from its directory; nothing is unpacked yet.

    Raises:
        DataError: too many members, one that is encrypted, a link or a device, or packed by a method unknown here.
        zipfile.BadZipFile: a damaged directory.
    """
    if _entries(file, limits.max_files) > limits.max_files:  # before zipfile makes an object of each
        raise too_many(limits)
    archive = zipfile.ZipFile(file)
    for info in archive.infolist():
        name = info.orig_filename
        if info.flag_bits & 0x41:
            raise DataError(f"The archive's member {shown(name)!r} is encrypted; pack the data set without a password.")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise no_file(name, "a link" if stat.S_ISLNK(kind) else "a device or another special file")
        is_folder = name.endswith(("/", "\\"))
        yield Member(name, info.file_size, info.compress_size, is_folder, _zip_opener(archive, info))


def tar_members(file: BinaryIO, limits: ArchiveLimits) -> Iterator[Member]:
    """Every member of a TAR or TAR.GZ archive; each must be read before the next is asked for.

    Raises:
        DataError: a member that is a link, a device or sparse, or headers of an unreasonable size.
        tarfile.TarError, OSError, EOFError, zlib.error: a damaged archive.
    """
    packed = kind_of(file) == "tar.gz"
    plain: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
    bounded = cast("IO[bytes]", _Bounded(plain, limits.max_bytes))
    with tarfile.open(fileobj=bounded, mode="r:") as archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            if info.islnk() or info.issym():
                raise no_file(info.name, "a link")
            if not (info.isdir() or info.isfile()) or info.issparse():
                raise no_file(info.name, "a device or another special file")
            yield Member(info.name, info.size, None if packed else info.size, info.isdir(), _tar_opener(archive, info))


def too_many(limits: ArchiveLimits) -> DataError:
    """The refusal of an archive with too many members."""
    return DataError(
        f"The archive has more than {limits.max_files:,} members; pack the data set in several archives, or unpack it "
        "yourself and give the folder."
    )


def no_file(name: str, what: str) -> DataError:
    """The refusal of a member that is neither file nor folder."""
    return DataError(
        f"The archive's member {shown(name)!r} is {what}, which is not unpacked; pack the files themselves "
        "(zip without --symlinks, tar with --dereference --hard-dereference)."
    )


class _Bounded:
    """A stream that tarfile may read so far and so much at once; beyond that it is made to fill memory or time."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        # Headers and padding: at most about a kilobyte a member for the shortest of members.
        self._most = 2 * most + _MOST_READ_BYTES

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_READ_BYTES:
            raise DataError(
                f"The archive has a header of {size:,} bytes, as no data set needs; pack the data set's folder anew."
            )
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset > self._most:
            raise DataError(f"The archive unpacks to more than {self._most:,} bytes; pack the data set in parts.")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.extractfile(info) or io.BytesIO()


def _entries(file: BinaryIO, most: int) -> int:
    """Number of entries in a ZIP archive's directory, counted as far as `most` + 1; 0 where there is no directory."""
    start, size = _directory(file)
    file.seek(start)
    directory = file.read(size)
    count = at = 0
    while count <= most and directory[at : at + 4] == b"PK\x01\x02" and len(directory) - at >= _ENTRY.size:
        at += _ENTRY.size + sum(_ENTRY.unpack_from(directory, at)[1:4])
        count += 1
    return count


def _directory(file: BinaryIO) -> tuple[int, int]:
    """(start, bytes) of a ZIP archive's directory by its end record; (0, 0) where there is none."""
    end = file.seek(0, io.SEEK_END)
    first = file.seek(max(0, end - _END_OF_ZIP.size - _MOST_COMMENT_BYTES))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END_OF_ZIP.size:
        return 0, 0
    size, stop = int(_END_OF_ZIP.unpack_from(tail, at)[5]), first + at
    locator = stop - _LOCATOR_OF_ZIP64.size
    if locator >= _END_OF_ZIP64.size:
        file.seek(locator)
        if file.read(4) == b"PK\x06\x07":
            stop = file.seek(locator - _END_OF_ZIP64.size)
            size = int(_END_OF_ZIP64.unpack(file.read(_END_OF_ZIP64.size))[8])
    return max(0, stop - size), min(size, stop)

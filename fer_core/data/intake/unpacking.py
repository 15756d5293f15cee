"""Unpacks a data set's archive: everything in it is checked, and it lands whole or not at all."""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from fer_core.data.intake.limits import DEFAULT_LIMITS, PICTURES, TABLES, TEXTS, ArchiveLimits
from fer_core.data.intake.members import Member, kind_of, tar_members, too_many, zip_members
from fer_core.data.intake.names import safe_path, same_name, shown
from fer_core.data.schema import canonical_split
from fer_core.data.staging import staged
from fer_core.errors import DataError

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]

_CHUNK_BYTES = 2**20
_SPARE_BYTES = 200 * 10**6
_RATIO_FROM_BYTES = 10**6
_TOLD_EVERY = 200
_DAMAGED = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    struct.error,
    NotImplementedError,  # a packing method that Python does not know
    RuntimeError,
)


@dataclass(frozen=True)
class Unpacked:
    """What came of an archive.

    Attributes:
        folder: where it lies, the folder that was asked for.
        content: what to import: the folder, or what it holds where that is one folder or file alone.
        files: number of files written.
        size_bytes: their bytes.
        left_out: members that are no pictures, tables or texts, and hidden ones, by suffix; nested archives too.
    """

    folder: Path
    content: Path
    files: int
    size_bytes: int
    left_out: Mapping[str, int]


@dataclass
class _Work:
    """The state of one unpacking."""

    limits: ArchiveLimits
    archive_bytes: int
    members: int = 0
    stated_bytes: int = 0
    files: int = 0
    written_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)


def unpack(
    source: bytes | Path | BinaryIO,
    into: Path,
    limits: ArchiveLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Unpacked:
    """Unpacks pictures, tables and texts of a ZIP, TAR or TAR.GZ archive.

    They are written to a folder beside `into`, which is given its name at the end; after an error nothing is left.

    Args:
        source: the archive's bytes, its path, or a stream that can seek (an upload).
        into: folder to be made; it may be there if it is empty.
        limits: sizes to refuse. What the archive states is checked first, what is written while it is.
        progress: called now and then with (done, all) bytes.
        stop: asked now and then; true ends the work.

    Raises:
        DataError: no such archive, one that is damaged, encrypted or beyond the limits, a member that leads out of
            the folder, is no plain file or cannot be named on every system, two members with one name, nothing to
            import in it, no space, `into` is not empty, or stopped.
    """
    with _opened(source) as file, staged(into, DataError) as staging:
        work = _Work(limits, file.seek(0, io.SEEK_END))
        try:
            if kind_of(file) == "zip":
                planned = list(_plan(zip_members(file, limits), work))
                total = sum(member.size for member, _ in planned)
                _check_space(staging, total)
                _write_all(planned, staging, work, lambda: _tell(progress, stop, work.written_bytes, total))
            else:
                planned_one_by_one = _plan(tar_members(file, limits), work)
                _write_all(
                    planned_one_by_one, staging, work, lambda: _tell(progress, stop, file.tell(), work.archive_bytes)
                )
        except _DAMAGED as error:
            raise DataError(f"The archive is damaged ({error}); download or pack it again.") from error
        except OSError as error:
            raise DataError(f"The archive could not be unpacked ({error}); check space and permissions.") from error
        if not work.files:
            raise DataError(_nothing(work))
    return Unpacked(into, content_of(into), work.files, work.written_bytes, dict(work.left_out))


@contextmanager
def _opened(source: bytes | Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, Path):
        try:
            file = source.open("rb")
        except OSError as error:
            raise DataError(f"The archive {source} cannot be opened ({error.strerror}); check the path.") from error
        with file:
            yield file
    else:
        yield source


def _plan(members: Iterable[Member], work: _Work) -> Iterator[tuple[Member, PurePosixPath]]:
    """The members to write and where, each checked by what the archive states of it."""
    for member in members:
        work.members += 1
        if work.members > work.limits.max_files:
            raise too_many(work.limits)
        if member.is_folder and member.name in (".", "./"):
            continue
        path = safe_path(member.name)
        if member.is_folder:
            continue
        work.stated_bytes += member.size
        _check_sizes(member, path.suffix.lower(), work)
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if hidden or path.suffix.lower() not in PICTURES | TABLES | TEXTS:
            work.left_out["hidden" if hidden else path.suffix.lower() or "no suffix"] += 1
            continue
        _take_name(path, work)
        yield member, path


def _check_sizes(member: Member, suffix: str, work: _Work) -> None:
    limits = work.limits
    if member.size > limits.of(suffix) and suffix in PICTURES | TABLES | TEXTS:
        raise DataError(
            f"The archive's member {shown(member.name)!r} has {_mb(member.size)}, more than the "
            f"{_mb(limits.of(suffix))} that are read; make it smaller or leave it out."
        )
    if work.stated_bytes > limits.max_bytes:
        raise DataError(
            f"The archive unpacks to more than {_mb(limits.max_bytes)} (reached at {shown(member.name)!r}); pack the "
            "data set in parts, or unpack it yourself and give the folder."
        )
    for size, packed in ((member.size, member.packed), (work.stated_bytes, work.archive_bytes)):
        if packed is not None and size > max(_RATIO_FROM_BYTES, limits.max_ratio * packed):
            raise DataError(
                f"The archive grows {size / max(packed, 1):,.0f}-fold at its member {shown(member.name)!r}, as those "
                f"do that are made to fill a disk (at most {limits.max_ratio:g}-fold is unpacked); unpack it yourself "
                "if you trust it, and give the folder."
            )


def _take_name(path: PurePosixPath, work: _Work) -> None:
    """Notes a file's name, and refuses one that is taken on a system which does not tell case apart."""
    name = same_name(path)
    clash = name in work.taken or name in work.folders
    work.taken.add(name)
    for parent in path.parents:
        folder = same_name(parent)
        if folder in work.folders:
            break
        clash = clash or folder in work.taken
        work.folders.add(folder)
    if clash:
        raise DataError(
            f"The archive has more than one member {shown(str(path))!r} (upper and lower case taken as one); rename "
            "one of them."
        )


def _write_all(
    planned: Iterable[tuple[Member, PurePosixPath]], staging: Path, work: _Work, tell: Callable[[], None]
) -> None:
    for member, path in planned:
        if work.files % _TOLD_EVERY == 0:
            tell()
        _check_space(staging, member.size)
        target = staging.joinpath(*path.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as packed, target.open("xb") as file:
            size = _copy(packed, file, member, work, tell)
        if size != member.size:
            raise DataError(
                f"The archive's member {shown(member.name)!r} has {size:,} bytes instead of the {member.size:,} that "
                "it states; the archive is damaged, download or pack it again."
            )
        work.files += 1
    tell()


def _copy(packed: IO[bytes], file: IO[bytes], member: Member, work: _Work, tell: Callable[[], None]) -> int:
    """Writes one member and gives its size; ends where it holds more than it states, whatever the reason."""
    size = 0
    while chunk := packed.read(_CHUNK_BYTES):
        size += len(chunk)
        work.written_bytes += len(chunk)
        if size > member.size or work.written_bytes > work.limits.max_bytes:
            raise DataError(
                f"The archive's member {shown(member.name)!r} holds more than the {member.size:,} bytes that it "
                "states; download or pack the archive again."
            )
        file.write(chunk)
        if len(chunk) == _CHUNK_BYTES:
            tell()
    return size


def _tell(progress: Progress | None, stop: Stop | None, done: int, total: int) -> None:
    if stop is not None and stop():
        raise DataError("Unpacking was stopped; nothing was kept.")
    if progress is not None:
        progress(min(done, total), total)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        raise DataError(
            f"Unpacking needs {_mb(needed)} and some room to spare, but {folder.parent} has {_mb(free)} left; free "
            "some space or choose another place."
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 10**8 else f"{size / 1e6:,.0f} MB"


def _nothing(work: _Work) -> str:
    others = ", ".join(f"{n} x {suffix}" for suffix, n in work.left_out.most_common(3)) or "nothing at all"
    return (
        f"The archive holds no pictures or tables, but {others}; pack the data set's folder. Archives within the "
        "archive must be unpacked first."
    )


def content_of(folder: Path) -> Path:
    """The folder, or the one table or folder that is all it holds, unless that is named after a split or a class."""
    inside = list(islice(folder.iterdir(), 2))
    if len(inside) != 1:
        return folder
    only = inside[0]
    if only.is_file():
        return only if only.suffix.lower() in TABLES else folder
    is_class = any(p.suffix.lower() in PICTURES for p in only.iterdir())
    return folder if is_class or canonical_split(only.name) else content_of(only)

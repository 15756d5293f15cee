"""Looks at picture files: several at once, and each only once, however often an import is broken off."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fer_core.data.looks import LOOK_COLUMNS, Look, Reduced, measured, reduced
from fer_core.data.pictures import read_picture
from fer_core.data.seen import Seen
from fer_core.errors import ImageError

_BATCH = 256
_CHUNK = 32
_THREADS = 4
# Goes up with every change of what a look measures, so that no cache answers with what was measured otherwise.
_TABLE = "looks_1"


def look_at_files(paths: Sequence[Path], cache_file: Path | None = None) -> Iterator[Look | ImageError]:
    """What there is to see in each file, in their order; an ImageError where one cannot be read.

    Pictures are decoded by several threads (OpenCV and Pillow let go of the interpreter while they decode).

    Args:
        paths: picture files.
        cache_file: where what was seen is kept after every batch; None keeps nothing.

    Raises:
        DataError: the cache file is no cache, or cannot be written.
    """
    cache = Seen(cache_file, _TABLE, LOOK_COLUMNS)
    try:
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in range(0, len(paths), _BATCH):
                yield from _look_at_batch(paths[start : start + _BATCH], cache, threads)
    finally:
        cache.close()


def _look_at_batch(paths: Sequence[Path], cache: Seen, threads: ThreadPoolExecutor) -> list[Look | ImageError]:
    stamps = [_stamp(path) for path in paths]
    found: list[Look | ImageError | None] = [_kept(cache, p, s) for p, s in zip(paths, stamps, strict=True)]
    unseen = [i for i, look in enumerate(found) if look is None]
    chunks = [unseen[start : start + _CHUNK] for start in range(0, len(unseen), _CHUNK)]
    for chunk, answers in zip(chunks, threads.map(lambda c: _look_at([paths[i] for i in c]), chunks), strict=True):
        for i, answer in zip(chunk, answers, strict=True):
            found[i] = answer
    seen = [(str(paths[i]), stamps[i], look) for i in unseen if isinstance(look := found[i], Look)]
    cache.put([(path, stamp, *dataclasses.astuple(look)) for path, stamp, look in seen if is_utf8(path)])
    return [look for look in found if look is not None]


def _kept(cache: Seen, path: Path, stamp: str) -> Look | None:
    values = cache.get(str(path), stamp) if is_utf8(str(path)) else None
    return None if values is None else Look(*values)


def _look_at(paths: Sequence[Path]) -> list[Look | ImageError]:
    """Keeps of each picture only its reduction, so that a batch of large ones takes no more memory than one."""
    answers = [_read(path) for path in paths]
    seen = iter(measured([answer for answer in answers if isinstance(answer, Reduced)]))
    return [next(seen) if isinstance(answer, Reduced) else answer for answer in answers]


def _read(path: Path) -> Reduced | ImageError:
    try:
        return reduced(read_picture(path, "the picture"))
    except ImageError as error:
        return error


def is_utf8(text: str) -> bool:
    """Whether a path can be written down: SQLite and Arrow take no names that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""  # it is read all the same, and the error told
    return f"{status.st_size} {status.st_mtime_ns}"

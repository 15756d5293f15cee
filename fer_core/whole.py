"""Files that are there whole or not at all, whoever pulls the plug and however full the disk is."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(file: Path, mark: str = "") -> Iterator[Path]:
    """Gives a name beside a file to write to; what is there at the end takes the file's place in one step.

    If something is raised within, the file stays as it was, and what was written of the new one is deleted, so that it
    does not take what little room is left.

    Args:
        file: what is to be written; its folder is there.
        mark: ends the other name, where several processes may write the same file.
    """
    scratch = file.with_name(f".{file.name}{mark}")
    try:
        yield scratch
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)


def add_line(file: Path, text: str) -> None:
    """Adds a line to a file, which is made where it is missing; one that does not fit is not begun.

    Raises:
        OSError: nothing was added, because the disk is full or for another reason.
    """
    line = f"{text}\n".encode()
    with file.open("ab", buffering=0) as stream:
        before = stream.tell()
        if stream.write(line) < len(line):
            stream.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

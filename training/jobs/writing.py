"""A disk that takes nothing: one sentence, wherever the queue writes its files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fer_core.errors import JobError
from training.disk import DISK_FULL, disk_is_full


@contextlib.contextmanager
def told_where_not_written(folder: Path) -> Iterator[None]:
    """Tells in a sentence that the files of the queue cannot be written to a folder.

    Raises:
        JobError: the disk is full, it is read-only, the folder is somebody else's, or a file is in its place.
    """
    try:
        yield
    except OSError as error:
        if disk_is_full(error):
            raise JobError(
                f"{DISK_FULL}: the queue's files find no room in {folder}. Make room, and try again."
            ) from error
        raise JobError(
            f"Nothing can be written to {folder}: {error.strerror or error}. Make it a folder that the user whom "
            "FERScope runs as may write to, or set FERSCOPE_HOME to another one."
        ) from error

"""When the disk is full: one sentence, wherever in a run it was noticed."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_core.errors import FERScopeError, TrainingError
from fer_core.tasks import free_reserve

DISK_FULL = "The disk is full"  # begins the sentence, by which a job's end is known
_FULL = {errno.ENOSPC, errno.EDQUOT}
_AS_RUST_SAYS_IT = tuple(f"(os error {number})" for number in _FULL)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error comes of a full disk or a quota that is used up.

    torch raises one of its own while it handles that of the file; safetensors has it in its words alone.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if type(seen).__name__ == "SafetensorError" and str(seen).endswith(_AS_RUST_SAYS_IT):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@contextlib.contextmanager
def told_when_full(*places: Path) -> Iterator[None]:
    """Tells in a sentence that a disk is full to which something within has written.

    Args:
        places: folders that are written to; they need not be there. The one with the least room is named.

    Raises:
        TrainingError: it is full.
    """
    try:
        yield
    except FERScopeError:
        raise
    except Exception as error:
        if not disk_is_full(error):
            raise
        free_reserve()  # or the sentence itself would find no room in the log
        free_mb, place = _least_room(places)
        raise TrainingError(
            f"{DISK_FULL}: what the run writes does not fit into the {free_mb:,.0f} MB left for {place}. Make room and "
            "start the run again under the same name; it goes on where it was kept last."
        ) from error


def _least_room(places: Sequence[Path]) -> tuple[float, Path]:
    """Megabytes left on the fullest of the disks, and the first of the places on it."""
    disks: dict[int, Path] = {}
    for place in places:
        disks.setdefault(_there(place).stat().st_dev, place)
    free_mb = {place: shutil.disk_usage(_there(place)).free / 1e6 for place in disks.values()}
    fullest = min(free_mb, key=lambda place: free_mb[place])
    return free_mb[fullest], fullest


def _there(place: Path) -> Path:
    """The folder, or the first above it that exists."""
    return next(folder for folder in (place.resolve(), *place.resolve().parents) if folder.is_dir())

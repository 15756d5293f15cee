"""Folders that appear whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_core.errors import FERScopeError


@contextmanager
def staged(into: Path, refusal: type[FERScopeError]) -> Iterator[Path]:
    """A folder beside `into` that is given its name if all goes well, and removed otherwise.

    Args:
        into: folder to be made; it may be there if it is empty.
        refusal: what is raised.

    Raises:
        FERScopeError: of the class `refusal`; `into` is there already and not empty, or no folder can be made or named.
    """
    staging = into.parent / f".{into.name}-{secrets.token_hex(4)}.part"
    try:
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise refusal(f"{into} is there already; choose another name or remove it.")
        staging.mkdir(parents=True)
    except OSError as error:
        raise refusal(f"No folder can be made in {into.parent} ({error.strerror}); choose another place.") from error
    try:
        yield staging
        _give_name(staging, into, refusal)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _give_name(staging: Path, into: Path, refusal: type[FERScopeError]) -> None:
    try:
        if into.exists():
            into.rmdir()
        staging.rename(into)
    except OSError as error:
        raise refusal(
            f"{into} cannot be made ({error.strerror}); choose another name or remove what is there."
        ) from error

"""Where sweeps are kept, and patience with a storage that another program has locked."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from filelock import FileLock

from fer_core.errors import SweepError
from fer_core.workspace import workspace

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

WAIT_S = 60.0  # for a storage that another process writes to
AWAY = "The storage of sweeps"  # begins what is said where it cannot be used, by which a trial's job is known
_AGAIN_S = 0.1
P = ParamSpec("P")
T = TypeVar("T")


class StorageError(SweepError):
    """The storage is locked or does not answer; what was to be kept in it can be told again later."""


def storage_url() -> str:
    """Where sweeps are kept: `FERSCOPE_SWEEPS`, a URL of SQLAlchemy, or else `sweeps.db` in the workspace."""
    return os.environ.get("FERSCOPE_SWEEPS") or f"sqlite:///{workspace().resolve() / 'sweeps.db'}"


def nothing_kept() -> bool:
    """Whether there is no storage yet, which is told without opening one."""
    return not os.environ.get("FERSCOPE_SWEEPS") and not (workspace() / "sweeps.db").exists()


def _shown_url() -> str:
    import sqlalchemy

    try:
        return sqlalchemy.make_url(storage_url()).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return "FERSCOPE_SWEEPS"


def patient(act: Callable[P, T]) -> Callable[P, T]:
    """Makes a function that uses the storage wait while that is locked.

    SQLite itself waits `WAIT_S` seconds for a lock, but not for each: of two that wait for one another it refuses one
    at once. So the function, which may be called again after it has failed, is called again for as long.

    The function that is made raises:
        StorageError: it is locked for longer, or does not answer.
    """

    @functools.wraps(act)
    def waiting(*args: P.args, **kwargs: P.kwargs) -> T:
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return act(*args, **kwargs)
            except (StorageInternalError, SQLAlchemyError) as error:
                locked = _says(error, "locked")
                if locked and time.monotonic() < deadline:
                    time.sleep(_AGAIN_S)
                    continue
                raise _told(error, locked) from error

    return waiting


def _says(error: BaseException, word: str) -> bool:
    """Whether an error, or one that it comes of, has a word in its text; Optuna's own say little."""
    seen: BaseException | None = error
    while seen is not None:
        if word in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _told(error: Exception, locked: bool) -> StorageError:
    if locked:
        return StorageError(
            f"{AWAY} ({_shown_url()}) has been locked by another program for {WAIT_S:.0f} seconds. Close what has it "
            "open, such as a browser of databases or a backup, and start the same again: a trial that was at work goes "
            "on where its run was kept last."
        )
    return StorageError(
        f"{AWAY} ({_shown_url()}) does not answer: {type(error.__cause__ or error).__name__}. See that its server runs "
        "and its disk has room, and start the same again: a trial that was at work goes on where its run was kept last."
    )


def open_storage() -> RDBStorage:
    """The storage of `storage_url`; its tables are made where there are none.

    Raises:
        SweepError: it cannot be opened.
    """
    import optuna
    import sqlalchemy

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = storage_url()
    sqlite = url.startswith("sqlite")
    workspace().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(workspace() / "sweeps.tables.lock", timeout=WAIT_S):  # two would make them at once
            return optuna.storages.RDBStorage(
                url, engine_kwargs={"connect_args": {"timeout": WAIT_S}} if sqlite else {"pool_pre_ping": True}
            )
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, RuntimeError) as error:
        if _says(error, "locked"):
            raise _told(error, locked=True) from error
        raise SweepError(
            f"{AWAY} ({_shown_url()}) cannot be opened: {type(error).__name__}. Start its server or "
            "correct FERSCOPE_SWEEPS, as in postgresql+psycopg://user@host/name; without it, a file in the workspace "
            "is taken."
        ) from error

"""The table of jobs: SQLite in the workspace, and the one truth about what waits, what runs and what has ended."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_core.errors import JobError
from training.jobs.job import Attempt, Job, Spec, jobs_folder
from training.jobs.slots import CLUSTER
from training.jobs.states import Reason, Status
from training.jobs.writing import told_where_not_written

WAIT_S = 10.0  # for a table that somebody else has locked

_SCHEMA = """
create table if not exists job (
    id integer primary key autoincrement, run text not null unique, spec text not null, priority integer not null,
    status text not null, reason text, message text not null default '', cancelling integer not null default 0,
    worker text, device text not null default '', attempts integer not null default 0,
    fruitless integer not null default 0, spent_s real not null default 0, queued real not null, began real, ended real
);
create index if not exists job_status on job (status, priority desc, queued, id);
create table if not exists attempt (
    job integer not null references job, number integer not null, device text not null, began real not null,
    ended real, reason text, message text not null default '', primary key (job, number)
);
"""
_COLUMNS = (
    "id, spec, priority, status, reason, message, cancelling, device, attempts, fruitless, spent_s, queued, began, "
    "ended"
)


def table_file() -> Path:
    """Where the table lies; it may not exist yet."""
    return jobs_folder() / "jobs.db"


@contextlib.contextmanager
def connected(write: bool = False) -> Iterator[sqlite3.Connection]:
    """The table; with `write` it is ours until the block ends, and what was changed is kept if it ends well.

    Raises:
        JobError: somebody has locked it for longer than `WAIT_S` seconds, it is damaged, or the disk is full or cannot
            be written to.
    """
    file = table_file()
    with told_where_not_written(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(file, timeout=WAIT_S, isolation_level=None)) as db:
            _prepare(db)
            if write:
                db.execute("begin immediate")
            yield db
            if write:
                db.execute("commit")
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise JobError(
                f"Another program has kept the table of jobs ({file}) locked for {WAIT_S:.0f} seconds. Close what has "
                "it open, such as a browser of databases or a backup, and try again."
            ) from error
        raise JobError(
            f"The table of jobs ({file}) cannot be used: {error}. Make room on the disk if it is full; otherwise move "
            "the file away, and an empty one is made. Runs and checkpoints do not depend on it."
        ) from error


def _prepare(db: sqlite3.Connection) -> None:
    """Writers do not keep readers waiting, and the tables are there."""
    if db.execute("pragma journal_mode").fetchone()[0] != "wal":
        deadline = time.monotonic() + WAIT_S
        while True:  # SQLite does not itself wait for this one
            try:
                db.execute("pragma journal_mode=wal")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    if not db.execute("select 1 from sqlite_master where name = 'attempt'").fetchone():
        db.executescript(f"begin immediate; {_SCHEMA} commit;")


@dataclass(frozen=True)
class End:
    """What the end of an attempt makes of its job.

    Attributes:
        reason: why the attempt has ended.
        message: the same in words.
        status: of the job; `queued` where it goes on by itself.
        fruitless: as in `Job`.
    """

    reason: Reason
    message: str
    status: Status
    fruitless: int = 0


def _job(row: Sequence[Any]) -> Job:
    number, spec, priority, status, reason, message, cancelling, *others = row
    return Job(
        number,
        Spec.model_validate_json(spec),
        priority,
        Status(status),
        Reason(reason) if reason else None,
        message,
        bool(cancelling),
        *others,
    )


def add(spec: Spec, priority: int) -> Job:
    """A new job, held until its folder is there.

    Raises:
        JobError: another job has this run.
    """
    with connected(write=True) as db:
        taken = db.execute("select id from job where run = ?", (spec.run,)).fetchone()
        if taken:
            raise JobError(
                f"The run {spec.run!r} belongs to job {taken[0]}. Resume that one, or give this one another name."
            )
        row = db.execute(
            f"insert into job (run, spec, priority, status, queued) values (?, ?, ?, ?, ?) returning {_COLUMNS}",
            (spec.run, spec.model_dump_json(), priority, Status.HELD, time.time()),
        ).fetchone()
    return _job(row)


def find(number: int) -> Job:
    """One job.

    Raises:
        JobError: there is none of this number.
    """
    with connected() as db:
        row = db.execute(f"select {_COLUMNS} from job where id = ?", (number,)).fetchone()
    if row is None:
        raise JobError(f"There is no job {number}; `python -m training jobs list` shows those that there are.")
    return _job(row)


def every(status: Status | None = None) -> list[Job]:
    """All jobs, or those of one status: what runs first, then what waits in its order, then what is over, newest first.

    Empty where there are none.
    """
    if not table_file().exists():
        return []
    with connected() as db:
        rows = db.execute(f"select {_COLUMNS} from job where ? is null or status = ?", (status, status)).fetchall()
    return sorted(map(_job, rows), key=_place)


def _place(job: Job) -> tuple[float, ...]:
    if job.status is Status.RUNNING:
        return (0, job.id)
    return (1, -job.priority, job.queued, job.id) if job.status is Status.QUEUED else (2, -job.id)


def runs_in_use() -> set[str]:
    """Names of the runs of all jobs."""
    with connected() as db:
        return {row[0] for row in db.execute("select run from job")}


def attempts(number: int) -> list[Attempt]:
    """All attempts at a job, the first one first."""
    with connected() as db:
        rows = db.execute(
            "select number, device, began, ended, reason, message from attempt where job = ? order by number", (number,)
        ).fetchall()
    return [Attempt(row[0], row[1], row[2], row[3], Reason(row[4]) if row[4] else None, row[5]) for row in rows]


def claim(worker: str, device: str) -> Job | None:
    """The job that goes first is this worker's now, and an attempt at it begins; None where none waits.

    The device `CLUSTER` takes the jobs that train on one, and no other does.
    """
    now = time.time()
    with connected(write=True) as db:
        row = db.execute(
            "update job set status = 'running', worker = ?, device = ?, attempts = attempts + 1, began = ?, "
            "ended = null, reason = null, message = '' where id = (select id from job where status = 'queued' "
            "and (json_extract(spec, '$.cluster') is not null) = ? "
            f"order by priority desc, queued, id limit 1) returning {_COLUMNS}",
            (worker, device, now, device == CLUSTER),
        ).fetchone()
        if row is None:
            return None
        job = _job(row)
        db.execute("insert into attempt (job, number, device, began) values (?, ?, ?, ?)",
                   (job.id, job.attempts, device, now))  # fmt: skip
    return job


def adopt(worker: str) -> Job | None:
    """A job that runs, or ran, under a worker that is no more; None where there is none."""
    with connected(write=True) as db:
        row = db.execute(
            "update job set worker = ? where id = (select id from job where status = 'running' and worker != ? "
            f"order by id limit 1) returning {_COLUMNS}",
            (worker, worker),
        ).fetchone()
    return None if row is None else _job(row)


def change(number: int, of: Sequence[Status], **values: Any) -> bool:
    """Sets columns of a job, if it is of one of these statuses; whether it was."""
    if not set(values) <= set(_COLUMNS.split(", ")):
        raise KeyError(f"no columns of a job: {sorted(values)}")
    sets = ", ".join(f"{name} = ?" for name in values)
    marks = ", ".join("?" * len(of))
    with connected(write=True) as db:
        done = db.execute(
            f"update job set {sets} where id = ? and status in ({marks})", (*values.values(), number, *of)
        )
    return done.rowcount == 1


def end_attempt(job: Job, end: End) -> None:
    """The attempt that a job is at is over, and the job is what that makes of it.

    A job that was to go on, but was cancelled meanwhile, is cancelled. Of two that see the same end the first counts.
    """
    now = time.time()
    with connected(write=True) as db:
        row = db.execute(
            "select cancelling from job where id = ? and attempts = ? and status = 'running'", (job.id, job.attempts)
        ).fetchone()
        if row is None:  # somebody else has seen to it
            return
        if row[0] and end.status is Status.QUEUED:
            end = replace(end, status=Status.CANCELLED, reason=Reason.CANCELLED)
        db.execute(
            "update attempt set ended = ?, reason = ?, message = ? where job = ? and number = ?",
            (now, end.reason, end.message, job.id, job.attempts),
        )
        db.execute(
            "update job set status = ?, reason = ?, message = ?, cancelling = 0, fruitless = ?, "
            "spent_s = spent_s + ?, ended = ? where id = ?",
            (end.status, end.reason, end.message, end.fruitless, now - (job.began or now),
             now if end.status.over else None, job.id),
        )  # fmt: skip


def remove(number: int, of: Sequence[Status] = tuple(Status)) -> bool:
    """Takes a job and its attempts out of the table, if it is of one of these statuses; whether it was."""
    marks = ", ".join("?" * len(of))
    with connected(write=True) as db:
        done = db.execute(f"delete from job where id = ? and status in ({marks})", (number, *of))
        if done.rowcount:
            db.execute("delete from attempt where job = ?", (number,))
    return done.rowcount == 1

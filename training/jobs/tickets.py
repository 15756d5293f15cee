"""Who is to look for work, and when: huey on SQLite.

A ticket says only that there may be a job to take; which one goes first is asked of the table at that moment. huey
deletes a message before its work begins, so that a worker that is killed takes it along; cannot change the priority of
one that waits; and has no list of what became of them. The table has all that. Thus tickets may be lost, or be too
many: a worker that starts hands out one for each job that is open, and once a minute one for each that has none.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from typing import Any

from huey import SqliteHuey, crontab
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer

from training.jobs.job import jobs_folder
from training.jobs.states import Status
from training.jobs.table import WAIT_S, every


class _Json(Serializer):  # type: ignore[misc]
    """Messages as JSON, since huey's own are pickles."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


class Tickets:
    """The tickets of this workspace.

    Args:
        serve: what a ticket makes a thread of the worker do; others only hand out tickets.
    """

    def __init__(self, serve: Callable[[], None] | None = None) -> None:
        folder = jobs_folder()
        folder.mkdir(parents=True, exist_ok=True)
        self.huey = SqliteHuey(
            "jobs", filename=str(folder / "tickets.db"), results=False, serializer=_Json(), timeout=WAIT_S
        )

        def look() -> None:
            if serve is not None:
                serve()

        self._look = self.huey.task(name="look")(look)
        self.huey.periodic_task(crontab(minute="*"), name="replace_lost")(self._replace_lost)

    def _replace_lost(self) -> None:
        for _ in range(len(every(Status.QUEUED)) - self.huey.pending_count()):
            self.hand_out()

    def hand_out(self) -> None:
        """One ticket more."""
        self._look()

    def hand_out_anew(self) -> None:
        """One ticket for each job that waits or runs; whatever tickets there were are void."""
        self.huey.storage.flush_queue()
        for _ in (*every(Status.QUEUED), *every(Status.RUNNING)):
            self.hand_out()

    def consumer(self, slots: int) -> Consumer:
        """What turns tickets into work, `slots` at a time."""
        return Consumer(self.huey, workers=slots, initial_delay=0.1, max_delay=0.5)

    def close(self) -> None:
        """Closes the file."""
        self.huey.storage.close()


def announce() -> None:
    """Hands out a ticket for a job that was put into the queue."""
    with contextlib.suppress(sqlite3.OperationalError):  # locked: the worker replaces it within a minute
        tickets = Tickets()
        try:
            tickets.hand_out()
        finally:
            tickets.close()

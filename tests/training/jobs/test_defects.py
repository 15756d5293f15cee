"""A defect in the worker itself: the job ends with a sentence, its process with it, and the next one is served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from tests.training.jobs.conftest import runs
from tests.waiting import until
from training.jobs import attempts as watching
from training.jobs import table
from training.jobs.job import Job
from training.jobs.table import adopt, attempts, claim, find
from training.jobs.worker import Worker

HandIn = Callable[..., Job]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def worker(told: list[str]) -> Iterator[Worker]:
    made = Worker(["cpu"], None, told.append)
    yield made
    made.tickets.close()


def defect(*_: object) -> NoReturn:
    raise ValueError("a defect")


def test_a_process_that_is_there_is_ended(
    hand_in: HandIn, worker: Worker, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = hand_in("time.sleep(100)", grace_s=0.2)
    begun: list[Job] = []

    def watch(*_: object) -> NoReturn:
        begun.append(runs(job))
        defect()

    monkeypatch.setattr(watching, "watch", watch)
    worker.serve()
    ended = find(job.id)
    assert (ended.status, ended.reason, ended.cancelling) == ("failed", "crash", False)
    assert ended.message == (
        "A defect of the worker, not of the job, has ended it: ValueError: a defect. The worker's log tells where. "
        "Resume it to go on from where it was kept last."
    )
    assert [(a.reason, a.message) for a in attempts(job.id)] == [("crash", ended.message)]
    assert begun[0].task.pid
    assert not begun[0].task.lives
    assert any("Traceback" in line and "ValueError: a defect" in line for line in told)
    assert not worker.slots.busy


def test_the_next_one_is_served(hand_in: HandIn, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = hand_in("", "a"), hand_in("", "b")
    with monkeypatch.context() as patched:
        patched.setattr(watching, "begin", defect)
        worker.serve()
    worker.serve()
    assert (find(first.id).status, find(second.id).status) == ("failed", "done")


def test_one_that_is_taken_up(hand_in: HandIn, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hand_in("")
    claim("gone", "cpu")
    monkeypatch.setattr(watching, "judge", defect)
    worker.serve()
    assert (find(job.id).status, find(job.id).reason) == ("failed", "crash")
    assert adopt("another worker") is None


def test_a_table_that_cannot_be_read_keeps_no_device(
    hand_in: HandIn, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = hand_in("")
    with monkeypatch.context() as patched:
        patched.setattr(table, "claim", defect)
        with pytest.raises(ValueError, match="a defect"):
            worker.serve()
    assert not worker.slots.busy
    worker.serve()
    assert until(lambda: find(job.id).status.over)

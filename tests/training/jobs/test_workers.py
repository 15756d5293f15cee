"""Several workers, idle ones, lost tickets, devices, many jobs."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.training.jobs.conftest import Workers, over
from tests.waiting import PATIENCE_S, until
from training.jobs.job import Job, jobs_folder
from training.jobs.table import claim, every, find
from training.jobs.worker import Alive, alive, ensure_worker, only_one, wake

HandIn = Callable[..., Job]
WAIT = "(here / me).touch()\nwhile not (here / 'go').exists(): time.sleep(0.02)\n"


def test_the_second_worker_says_so_and_leaves(workers: Workers, home: Path) -> None:
    first = workers.start()
    second = workers.start()
    assert second.wait(PATIENCE_S) == 2
    assert workers.said(1) == (
        f"Error: A worker (process {first.pid}) is at work on {home.resolve()} already. It takes all jobs; with "
        "--stand-by this one waits for its place.\n"
    )
    assert alive() is not None
    assert alive().pid == first.pid


def test_the_second_worker_stands_by(hand_in: HandIn, workers: Workers) -> None:
    first = workers.start()
    second = workers.start("--stand-by", ready=False)
    until(lambda: "Standing by." in workers.said(1))
    first.kill()
    first.wait()
    until(lambda: "At work" in workers.said(1))
    assert until(alive).pid == second.pid
    assert over(hand_in("")).status == "done"


def test_a_worker_that_is_told_to_leave_leaves_the_job_running(
    hand_in: HandIn, workers: Workers, tmp_path: Path
) -> None:
    job = hand_in(WAIT)
    first = workers.start()
    until((tmp_path / "a").exists)
    for kind in (signal.SIGHUP,):  # its terminal was closed
        first.send_signal(kind)
    assert first.wait(PATIENCE_S) == 0
    assert find(job.id).status == "running"
    assert "Leaving; a job that runs goes on" in workers.said()
    (tmp_path / "go").touch()
    workers.start()
    assert over(job).status == "done"


def test_an_idle_worker_leaves_and_a_new_one_is_started(hand_in: HandIn, workers: Workers) -> None:
    first = workers.start("--idle-exit", "0.5")
    assert over(hand_in("")).status == "done"
    assert first.wait(PATIENCE_S) == 0
    job = hand_in("", "b")
    ensure_worker(idle_exit_s=0.5)
    ensure_worker(idle_exit_s=0.5)  # two pages at once
    assert over(job).status == "done"
    until(lambda: alive() is None)
    log = (jobs_folder() / "worker.log").read_text()
    assert log.count("Job 2 (script b) starts on cpu.") == 1
    assert log.count("At work") == 1
    assert "is at work on" not in log


def test_after_the_machine_was_switched_off_a_worker_is_started(hand_in: HandIn) -> None:
    """Whoever opens the app wakes one, if there is work."""
    wake()
    assert alive() is None
    job = hand_in("")
    claim("a worker that is no more", "cpu")
    ensured: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.jobs.worker.ensure_worker", lambda: ensured.append(0))
        wake()
    assert ensured == [0]
    ensure_worker(idle_exit_s=0.5)
    assert over(job).status == "done"
    until(lambda: alive() is None)


def test_one_that_only_asks_keeps_no_worker_from_its_work() -> None:
    """A page looks whether there is a worker in the very moment in which one begins."""
    jobs_folder().mkdir(parents=True)
    lock = FileLock(jobs_folder() / "worker.lock", thread_local=False)
    lock.acquire()
    threading.Timer(0.3, lock.release).start()
    said: list[str] = []
    with only_one(stand_by=False, say=said.append):
        assert alive() == Alive(os.getpid(), pytest.approx(time.time(), abs=60))
    assert alive() is None
    assert said == []


def test_lost_tickets_lose_no_job(hand_in: HandIn, workers: Workers) -> None:
    jobs = [hand_in("", run) for run in "abc"]
    for file in jobs_folder().glob("tickets.db*"):
        file.unlink()
    workers.start()
    assert [over(job).status for job in jobs] == ["done"] * 3


def test_each_card_takes_one_job_and_sees_no_other(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    script = "(here / me).write_text(os.environ['CUDA_VISIBLE_DEVICES'])\n" + WAIT.partition("\n")[2]
    jobs = [hand_in(script, run) for run in "abc"]
    first = workers.start(CUDA_VISIBLE_DEVICES="3,5")
    until(lambda: all((tmp_path / run).exists() and (tmp_path / run).read_text() for run in "ab"))
    assert {(tmp_path / run).read_text() for run in "ab"} == {"3", "5"}
    assert find(jobs[2].id).status == "queued"
    first.kill()
    first.wait()
    workers.start(CUDA_VISIBLE_DEVICES="3,5")  # takes both up, and has no room for the third either
    until(lambda: workers.said(1).count("is taken up") == 2)
    time.sleep(1)
    assert find(jobs[2].id).status == "queued"
    (tmp_path / "go").touch()
    assert [over(job).status for job in jobs] == ["done"] * 3


def test_a_hundred_in_the_queue_go_by_priority_and_number_and_each_ends_with_a_reason(
    hand_in: HandIn, workers: Workers, tmp_path: Path
) -> None:
    """Every tenth has a process of its own; the others want more disk than there is, which ends them without one."""
    note = "with (here / 'order').open('a') as file: file.write(me + ' ')\n"
    ends = ("", "sys.stderr.write('Error: Nothing there.\\n'); sys.exit(2)", "raise ValueError('a defect')")
    jobs = []
    for i in range(100):
        limits = {"disk_mb": 0.0 if i % 10 == 0 else 1e12}
        jobs.append(hand_in(note + ends[i // 10 % 3], f"r{i}", i * 7 // 10 % 5, **limits))
    expected = sorted(jobs, key=lambda job: (-job.priority, job.id))
    workers.start()
    over(expected[-1])
    ended = sorted(every(), key=lambda job: job.began or 0)
    assert [job.id for job in ended] == [job.id for job in expected]
    assert all((one.ended or 0) <= (after.began or 0) for one, after in itertools.pairwise(ended))
    # Their priorities, 7 * i // 10 % 5: 0, 2, 4, 1, 3, and the same again.
    assert (tmp_path / "order").read_text() == "r20 r70 r40 r90 r10 r60 r30 r80 r0 r50 "
    assert Counter((job.status, job.reason) for job in ended) == {
        ("failed", "no disk space"): 90, ("done", "done"): 4, ("failed", "error"): 3, ("failed", "crash"): 3,
    }  # fmt: skip
    assert {job.attempts for job in ended} == {1}

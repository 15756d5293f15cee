"""Workers and the processes that they see to: ends of all kinds, kills, two at once, devices."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.training.jobs.conftest import Workers, over, runs
from tests.waiting import until
from training.jobs import attempts as watching
from training.jobs.job import Job
from training.jobs.queue import resume
from training.jobs.states import Reason, Status
from training.jobs.table import attempts, claim, find
from training.jobs.worker import alive

HandIn = Callable[..., Job]
KEEP = "run.mkdir(parents=True, exist_ok=True); (run / 'last.ckpt').write_text(str(time.time()))\n"
WAIT = "(here / me).touch()\nwhile not (here / 'go').exists(): time.sleep(0.02)\n"


def test_jobs_in_their_order_and_how_each_ended(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    note = "with (here / 'order').open('a') as file: file.write(me)\n"
    good = hand_in(note + "print('fine')", "a")
    told = hand_in(note + "sys.stderr.write('Error: Nothing there. Look elsewhere.\\n'); sys.exit(2)", "b", 1)
    crash = hand_in(note + "raise ValueError('a defect')", "c", 2)
    workers.start()
    ended = [over(job) for job in (good, told, crash)]
    assert (tmp_path / "order").read_text() == "cba"
    assert [(job.status, job.reason) for job in ended] == [("done", "done"), ("failed", "error"), ("failed", "crash")]
    assert ended[1].message == "Nothing there. Look elsewhere."
    assert ended[2].message.startswith("ValueError: a defect (more in ")
    assert good.folder.joinpath("1", "log.txt").read_text() == "fine\n"
    assert find(1).log() == "fine"
    assert all(job.ended and job.began and job.began < job.ended and job.device == "cpu" for job in ended)


def test_a_worker_killed_while_a_job_runs(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """The process works on, and the next worker takes it up where it is."""
    job = hand_in(WAIT + "print('to the end')")
    first = workers.start()
    pid = runs(job).task.pid
    until((tmp_path / "a").exists)
    first.kill()
    first.wait()
    assert alive() is None
    assert find(job.id).status == "running"
    assert psutil.pid_exists(pid)
    workers.start()
    until(lambda: "is taken up" in workers.said(1))
    (tmp_path / "go").touch()
    assert over(job).status == "done"
    assert len(attempts(job.id)) == 1
    assert job.folder.joinpath("1", "log.txt").read_text() == "to the end\n"


def test_worker_and_job_killed_together(hand_in: HandIn, workers: Workers) -> None:
    """As when the power fails: the job goes on by itself as soon as there is a worker."""
    job = hand_in("if not run.exists():\n    " + KEEP.replace("\n", "") + "\n    time.sleep(100)\nprint('second time')")
    first = workers.start()
    until((job.run_folder / "last.ckpt").exists)
    first.kill()
    os.kill(runs(job).task.pid or 0, signal.SIGKILL)
    first.wait()
    workers.start()
    assert over(job).status == "done"
    assert [(a.reason, a.message) for a in attempts(job.id)] == [
        ("killed", "Its process was killed; the system does that where memory runs out. It goes on by itself."),
        ("done", ""),
    ]
    assert find(job.id).log() == "--- attempt 1 ---\n\n--- attempt 2 ---\nsecond time"


def test_killed_between_the_claim_and_the_start(hand_in: HandIn, workers: Workers) -> None:
    job = hand_in("print('runs')")
    claim("a worker that is no more", "cpu")
    workers.start()
    assert over(job).status == "done"
    assert [a.reason for a in attempts(job.id)] == ["killed", "done"]


def test_a_job_that_gets_nowhere_is_given_up(hand_in: HandIn, workers: Workers) -> None:
    job = hand_in("os.kill(os.getpid(), signal.SIGKILL)", "a")
    slow = hand_in(f"{KEEP}count = here / 'count'; n = len(count.read_text()) if count.exists() else 0\n"
                   "count.write_text('x' * (n + 1))\nif n < 4: os.kill(os.getpid(), signal.SIGKILL)", "b")  # fmt: skip
    workers.start()
    ended = over(job)
    assert (ended.status, ended.reason, ended.attempts) == ("failed", "killed", 3)
    assert "3 times in a row before it got any further" in ended.message
    assert (over(slow).status, over(slow).attempts) == ("done", 5)  # each attempt kept something new
    resume(job.id)
    assert until(lambda: j if (j := find(job.id)).status.over and j.attempts == 6 else None).status == "failed"


def test_asked_to_end_from_outside_it_goes_on(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """As when the system shuts down in good order."""
    job = hand_in("if (here / me).exists(): sys.exit()\n" + WAIT)
    workers.start()
    until((tmp_path / "a").exists)
    os.kill(runs(job).task.pid or 0, signal.SIGTERM)
    assert over(job).status == "done"
    assert [a.reason for a in attempts(job.id)] == ["killed", "done"]
    assert attempts(job.id)[0].message == "Its process was ended from outside. It goes on by itself."


def test_a_machine_that_was_switched_off(hand_in: HandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in("")
    job = claim("w", "cpu")
    assert job is not None
    monkeypatch.setattr(watching.psutil, "boot_time", lambda: time.time() + 60)
    end = watching.judge(job, job.task)
    assert (end.reason, end.status) == (Reason.SWITCHED_OFF, Status.QUEUED)
    assert end.message.startswith("The machine was switched off or started anew while it ran.")

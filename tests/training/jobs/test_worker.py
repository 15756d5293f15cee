"""Workers and the processes that they see to: ends of all kinds, kills, two at once, devices."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.training.jobs.conftest import PATIENCE_S, Workers, over, runs, until
from training.jobs import attempts as watching
from training.jobs.job import Job, jobs_folder
from training.jobs.queue import cancel, resume
from training.jobs.states import Reason, Status
from training.jobs.table import attempts, claim, every, find
from training.jobs.worker import alive, ensure_worker

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


def test_many_in_the_queue(hand_in: HandIn, workers: Workers) -> None:
    jobs = [hand_in("", f"r{i}") for i in range(100)]
    for job in jobs[3:]:
        cancel(job.id)
    workers.start()
    assert [over(job).status for job in jobs[:3]] == ["done"] * 3
    assert [job.status for job in every()] == ["cancelled"] * 97 + ["done"] * 3

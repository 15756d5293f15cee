"""Jobs that are ended: cancelled while starting, at work, deaf, or saving; out of time, memory or disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fer_core.tasks import Task
from tests.training.jobs.conftest import Workers, over, runs
from tests.waiting import until
from training.jobs import attempts as watching
from training.jobs import table
from training.jobs.job import Job
from training.jobs.memory import memory_mb
from training.jobs.queue import cancel, resume
from training.jobs.states import Status
from training.jobs.table import End, attempts, claim, find
from training.jobs.worker import Worker

HandIn = Callable[..., Job]
FOREVER = "(here / me).touch()\nwhile True: time.sleep(0.02)\n"
HEARS = "def end(*_): (here / (me + '-heard')).touch(); sys.exit(143)\nsignal.signal(signal.SIGTERM, end)\n"


def test_cancelled_while_starting(hand_in: HandIn, workers: Workers) -> None:
    """Its process is there, but has not come to its work, or even to listening for signals."""
    job = hand_in("(here / 'reached').touch()\ntime.sleep(100)")
    workers.start()
    until(lambda: find(job.id).status is Status.RUNNING)
    cancel(job.id)
    ended = over(job)
    assert (ended.status, ended.reason, ended.cancelling) == ("cancelled", "cancelled", False)
    assert [a.reason for a in attempts(job.id)] == ["cancelled"]
    pid = ended.task.pid
    until(lambda: pid is None or not psutil.pid_exists(pid))


def test_cancelled_at_work(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """It is asked first, and the device is free for the next one."""
    job = hand_in(HEARS + FOREVER)
    workers.start()
    until((tmp_path / "a").exists)
    assert cancel(job.id).cancelling
    assert (over(job).status, over(job).message) == ("cancelled", "Cancelled.")
    assert (tmp_path / "a-heard").exists()
    assert over(hand_in("", "b")).status == "done"


def test_one_that_does_not_listen_is_killed_after_its_grace(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    job = hand_in("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER, grace_s=0.5)
    workers.start()
    until((tmp_path / "a").exists)
    cancel(job.id)
    ended = over(job)
    assert (ended.status, ended.reason) == ("cancelled", "cancelled")
    assert "was killed; it can go on from where it was kept last" in ended.message


def test_one_that_is_saving_is_waited_for(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """Cancelled in the middle of writing: the file is whole."""
    script = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n(here / me).touch()\n"
        "with (here / 'file').open('w') as file:\n"
        "    for i in range(20): file.write('x'); file.flush(); time.sleep(0.05)\nsys.exit(143)"
    )
    job = hand_in(script)
    workers.start()
    until((tmp_path / "a").exists)
    cancel(job.id)
    assert over(job).message == "Cancelled."
    assert (tmp_path / "file").read_text() == "x" * 20


def test_what_was_over_first_is_done(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """Asked to end in its last moment, it ended well."""
    job = hand_in("signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + FOREVER)
    workers.start()
    until((tmp_path / "a").exists)
    cancel(job.id)
    assert (over(job).status, over(job).reason) == ("done", "done")


def test_cancelled_without_a_worker(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """The worker was killed, the process works on: whoever cancels ends it."""
    job = hand_in(HEARS + FOREVER)
    worker = workers.start()
    until((tmp_path / "a").exists)
    worker.kill()
    worker.wait()
    assert cancel(job.id).status == "cancelled"
    assert (tmp_path / "a-heard").exists()


def test_cancelled_and_killed_at_once_it_does_not_go_on(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    job = hand_in(FOREVER)
    worker = workers.start()
    until((tmp_path / "a").exists)
    worker.kill()
    worker.wait()
    os.kill(runs(job).task.pid or 0, signal.SIGKILL)
    assert cancel(job.id).status == "cancelled"


def test_time_limit(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    job = hand_in(HEARS + FOREVER, time_s=1.5)
    workers.start()
    ended = over(job)
    assert (ended.status, ended.reason) == ("failed", "time limit")
    assert ended.message.startswith("It has run for the 2 seconds that it was given.")
    assert (tmp_path / "a-heard").exists()
    assert 1.5 <= ended.spent_s < 60
    assert resume(job.id).spent_s == 0  # with as much time as the first time
    assert over(job).reason == "time limit"


def test_memory_limit(hand_in: HandIn, workers: Workers) -> None:
    small = hand_in("held = bytearray(1_000_000)\ntime.sleep(3)", "a", memory_mb=200)
    large = hand_in("held = b'x' * 300_000_000\ntime.sleep(100)", "b", memory_mb=200)
    of_child = hand_in(
        "import subprocess\ncode = \"x = b'x' * 300_000_000; import time; time.sleep(100)\"\n"
        "subprocess.run([sys.executable, '-c', code])",
        "c", memory_mb=200,
    )  # fmt: skip
    workers.start()
    assert over(small).status == "done"
    for job in (large, of_child):
        ended = over(job)
        assert (ended.status, ended.reason) == ("failed", "memory limit")
        assert (
            "MB of memory and was given 200 MB. Clone it with a higher limit, or with a smaller batch_size"
            in ended.message
        )


def test_memory_of_a_process() -> None:
    own = memory_mb(os.getpid())
    assert own is not None
    assert own >= psutil.Process().memory_info().rss / 1e6 * 0.5
    assert memory_mb(None) is None
    assert memory_mb(2**22 + 1) is None


def test_no_room_on_the_disk(hand_in: HandIn, workers: Workers) -> None:
    job = hand_in("", disk_mb=1e12)
    workers.start()
    ended = over(job)
    assert (ended.status, ended.reason, ended.attempts) == ("failed", "no disk space", 1)
    assert "and the job wants 1,000,000,000,000 MB before it starts. Make room" in ended.message
    assert not (job.folder / "1").exists()


def test_the_workspace_is_full_to_the_last_byte(
    hand_in: HandIn, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log, result and table are on that disk as well: what is kept free for them holds the sentence."""
    monkeypatch.setenv("FERSCOPE_HOME", str(small_disk))
    hand_in(
        "from fer_core.errors import FERScopeError\nfrom training.disk import told_when_full\nrun.mkdir(parents=True)\n"
        "try:\n    with told_when_full(run), (run / 'file').open('wb', buffering=0) as file:\n"
        "        while True: file.write(b'x' * 4096)\n"
        "except FERScopeError as error: sys.stderr.write(f'Error: {error}\\n'); sys.exit(2)",
        disk_mb=0,
    )
    job = claim("w", "cpu")
    assert job is not None
    task = watching.begin(job)
    assert not isinstance(task, End)
    end = watching.watch(job, task, lambda: False)
    assert end is not None
    table.end_attempt(job, end)
    ended = find(job.id)
    assert (ended.status, ended.reason) == ("failed", "no disk space")
    assert ended.message.startswith("The disk is full: what the run writes does not fit into the 0 MB left for ")
    assert f"{ended.run_folder}. Make room" in ended.message
    assert not (task.folder / "reserve").exists()
    assert shutil.disk_usage(small_disk).free < 300_000


def test_a_run_that_goes_on_wants_room_for_its_state_twice(hand_in: HandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in("", disk_mb=1)
    job = claim("w", "cpu")
    assert job is not None
    job.run_folder.mkdir(parents=True)
    (job.run_folder / "last.ckpt").write_bytes(b"x" * 3_000_000)

    class Usage:
        free = 5_900_000

    monkeypatch.setattr(watching.shutil, "disk_usage", lambda _: Usage)
    end = watching.begin(job)
    assert isinstance(end, End)
    assert end.message.startswith("6 MB are free on the disk of ")
    assert "wants 6 MB before it starts" in end.message
    Usage.free = 6_000_000
    started = watching.begin(job)
    assert not isinstance(started, End)
    until(lambda: not started.lives)


def test_a_process_that_cannot_be_started(hand_in: HandIn) -> None:
    """Somebody has put a file where the attempt's folder is to be."""
    hand_in("")
    job = claim("w", "cpu")
    assert job is not None
    (job.folder / "1").write_text("a file")
    end = watching.begin(job)
    assert isinstance(end, End)
    assert (end.status, end.reason) == ("failed", "crash")
    assert end.message.startswith("Its process could not be started: [Errno 17] File exists")


def test_a_locked_table_does_not_lose_a_ticket(hand_in: HandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that could not ask which job goes first asks again."""
    job = hand_in("")
    told: list[str] = []
    worker = Worker(["cpu"], None, told.append)
    monkeypatch.setattr(table, "WAIT_S", 0.1)
    monkeypatch.setattr("training.jobs.worker._AGAIN_S", 0.0)
    worker.tickets.huey.storage.flush_queue()
    with contextlib.closing(sqlite3.connect(table.table_file(), isolation_level=None)) as holder:
        holder.execute("begin exclusive")
        worker.serve()
    assert told[0].startswith("Another program has kept the table of jobs")
    assert worker.tickets.huey.pending_count() == 1
    assert not worker.slots.busy
    worker.serve()
    worker.tickets.close()
    assert find(job.id).status == "done"


def test_a_locked_table_does_not_end_a_job(hand_in: HandIn, workers: Workers, tmp_path: Path) -> None:
    """Somebody holds the table while a job ends: its end is written as soon as the table is free."""
    job = hand_in("(here / me).touch()\nwhile not (here / 'go').exists(): time.sleep(0.02)")
    workers.start()
    until((tmp_path / "a").exists)
    holder = sqlite3.connect(table.table_file(), isolation_level=None)
    holder.execute("begin exclusive")
    (tmp_path / "go").touch()
    until(lambda: not job_task(job).lives)
    time.sleep(1)
    assert find(job.id).status == "running"
    holder.execute("commit")
    holder.close()
    assert over(job).status == "done"


def job_task(job: Job) -> Task:
    return find(job.id).task


ASKING = """{"step": 0, "steps": 0, "seconds_left": null,
"doing": {"what": "asking its teachers", "done": 1, "total": 9, "seconds_left": 8}}"""


@pytest.mark.parametrize(("kept", "text"), [("last.ckpt", ""), ("progress.json", ASKING)])
def test_killed_time_and_again_it_is_given_up_unless_it_got_further(hand_in: HandIn, kept: str, text: str) -> None:
    """Further is a step of training, or a face that its teachers were asked about."""
    hand_in("")
    for number in (1, 2):
        job = claim("w", "cpu")
        assert job is not None
        end = watching.judge(job, job.task)
        assert (end.status, end.fruitless) == (Status.QUEUED, number)
        table.end_attempt(job, end)
    job = claim("w", "cpu")
    assert job is not None
    end = watching.judge(job, job.task)
    assert end.status is Status.FAILED
    assert "3 times in a row before it got any further, and it was given up" in end.message
    job.run_folder.mkdir(parents=True)
    measuring = ASKING.replace("asking its teachers", "measuring")  # of that nothing is kept
    (job.run_folder / "progress.json").write_text(measuring)
    assert watching.judge(job, job.task).status is Status.FAILED
    (job.run_folder / kept).write_text(text)
    end = watching.judge(job, job.task)
    assert (end.status, end.fruitless) == (Status.QUEUED, 0)

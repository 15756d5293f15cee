"""The worker: a process that takes jobs from the queue and sees to their processes. One works in a workspace at a time.

What it knows stands in the table and in the jobs' folders. So a worker may be killed at any time: the processes that
it had started work on, and the next worker takes them up where they are, or starts them again where they have gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from fer_core.errors import JobError
from fer_core.workspace import workspace
from training.jobs import attempts, table
from training.jobs.job import Job, jobs_folder
from training.jobs.slots import CLUSTER, Slots, devices
from training.jobs.states import Reason, Status
from training.jobs.table import End
from training.jobs.tickets import Tickets
from training.jobs.writing import told_where_not_written

_AGAIN_S = 2.0  # after the table was locked
_LOOK_EVERY_S = 1.0
_JOIN_S = 5.0
_BEGIN_S = 1.0
_ON_ITS_WAY_S = 15.0
_ELSEWHERE = 8  # jobs at a time that train on clusters, which queue what they have no room for
_STARTED: dict[Path, tuple[float, subprocess.Popen[bytes] | None]] = {}  # by this process: when, and the last one
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Alive:
    """The worker that is at work: number of its process, and since when (seconds since 1970)."""

    pid: int
    since: float


def _lock() -> FileLock:
    folder = jobs_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "worker.lock", timeout=0)


def alive() -> Alive | None:
    """The worker of this workspace; None if there is none."""
    if not (jobs_folder() / "worker.lock").exists():
        return None
    try:
        with _lock():
            return None
    except Timeout:
        try:
            note = json.loads((jobs_folder() / "worker.json").read_bytes())
        except (FileNotFoundError, ValueError):  # it has only just begun
            note = {"pid": 0, "since": time.time()}
        return Alive(note["pid"], note["since"])


def ensure_worker(idle_exit_s: float = 600.0) -> None:
    """Starts a worker, unless one is alive or on its way; it leaves after so many seconds without work.

    Raises:
        JobError: its log cannot be written.
    """
    folder = jobs_folder()
    began_s, last = _STARTED.get(folder, (0.0, None))
    on_its_way = last is not None and last.poll() is None and time.monotonic() - began_s < _ON_ITS_WAY_S
    with told_where_not_written(folder):
        if on_its_way or alive() is not None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        told = (folder / "worker.log").open("ab")
    with told as log:
        process = subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", "training", "worker", "--idle-exit", str(idle_exit_s)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=_ROOT,
            env={**os.environ, "FERSCOPE_HOME": str(workspace().resolve())},
        )  # fmt: skip
    _STARTED[folder] = (time.monotonic(), process)
    threading.Thread(target=process.wait, daemon=True).start()  # or it would stay as a zombie


def wake() -> None:
    """Starts a worker where jobs are open and none is alive, as after the machine was switched off."""
    if any(not job.status.over for job in table.every()):
        ensure_worker()


@contextlib.contextmanager
def only_one(stand_by: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Makes this process the worker.

    Args:
        stand_by: wait until the one that is there has gone, instead of giving up.
        say: is told that one is there.

    Raises:
        JobError: one is there.
    """
    lock = _lock()
    try:
        lock.acquire(timeout=_BEGIN_S)  # somebody may only be asking whether there is one
    except Timeout:
        other = alive()
        who = f"A worker (process {other.pid if other else '?'}) is at work on {jobs_folder().parent} already."
        if not stand_by:
            raise JobError(f"{who} It takes all jobs; with --stand-by this one waits for its place.") from None
        say(f"{who} Standing by.")
        lock.acquire(timeout=-1, poll_interval=0.5)
    try:
        note = jobs_folder() / "worker.json"
        note.write_text(json.dumps({"pid": os.getpid(), "since": time.time()}), encoding="utf-8")
        yield
    finally:
        lock.release()


class Worker:
    """Takes jobs and sees to them; `run` is called in the main thread and blocks.

    Args:
        names: of the devices; one job on each at a time.
        idle_exit_s: leaves after so many seconds without work; None stays.
        say: is told what it does, one line each.
    """

    def __init__(self, names: list[str] | None, idle_exit_s: float | None, say: Callable[[str], None]) -> None:
        self.name = uuid.uuid4().hex
        self.names = names or devices()
        self.slots = Slots([*self.names, *[CLUSTER] * _ELSEWHERE])
        self.idle_exit_s = idle_exit_s
        self.say = say
        self.tickets = Tickets(self.serve)
        self.left_idle = False
        self._busy_at = time.monotonic()
        self._choosing = threading.Lock()
        self._leave = threading.Event()

    def run(self) -> None:
        """Works until it is told to leave by a signal, or has been idle for long; jobs that run then go on."""
        consumer = self.tickets.consumer(len(self.names) + _ELSEWHERE)
        self._leave = consumer.stop_flag
        self.tickets.hand_out_anew()
        self.say(f"At work on {jobs_folder().parent} with {', '.join(self.names)}, process {os.getpid()}.")
        consumer.start()
        for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # huey's own begin anew with the wrong command
            signal.signal(kind, lambda *_: self._leave.set())
        while not self._leave.wait(_LOOK_EVERY_S):
            consumer.check_worker_health()
            self._leave_if_idle()
        consumer.stop()
        for _, thread in consumer.worker_threads:
            thread.join(_JOIN_S)
        self.tickets.close()
        self.say("Leaving; a job that runs goes on, and the next worker takes it up.")

    def serve(self) -> None:
        """What a ticket is good for: one job, from its claim to the end of an attempt. Called in a thread of huey's."""
        try:
            self._serve()
        except JobError as error:  # the table is locked
            self.say(str(error))
            self._leave.wait(_AGAIN_S)
            self.tickets.hand_out()

    def _serve(self) -> None:
        with self._choosing:  # jobs that run are all taken up, with the device that they are on, before a new one is
            adopted = table.adopt(self.name)
            if adopted is not None:
                device = self.slots.take(adopted.device, adopted.spec.cluster is not None)
                job: Job | None = adopted
            else:
                job, device = self._next()
        if job is None or device is None:
            return
        try:
            self._settle(job, self._end_of(job, adopted is not None))
        finally:
            self._busy_at = time.monotonic()
            self.slots.give_back(device)
        if table.every(Status.QUEUED):  # whose tickets may have come while there was no device
            self.tickets.hand_out()

    def _next(self) -> tuple[Job | None, str | None]:
        """The job that goes first of those for which there is a device, and that."""
        for elsewhere in (False, True):
            device = self.slots.take(elsewhere=elsewhere)
            if device is None:
                continue
            try:
                job = table.claim(self.name, device)
            except BaseException:
                self.slots.give_back(device)
                raise
            if job is not None:
                return job, device
            self.slots.give_back(device)
        return None, None

    def _end_of(self, job: Job, adopted: bool) -> End | None:
        """What has become of an attempt; None if the worker leaves first. No defect of ours leaves it open for ever."""
        try:
            return self._take_up(job) if adopted else self._see_through(job)
        except Exception as error:  # noqa: BLE001  (of whatever kind: nobody else would end the job)
            self.say(traceback.format_exc().rstrip())
            return self._given_up(job, error)

    def _given_up(self, job: Job, error: Exception) -> End:
        try:
            if (job.task.folder / "task.json").exists() and job.task.lives:
                job.task.stop(job.spec.limits.grace_s)
        except (OSError, psutil.Error):
            self.say(traceback.format_exc().rstrip())
        message = (
            f"A defect of the worker, not of the job, has ended it: {type(error).__name__}: {error}. The worker's log "
            "tells where. Resume it to go on from where it was kept last."
        )
        return End(Reason.CRASH, message, Status.FAILED)

    def _take_up(self, job: Job) -> End | None:
        self.say(f"Job {job.id} ({job.spec.about}) is taken up; its worker is not there any more.")
        if (job.task.folder / "task.json").exists():
            return attempts.watch(job, job.task, self._leave.is_set)
        return attempts.judge(job, job.task)  # killed after the claim, before there was a process

    def _see_through(self, job: Job) -> End | None:
        self.say(f"Job {job.id} ({job.spec.about}) starts on {job.device}.")
        begun = attempts.begin(job)
        return begun if isinstance(begun, End) else attempts.watch(job, begun, self._leave.is_set)

    def _settle(self, job: Job, end: End | None) -> None:
        if end is None:
            return
        while True:
            try:
                table.end_attempt(job, end)
                break
            except JobError as error:  # the end must not be lost; whoever holds the table lets go of it some time
                self.say(str(error))
                time.sleep(_AGAIN_S)
        self.say(f"Job {job.id} ({job.spec.about}): {end.reason}. {end.message}".rstrip())
        if end.status is Status.QUEUED:
            self.tickets.hand_out()

    def _leave_if_idle(self) -> None:
        if self.idle_exit_s is None or self.slots.busy or time.monotonic() - self._busy_at < self.idle_exit_s:
            return
        if not table.every(Status.QUEUED):
            self.left_idle = True
            self._leave.set()


def work(slots: list[str] | None, idle_exit_s: float | None, stand_by: bool, say: Callable[[str], None]) -> None:
    """Is the worker of this workspace until it is told to leave.

    Args:
        slots: names of the devices; None takes all graphics cards, or the processor.
        idle_exit_s: leave after so many seconds without work.
        stand_by: as `only_one`.
        say: is told what it does, one line each.

    Raises:
        JobError: there is a worker already.
    """
    while True:
        with only_one(stand_by, say):
            worker = Worker(slots, idle_exit_s, say)
            worker.run()
        # Who handed in a job while this one was on its way out has seen a worker and started none.
        if not worker.left_idle or not table.every(Status.QUEUED):
            return


def settle_without_worker(job: Job) -> bool:
    """Ends a cancelled job whose worker is not there any more; whether that was so."""
    lock = _lock()
    try:
        lock.acquire()
    except Timeout:
        return False
    try:
        if (job.task.folder / "task.json").exists():
            end = attempts.watch(job, job.task, lambda: False)
        else:
            end = End(Reason.CANCELLED, "Cancelled.", Status.CANCELLED)
        if end is not None:
            table.end_attempt(job, end)
        return True
    finally:
        lock.release()

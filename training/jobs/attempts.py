"""One attempt at a job, as a thread of the worker sees it: begin, watch, and judge the end."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from dataclasses import replace

import psutil

from fer_core.errors import JobError
from fer_core.tasks import Task, start
from training.disk import DISK_FULL
from training.jobs.job import JOB, Job
from training.jobs.memory import Memory, room_mb
from training.jobs.slots import environment
from training.jobs.states import Reason, Status
from training.jobs.table import End, find
from training.tracking.files import ASKING, PROGRESS

STATE = "last.ckpt"  # of a run: what it goes on from
ASKED_TO_END = 143  # exit status of a process that was asked to end and did
TOLD = 2  # exit status of a command that has said what was wrong
FRUITLESS = 3  # attempts in a row that are killed without having got further, and the job is given up
_LOOK_EVERY_S = 0.25
_MB = 1e6


def begin(job: Job) -> Task | End:
    """Starts the process of the attempt that was claimed, or says why it cannot be started."""
    free_mb, wanted_mb = _disk_mb(job)
    if free_mb < wanted_mb:
        message = (
            f"{free_mb:,.0f} MB are free on the disk of {job.run_folder.parent}, and the job wants {wanted_mb:,.0f} MB "
            "before it starts. Make room, or give it a lower disk limit, and resume it."
        )
        return End(Reason.NO_DISK, message, Status.FAILED)
    try:
        return start(
            [argument.replace(JOB, str(job.folder)) for argument in job.spec.arguments],
            job.spec.about,
            f"job {job.id}",
            folder=job.folder / str(job.attempts),
            environment=environment(job.device),
        )
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        message = f"Its process could not be started: {error}. Put that right, and resume it."
        return End(Reason.NO_DISK if full else Reason.CRASH, message, Status.FAILED)


def _disk_mb(job: Job) -> tuple[float, float]:
    """What is free, and what is wanted: the limit, and room to write the run's state beside the old one, twice."""
    place = job.run_folder
    state = place / STATE
    wanted = max(job.spec.limits.disk_mb, 2 * state.stat().st_size / _MB if state.exists() else 0)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free / _MB, wanted


def watch(job: Job, task: Task, leaving: Callable[[], bool]) -> End | None:
    """Stays with a process until it has ended, and ends it where it was cancelled or breaks a limit.

    Args:
        job: what it works on.
        task: the process, of this worker or of one that was there before.
        leaving: whether the worker is about to leave; the process is left to the next one then.

    Returns:
        What has become of it; None if the worker leaves.
    """
    memory = Memory(job)
    while task.lives:
        if leaving():
            return None
        stop = End(Reason.CANCELLED, "Cancelled.", Status.CANCELLED) if _is_cancelled(job) else _out_of_time(job)
        stop = _over_memory_limit(job, memory.look(task.pid), memory) if stop is None else stop
        if stop is not None:
            task.stop(job.spec.limits.grace_s)
            return _after_stop(task, stop)
        time.sleep(_LOOK_EVERY_S)
    return judge(job, task, memory)


def _is_cancelled(job: Job) -> bool:
    try:
        return find(job.id).cancelling
    except JobError:  # a table that is locked for a while is looked at again
        return False


def _out_of_time(job: Job) -> End | None:
    limit = job.spec.limits.time_s
    if limit is None or job.spent_s + time.time() - (job.began or 0) < limit:
        return None
    message = f"It has run for the {limit:,.0f} seconds that it was given. Resume it to give it as long again."
    return End(Reason.TIME_LIMIT, message, Status.FAILED)


def _over_memory_limit(job: Job, used: float | None, memory: Memory) -> End | None:
    limit = job.spec.limits.memory_mb
    if limit is None or used is None or used < limit:
        return None
    message = (
        f"It used {used:,.0f} MB of memory and was given {limit:,.0f} MB. Clone it with a higher limit, or with "
        f"{memory.remedy(limit)}."
    )
    return End(Reason.MEMORY_LIMIT, message, Status.FAILED)


def _after_stop(task: Task, stop: End) -> End:
    """What was over before it was asked to end is done all the same; what had to be killed is told of."""
    if task.exit_status == 0:
        return End(Reason.DONE, "", Status.DONE)
    if task.exit_status is None:
        words = f"{stop.message} It did not end by itself and was killed; it can go on from where it was kept last."
        return replace(stop, message=words)
    return stop


def judge(job: Job, task: Task, memory: Memory | None = None) -> End:
    """What the end of a process that nobody asked to end makes of its job.

    Args:
        job: what it worked on.
        task: the process.
        memory: what was seen of it while it ran; None if nobody watched.
    """
    status = task.exit_status
    if status == 0:
        return End(Reason.DONE, "", Status.DONE)
    # Where one of several processes was killed, their launcher ends with the status of one that was asked to end.
    if status in {None, ASKED_TO_END} and memory is not None and memory.ran_out():
        return _out_of_memory(job, memory)
    if status is None or status == ASKED_TO_END:
        how = "ended from outside" if status == ASKED_TO_END else "killed; the system does that where memory runs out"
        return _from_outside(job, Reason.KILLED, f"Its process was {how}.")
    told = task.reason()
    if status == TOLD:
        return End(Reason.NO_DISK if told.startswith(DISK_FULL) else Reason.ERROR, told, Status.FAILED)
    return End(Reason.CRASH, told, Status.FAILED)


def _out_of_memory(job: Job, memory: Memory) -> End:
    """It goes on by itself where what is free now is expected to suffice: others had taken the memory for a while."""
    room = room_mb()
    said = "The system has killed its process because memory ran out"
    found = memory.fitting(room)
    if found is not None and found[0] >= found[1]:
        now = f"{room:,.0f} MB are free now, in which its batch_size of {found[1]} fits."
        how = f"{said}, taken by other programs: {now}"
        return _from_outside(job, Reason.NO_MEMORY, how)
    message = (
        f"{said}. {room:,.0f} MB are free now, and it would want as much again, so it is not started again by itself. "
        f"End other programs and resume it, or clone it with {memory.remedy(room)}."
    )
    return End(Reason.NO_MEMORY, message, Status.FAILED)


def _from_outside(job: Job, reason: Reason, how: str) -> End:
    """It goes on by itself, unless it was killed time and again before it got anywhere."""
    began = job.began or 0
    if psutil.boot_time() > began:
        reason, how = Reason.SWITCHED_OFF, "The machine was switched off or started anew while it ran."
    told = job.progress()
    asking = told is not None and told.doing is not None and told.doing.what == ASKING  # kept whenever it is told
    file = job.run_folder / (PROGRESS if asking else STATE)
    got_further = file.exists() and file.stat().st_mtime >= began
    fruitless = 0 if got_further else job.fruitless + 1
    if fruitless < FRUITLESS:
        return End(reason, f"{how} It goes on by itself.", Status.QUEUED, fruitless)
    message = f"{how} That happened {fruitless} times in a row before it got any further, and it was given up."
    return End(reason, message, Status.FAILED)

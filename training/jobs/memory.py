"""Memory as a worker sees it: what a job's processes take, what is left, and whom the system has killed for want of it.

Linux counts those it kills in each control group (`memory.events` of version 2, `memory.oom_control` of version 1), and
for the whole machine in /proc/vmstat.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import psutil

from training.jobs.job import Job
from training.need import need_of

_SYSTEM = Path("/")
_EVERY_S = 2.0
_MB = 1e6


def members_mb(pid: int | None) -> list[float]:
    """Resident memory of a process and of all that it has started, the largest first; empty if it is no more."""
    if pid is None:
        return []
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
    found = []
    for member in family:
        try:
            found.append(member.memory_info().rss / _MB)
        except psutil.Error:  # it has just ended
            continue
    return sorted(found, reverse=True)


def memory_mb(pid: int | None) -> float | None:
    """Resident memory of a process and of all that it has started; None if it is no more."""
    return sum(members_mb(pid)) or None


def kills() -> int:
    """How many processes the system has killed for want of memory: of this control group, or else of the machine."""
    for group in _groups()[:1]:
        return max(_number(group / "memory.events", "oom_kill"), _number(group / "memory.oom_control", "oom_kill"))
    return _number(_SYSTEM / "proc" / "vmstat", "oom_kill")


def room_mb() -> float:
    """What processes that are started here may still take: of the machine's memory, and of that of each group."""
    rooms: list[float] = [psutil.virtual_memory().available / _MB]
    for group in _groups():
        cache = _number(group / "memory.stat", "total_inactive_file") or _number(group / "memory.stat", "inactive_file")
        for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            bound = _text(group / limit).strip()
            if bound.isdigit():  # or it is "max"
                rooms.append((int(bound) - int(_text(group / used) or 0) + cache) / _MB)
    return max(0.0, min(rooms))


def _groups() -> list[Path]:
    """The control group of this process that counts memory, and those above it; empty where there is none."""
    for line in _text(_SYSTEM / "proc" / "self" / "cgroup").splitlines():
        _, kinds, path = line.split(":", 2)
        top = _SYSTEM / "sys" / "fs" / "cgroup"
        if kinds:
            top /= "memory"
        group = top / path.lstrip("/")
        counts = (group / "memory.events").exists() or (group / "memory.oom_control").exists()
        if counts and (not kinds or "memory" in kinds.split(",")):
            return [group, *[above for above in group.parents if above.is_relative_to(top)]]
    return []


def _number(file: Path, name: str) -> int:
    """The figure of this name in a file of such; 0 where there is none."""
    rows = (line.split() for line in _text(file).splitlines())
    return next((int(row[1]) for row in rows if row[:1] == [name]), 0)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:  # not on this system
        return ""


class Memory:
    """What is known of the memory of a job's processes while one watches them.

    Args:
        job: whose.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.seen_mb = 0.0  # the most that they had together
        self.beside_mb = 0.0  # of that, what is no part of the training
        self._kills = deque([kills()], maxlen=2)
        self._looked = 0.0

    def look(self, pid: int | None) -> float | None:
        """Resident memory of all together, measured every two seconds; None in between, and where they have ended."""
        if time.monotonic() - self._looked < _EVERY_S:
            return None
        self._looked = time.monotonic()
        found = members_mb(pid)
        if not found:
            return None
        self._kills.append(kills())
        if sum(found) > self.seen_mb:
            need = need_of(self.job.run_folder)
            self.seen_mb, self.beside_mb = sum(found), sum(found[need.processes if need else 1 :])
        return sum(found)

    def ran_out(self) -> bool:
        """Whether the system has killed a process for want of memory since the look before the last one."""
        return kills() > self._kills[0]

    def fitting(self, room_mb: float) -> tuple[int, int] | None:
        """The batch size that is expected to fit into so many megabytes, and that of the run; None if not known."""
        need = need_of(self.job.run_folder)
        if need is None:
            return None
        return need.fitting(room_mb - self.beside_mb, self.seen_mb - self.beside_mb), need.batch_size

    def remedy(self, room_mb: float) -> str:
        """What to change so that it fits into so many megabytes."""
        found = self.fitting(room_mb)
        if found is None:
            return "a smaller batch_size or a smaller network"
        size, now = found
        if size < 2:
            return f"a smaller network or preprocess.size_px: no batch_size (now {now}) is expected to fit"
        return f"batch_size={min(size, now - 1)} instead of {now}, which is expected to fit"

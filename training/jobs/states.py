"""How a job stands, and why an attempt at it has ended."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Status(StrEnum):
    """Where a job is on its way."""

    HELD = "held"  # not wholly handed in yet
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return self not in {Status.HELD, Status.QUEUED, Status.RUNNING}


class Reason(StrEnum):
    """Why an attempt has ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    ERROR = "error"  # the command has said in a sentence what was wrong
    CRASH = "crash"  # a defect: the log ends with a traceback
    KILLED = "killed"  # from outside, or without a word
    SWITCHED_OFF = "switched off"  # the machine was started anew since
    TIME_LIMIT = "time limit"
    MEMORY_LIMIT = "memory limit"
    NO_MEMORY = "no memory"  # the system has killed it for want of memory
    NO_DISK = "no disk space"

    @property
    def from_outside(self) -> bool:
        """Whether the job is not to blame and goes on by itself."""
        return self in {Reason.KILLED, Reason.SWITCHED_OFF}


class Limits(BaseModel):
    """What a job may use.

    Attributes:
        time_s: seconds that it may run, all attempts since it was last started by a user taken together; None is no
            limit.
        memory_mb: resident memory of its process and those that this one has started; None is no limit.
        disk_mb: what must be free on the workspace's disk before it starts.
        grace_s: seconds that it has to keep its state after it was asked to end; then it is killed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_s: float | None = Field(None, gt=0)
    memory_mb: float | None = Field(None, gt=0)
    disk_mb: float = Field(500.0, ge=0)
    grace_s: float = Field(60.0, ge=0)

"""One job: what is to be done, and how it stands."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fer_core.durations import duration
from fer_core.tasks import Task
from fer_core.workspace import workspace
from training.jobs.states import Limits, Reason, Status
from training.remote.place import Cluster
from training.tracking.files import PROGRESS

JOB = "{job}"  # in a job's arguments: its folder
RECIPE = "recipe.yaml"


def jobs_folder() -> Path:
    """Where jobs are kept; absolute, and it may not exist yet."""
    return workspace().resolve() / "jobs"


class FitRequest(BaseModel):
    """A training run as the user asked for it; the recipe itself lies in the job's folder.

    Attributes:
        data: name of a data set of the workspace, or an absolute path.
        labels: FER+ votes for FER2013; an absolute path.
        tags: as for `open_samples`.
        keep_every: the state is kept every so many steps, and after each epoch; 0: after epochs alone.
        record: in MLflow.
        processes: of this machine that share each batch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    labels: str | None = None
    tags: tuple[str, ...] = ()
    keep_every: int = 500
    record: bool = True
    processes: int = Field(1, ge=1)


class Spec(BaseModel):
    """What does not change about a job.

    Attributes:
        run: name of its run, whose folder is `runs/RUN` in the workspace; no other job has it.
        about: one line for the user.
        arguments: of `python`, as for `fer_core.tasks.start`; `{job}` in one stands for the job's folder.
        limits: what it may use.
        fit: what was asked for, where it is a training run.
        cluster: where it trains, if not on this machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    about: str
    arguments: tuple[str, ...]
    limits: Limits = Limits()
    fit: FitRequest | None = None
    cluster: Cluster | None = None


@dataclass(frozen=True)
class Attempt:
    """One process that worked on a job.

    Attributes:
        number: counts from 1.
        device: as in `Job`.
        began: seconds since 1970.
        ended: the same; None while it lasts.
        reason: why it ended.
        message: the end in words.
    """

    number: int
    device: str
    began: float
    ended: float | None
    reason: Reason | None
    message: str


@dataclass(frozen=True)
class Doing:
    """Work on many faces before the first step or after the last: what, faces done, and in all (0: cannot be told)."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        step: steps done.
        steps: in all; 0 before the first.
        left_s: seconds until what it does now is done, the steps or `doing`; None while unknown.
        figures: the latest, by name.
        doing: what it does while it makes no steps.
    """

    step: int
    steps: int
    left_s: float | None
    figures: dict[str, float]
    doing: Doing | None = None

    @property
    def share(self) -> float:
        """Of what it does now, 0 to 1."""
        done, total = (self.doing.done, self.doing.total) if self.doing else (self.step, self.steps)
        return min(1.0, done / total) if total else 0.0

    def as_text(self) -> str:
        """How far it is, and how long that still takes where it is known.

        >>> Progress(30, 1200, 300, {}).as_text()
        'step 30 of 1,200, 5 min left'
        >>> Progress(0, 0, None, {}, Doing("asking its teachers", 512, 28709)).as_text()
        'asking its teachers: 512 of 28,709 faces'
        >>> Progress(0, 0, None, {}, Doing("fitting the machine", 0, 0)).as_text()
        'fitting the machine'
        """
        if self.doing and not self.doing.total:
            return self.doing.what
        if self.doing:
            text = f"{self.doing.what}: {self.doing.done:,} of {self.doing.total:,} faces"
        else:
            text = f"step {self.step:,} of {self.steps:,}"
        return text if self.left_s is None or self.share == 1 else f"{text}, {duration(self.left_s)} left"


@dataclass(frozen=True)
class Job:
    """A job as the table has it.

    Attributes:
        id: counts from 1.
        spec: what is to be done.
        priority: the higher goes first; of equal ones the one that was queued first.
        status: where it is.
        reason: why it has ended, or, while it waits again, why it goes on by itself; None while it runs and where a
            user has put it into the queue. Its attempts keep theirs.
        message: the same in words.
        cancelling: it was asked to end, and still runs.
        device: what it runs on: the value of `CUDA_VISIBLE_DEVICES`, or `cpu`; empty before it first ran.
        attempts: how many processes have worked on it.
        fruitless: how many of them in a row were killed before they got any further.
        spent_s: seconds that ended attempts ran since a user last started it.
        queued: when it was last put into the queue, in seconds since 1970.
        began: when its last attempt began; None before the first.
        ended: when it was over; None before.
    """

    id: int
    spec: Spec
    priority: int
    status: Status
    reason: Reason | None
    message: str
    cancelling: bool
    device: str
    attempts: int
    fruitless: int
    spent_s: float
    queued: float
    began: float | None
    ended: float | None

    @property
    def folder(self) -> Path:
        """Its recipe, and a folder for each attempt."""
        return jobs_folder() / str(self.id)

    @property
    def run_folder(self) -> Path:
        """State of its run."""
        return workspace().resolve() / "runs" / self.spec.run

    @property
    def task(self) -> Task:
        """The process of its last attempt."""
        return Task(self.folder / str(self.attempts))

    def progress(self) -> Progress | None:
        """How far its run is; None before the first step was told of."""
        try:
            told = json.loads((self.run_folder / PROGRESS).read_bytes())
            step, steps, left_s = told.pop("step"), told.pop("steps"), told.pop("seconds_left")
            now = told.pop("doing", None)
            doing = now and Doing(now["what"], now["done"], now["total"])
        except (FileNotFoundError, ValueError, KeyError):
            return None
        left_s = now["seconds_left"] if now else left_s
        return Progress(step, steps, left_s if self.status is Status.RUNNING else None, told, doing)

    def log(self) -> str:
        """What all its attempts have printed, without what was written over on a line."""
        parts = []
        for number in range(1, self.attempts + 1):
            text = Task(self.folder / str(number)).log()
            parts.append(f"--- attempt {number} ---\n{text}" if self.attempts > 1 else text)
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        progress = self.progress()
        return {
            "id": self.id,
            "run": self.spec.run,
            "about": self.spec.about,
            "status": self.status.value,
            "reason": self.reason.value if self.reason else None,
            "message": self.message,
            "cancelling": self.cancelling,
            "priority": self.priority,
            "device": self.device,
            "cluster": self.spec.cluster.model_dump() if self.spec.cluster else None,
            "attempts": self.attempts,
            "queued": self.queued,
            "began": self.began,
            "ended": self.ended,
            "limits": self.spec.limits.model_dump(),
            "progress": None
            if progress is None
            else {
                "step": progress.step,
                "steps": progress.steps,
                "seconds_left": progress.left_s,
                "figures": progress.figures,
                "doing": asdict(progress.doing) if progress.doing else None,
            },
        }

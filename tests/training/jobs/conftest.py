"""Workers as processes of their own, and jobs of small scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, until
from training.jobs.job import Job
from training.jobs.queue import Wishes, submit
from training.jobs.states import Limits, Status
from training.jobs.table import every, find

ROOT = Path(__file__).resolve().parents[3]


class Workers:
    """Starts workers, and ends them and what they have started when the test is over."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *options: str, ready: bool = True, **environment: str) -> subprocess.Popen[str]:
        log = self.home.with_name(f"worker{len(self.started)}.log")
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "training", "worker", *options],
                cwd=ROOT, env={**os.environ, "FERSCOPE_HOME": str(self.home), **environment}, stderr=file, text=True,
            )  # fmt: skip
        self.started.append(process)
        if ready:
            until(lambda: "At work" in log.read_text() or process.poll() is not None)
        return process

    def said(self, number: int = 0) -> str:
        return self.home.with_name(f"worker{number}.log").read_text()

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE_S)
        for job in every(Status.RUNNING):
            if job.task.folder.exists():
                job.task.stop(0.1)


@pytest.fixture
def workers(home: Path) -> Iterator[Workers]:
    found = Workers(home)
    yield found
    found.end()


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[..., Job]:
    """Hands in a script as a job; `here` is a folder for it to write to, `job.spec.run` its name."""

    def make(script: str, run: str = "a", priority: int = 0, **limits: float) -> Job:
        file = tmp_path / f"{run}.py"
        file.write_text(
            "import os, signal, sys, time\nfrom pathlib import Path\n"
            f"here = Path({str(tmp_path)!r})\nme = {run!r}\n"
            f"run = Path(os.environ['FERSCOPE_HOME']) / 'runs' / me\n{script}"
        )
        return submit([str(file)], f"script {run}", Wishes(run, priority, Limits(**limits)))

    return make


def over(job: Job) -> Job:
    """The job when it is over."""
    return until(lambda: found if (found := find(job.id)).status.over else None)


def runs(job: Job) -> Job:
    """The job when its process is there."""
    return until(lambda: found if (found := find(job.id)).status is Status.RUNNING and found.task.pid else None)

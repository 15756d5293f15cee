"""What jobs ask of a task: a folder and variables of its own, its number, its exit status, why it failed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_core.tasks import ENVIRONMENT, Task, start, tasks
from tests.waiting import PATIENCE_S, until


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[str], Task]]:
    """Starts a script in a folder of its own."""
    started: list[Task] = []

    def make(script: str) -> Task:
        (tmp_path / "script.py").write_text(f"import os, sys, time\n{script}")
        variables = {"OURS": "yes", ENVIRONMENT: "not this"}
        task = start([str(tmp_path / "script.py")], "a test", folder=tmp_path / "own" / "1", environment=variables)
        started.append(task)
        return task

    yield make
    for task in started:
        task.stop(0.1)


def test_a_folder_and_an_environment_of_its_own(begin: Callable[[str], Task], tmp_path: Path) -> None:
    task = begin("print(os.environ['OURS'], os.environ['FERSCOPE_TASK'])\nsys.exit(5)")
    until(lambda: not task.lives)
    assert task.folder == tmp_path / "own" / "1"
    assert task.exit_status == 5
    assert task.log() == f"yes {task.folder}"
    assert tasks() == []


def test_its_number_is_known_though_who_started_it_died_at_once(begin: Callable[[str], Task], tmp_path: Path) -> None:
    """Before it could note the number; the process has noted it too, and can be stopped."""
    task = begin(f"open({str(tmp_path / 'ready')!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)")
    pid = int(until(lambda: (tmp_path / "ready").exists() and (tmp_path / "ready").read_text()))
    assert task.pid == pid
    (task.folder / "task.json").write_text(json.dumps({"began": time.time()}))
    assert (task.pid, task.exit_status, task.lives) == (pid, None, True)
    task.stop(PATIENCE_S)
    assert (task.exit_status, task.lives) == (128 + signal.SIGTERM, False)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("step 1\nError: No such thing. Take another.\nat last\n", "No such thing. Take another."),
        ("Traceback\nValueError: x\n", "ValueError: x (more in {log})"),
        ("", "It ended without a word (more in {log})"),
    ],
)
def test_why_it_failed(tmp_path: Path, log: str, reason: str) -> None:
    (tmp_path / "log.txt").write_text(log)
    assert Task(tmp_path).reason() == reason.format(log=tmp_path / "log.txt")


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("".join(f"line {i}{os.linesep}" for i in range(1000)))
    assert Task(tmp_path).log(last_bytes=18) == "line 998\nline 999"
    assert Task(tmp_path).log().splitlines()[0] == "line 0"

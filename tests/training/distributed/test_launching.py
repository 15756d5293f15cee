"""`fit --processes 2`: torch's elastic agent within the command, and the status that it ends with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.training.runs import history

Command = Callable[..., list[str]]
ROOT = Path(__file__).parents[3]


def begin(arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training", *arguments, "--processes", "2"]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_asked_to_end_they_keep_the_state_and_killed_they_all_go(command: Command, home: Path) -> None:
    arguments = command("long", epochs=200)
    process = begin(arguments)
    wait_for(home / "runs" / "long" / "history.jsonl", process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    assert out == ""
    kept = len(history(home / "runs" / "long"))
    assert (home / "runs" / "long" / "last.ckpt").exists()

    process = begin(arguments)
    deadline = time.monotonic() + 120
    while len(history(home / "runs" / "long")) <= kept:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    others = psutil.Process(process.pid).children(recursive=True)
    assert len(others) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(others, timeout=30)
    assert not alive  # nobody works on unseen


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_one_that_is_killed_ends_all_and_the_status_says_so(number: int, command: Command, home: Path) -> None:
    process = begin(command("long", epochs=200))
    wait_for(home / "runs" / "long" / "history.jsonl", process)
    trained = [
        child
        for child in psutil.Process(process.pid).children()
        if child.environ().get("RANK") == str(number) and "training" in child.cmdline()
    ]
    assert len(trained) == 1
    trained[0].kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_mistake_is_told_once_with_its_status(command: Command) -> None:
    process = begin([*command("one"), "--set", "batch_size=15"])
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.count("Error: ") == 1
    assert "does not divide by 2" in err
    process = begin([*command("two"), "--tag", "nowhere"])  # seen by the processes themselves
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.count("Error: ") == 1, err
    assert "Traceback" not in err

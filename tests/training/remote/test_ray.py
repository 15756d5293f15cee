"""A head of Ray on this machine: a job handed in, cancelled, resumed, and brought to its end; and one that is gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from typer.testing import CliRunner

from fer_core.data.store import keep
from tests.conftest import draw
from tests.training.distributed.conftest import PLAIN
from tests.training.distributed.processes import free_port
from tests.training.runs import history
from training.__main__ import app
from training.remote.client import Client, GoneError
from training.remote.place import Cluster

pytest.importorskip("ray", reason="Ray is not installed; pip install -r requirements-ray.txt")
pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[3]
PATIENCE_S = 600.0  # Ray Train alone may take a minute to start on a busy machine


def until(ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


@pytest.fixture
def head() -> Iterator[str]:
    """Address of a head with two processors, and little memory; its processes end with the test."""
    port = free_port()
    place = Path(tempfile.mkdtemp(prefix="ray"))  # short, since it goes into names of sockets
    ports = {
        "port": free_port(), "dashboard-port": port, "ray-client-server-port": free_port(),
        "dashboard-agent-listen-port": free_port(),
    }  # fmt: skip
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2",
               "--include-dashboard", "true", "--object-store-memory", "100000000", "--disable-usage-stats",
               "--temp-dir", str(place), *(f"--{name}={value}" for name, value in ports.items())]  # fmt: skip
    with (place / "head.log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(address) or process.poll() is not None)
        assert process.poll() is None, (place / "head.log").read_text()
        yield address
    finally:
        family = [p for p in psutil.process_iter(["cmdline"]) if str(place) in " ".join(p.info["cmdline"] or [])]
        family += psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for member in [psutil.Process(process.pid), *family] if process.poll() is None else family:
            if member.is_running():
                member.kill()
        process.wait()
        shutil.rmtree(place, ignore_errors=True)


def answers(address: str) -> bool:
    try:
        Client(Cluster(address=address))
    except GoneError:
        return False
    return True


def ask(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["jobs", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_job_on_two_workers_is_cancelled_resumed_and_done(head: str, home: Path, tmp_path: Path) -> None:
    keep("drawn", draw({"train": 16, "validation": 9}), "for a test")
    recipe = tmp_path / "plain.yaml"
    recipe.write_text(yaml.safe_dump(PLAIN | {"epochs": 150}))
    job = ask("submit", str(recipe), "--data", "drawn", "--ray", head, "--workers", "2", "--no-record", "--no-start")
    assert job["cluster"] == {"address": head, "workers": 2, "gpus": False}
    log = (tmp_path / "worker.log").open("w")
    worker = subprocess.Popen([sys.executable, "-m", "training", "worker"], cwd=ROOT, stdout=log, stderr=log)
    try:
        folder = home / "runs" / "plain"
        until(lambda: (folder / "history.jsonl").exists() or ask("show", "1")["status"] == "failed")
        shown = ask("show", "1")
        assert shown["status"] == "running", "\n".join(ask("logs", "1")["lines"])
        assert shown["progress"]["steps"] == 150 * 7
        shown = ask("cancel", "1")
        assert (shown["status"], shown["reason"]) == ("cancelled", "cancelled")
        assert not shown["message"].endswith("kept last.")  # it was not killed
        kept = len(history(folder))
        assert 1 <= kept < 150
        assert (folder / "left").exists()
        ask("resume", "1", "--no-start")
        until(lambda: ask("show", "1")["status"] in {"done", "failed"})
        lines = "\n".join(ask("logs", "1")["lines"])
        assert ask("show", "1")["status"] == "done", lines
        assert f"Handed in to {head} as ferscope-plain-" in lines
        assert "epoch 150/150, step 1050/1050" in lines
        rows = history(folder)
        assert [row["epoch"] for row in rows] == list(range(1, 151))
        assert rows[kept]["step"] == 7 * (kept + 1)
        card = json.loads((home / "checkpoints" / "plain" / "card.json").read_text())
        assert card["metrics"]["validation"]["n"] == 63
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
        log.close()


def test_a_mistake_on_the_cluster_is_told_here(head: str, home: Path, tmp_path: Path) -> None:
    """One worker, without Ray Train: the data have no class of the recipe's."""
    keep("drawn", draw({"train": 2, "validation": 1}), "for a test")
    recipe = tmp_path / "plain.yaml"
    recipe.write_text(yaml.safe_dump(PLAIN | {"classes": ["angry", "happy"]}))
    cluster = Cluster(address=head).model_dump_json()
    done = subprocess.run(
        [sys.executable, "-m", "training", "fit-elsewhere", str(recipe), "--data", "drawn", "--run", "bad",
         "--cluster", cluster, "--no-record"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    [told] = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert told.startswith("Error: The data has the label(s) disgust, fear, neutral, sad, surprise")
    assert not (home / "checkpoints" / "bad").exists()


def test_where_no_cluster_answers() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(GoneError, match=f"The Ray cluster at {address} does not answer as one"):
        Client(Cluster(address=address))
    assert time.monotonic() - began < 60

"""The batch script for SLURM: its text, and its run with a `srun` that starts processes as the real one does."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.training.distributed.processes import free_port
from tests.training.runs import history
from training.__main__ import app

Command = Callable[..., list[str]]

# Starts its command once for each task on one machine, with the variables that srun sets; the highest status counts.
SRUN = """#!{python}
import os, subprocess, sys
n = int(os.environ["SLURM_NTASKS"])
command = [part for part in sys.argv[1:] if not part.startswith("--kill-on-bad-exit")]
own = lambda i: {{"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i), "SLURM_NODEID": "0",
                  "SLURM_STEP_NUM_TASKS": str(n), "SLURM_STEP_NUM_NODES": "1", "SLURM_STEP_ID": "0"}}
tasks = [subprocess.Popen(command, env={{**os.environ, **own(i)}}) for i in range(n)]
if os.environ.get("TERM_AFTER"):
    import signal, time
    while not os.path.exists(os.environ["TERM_AFTER"]):
        time.sleep(0.05)
    for task in tasks:
        task.send_signal(signal.SIGTERM)
sys.exit(max(task.wait() for task in tasks))
"""
SCONTROL = """#!/bin/sh
echo "$@" >> "$SCONTROL_LOG"
"""


def script_of(arguments: list[str]) -> str:
    result = CliRunner().invoke(app, ["slurm", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def asked(script: str) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", script, re.MULTILINE))


def test_what_the_script_asks_for(command: Command, home: Path) -> None:
    _, recipe, _, data, *_ = command("mine")
    script = script_of(
        [recipe, "--data", data, "--run", "mine", "--nodes", "2", "--gpus-per-node", "4", "--time", "1-12:00",
         "--partition", "gpu_long", "--set", "epochs=5", "--set", "summary=it's mine; rm x"]
    )  # fmt: skip
    assert script.startswith("#!/bin/bash\n")
    assert asked(script) == {
        "job-name": "ferscope-mine", "nodes": "2", "ntasks-per-node": "4", "gpus-per-node": "4", "cpus-per-task": "4",
        "time": "1-12:00", "partition": "gpu_long", "signal": "TERM@180", "requeue": "", "open-mode": "append",
        "output": "mine-%j.log",
    }  # fmt: skip
    assert f"export FERSCOPE_HOME={home.resolve()}\n" in script
    assert (
        f"srun --kill-on-bad-exit=1 {sys.executable} -m training fit {recipe} --data {data} --run mine "
        "--keep-every 500 --set epochs=5 --set 'summary=it'\"'\"'s mine; rm x'\n"
    ) in script


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--time", "soon"], "--time 'soon' is not a time for SLURM"),
        (["--time", "1:00", "--partition", "a\n#SBATCH --uid=0"], "is not a name of a partition"),
        (["--time", "1:00", "--nodes", "3", "--gpus-per-node", "1"], "does not divide by 3"),
        (["--time", "1:00", "--run", "a b"], "'a b' is not a name"),
    ],
)
def test_what_the_script_refuses(more: list[str], said: str, command: Command) -> None:
    _, recipe, _, data, *_ = command("mine")
    result = CliRunner().invoke(app, ["slurm", recipe, "--data", data, *more])
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_script_trains_is_ended_comes_back_and_goes_on(command: Command, tmp_path: Path, home: Path) -> None:
    """Two tasks; the first time SLURM sends SIGTERM after an epoch, and the script puts its job back into the queue."""
    _, recipe, _, data, *_ = command("mine", epochs=40)
    tools, script, log = tmp_path / "bin", tmp_path / "mine.sh", tmp_path / "scontrol.log"
    tools.mkdir()
    for name, text in (("srun", SRUN.format(python=sys.executable)), ("scontrol", SCONTROL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    arguments = [recipe, "--data", data, "--run", "mine", "--gpus-per-node", "0", "--processes-per-node", "2"]
    script_of([*arguments, "--time", "1:00:00", "--cpus", "1", "--out", str(script)])
    given = asked(script.read_text())
    env = {
        **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SCONTROL_LOG": str(log), "CUDA_VISIBLE_DEVICES": "-1",
        "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": given["job-name"], "SLURM_NODELIST": "localhost",
        "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": given["ntasks-per-node"], "SLURM_NNODES": given["nodes"],
        "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    first_epoch = str(home / "runs" / "mine" / "history.jsonl")
    done = run_script(script, {**env, "TERM_AFTER": first_epoch})
    assert done.returncode == 143, done.stderr
    assert log.read_text() == "requeue 7\n"
    reached = len(history(home / "runs" / "mine"))
    assert 1 <= reached < 40
    done = run_script(script, env)
    assert done.returncode == 0, done.stderr
    assert len(history(home / "runs" / "mine")) == 40
    assert log.read_text() == "requeue 7\n"
    assert f"epoch {reached}/40" not in done.stderr  # it went on
    card = json.loads((home / "checkpoints" / "mine" / "card.json").read_text())
    assert card["metrics"]["validation"]["n"] == 63
    assert done.stdout.count("faces right") == 1


def run_script(script: Path, env: dict[str, str]) -> Any:
    return subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, timeout=200, check=False)

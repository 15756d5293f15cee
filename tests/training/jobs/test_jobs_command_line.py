"""`python -m training jobs`: figures as JSON, one line a job for people, mistakes as sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fer_core.data import SampleTable
from tests.training.jobs.conftest import Workers, over
from tests.waiting import until
from training import __main__ as command_line
from training.jobs.job import Job
from training.jobs.states import Reason, Status
from training.jobs.table import End, claim, end_attempt, find
from training.recipe import Recipe, load_recipe


def call(*arguments: str) -> Any:
    """What a command prints as JSON."""
    result = CliRunner().invoke(command_line.app, ["jobs", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def said(*arguments: str) -> str:
    """What it prints for people."""
    result = CliRunner().invoke(command_line.app, ["jobs", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def submit(few: SampleTable, tiny_recipe: Callable[..., Recipe], tmp_path: Path) -> Callable[..., Any]:
    few.save(tmp_path / "few.parquet")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tiny_recipe().model_dump(mode="json")))

    def make(*options: str) -> Any:
        data = ["--data", str(tmp_path / "few.parquet")]
        return call("submit", str(tmp_path / "mine.yaml"), *data, "--no-start", *options)

    return make


def test_handing_in(submit: Callable[..., Any]) -> None:
    row = submit(
        "--set", "epochs=9", "--run", "one", "--priority", "4", "--time-limit", "1.5", "--memory-limit", "2000",
        "--grace", "5", "--disk", "10", "--keep-every", "7", "--no-record",
    )  # fmt: skip
    assert (row["id"], row["run"], row["status"], row["priority"]) == (1, "one", "queued", 4)
    assert row["limits"] == {"time_s": 5400.0, "memory_mb": 2000.0, "disk_mb": 10.0, "grace_s": 5.0}
    assert row["progress"] is None
    job = find(1)
    assert load_recipe(job.folder / "recipe.yaml").epochs == 9
    assert job.spec.arguments[-3:] == ("--keep-every", "7", "--no-record")
    assert call("list") == [row]


def test_looking_at_a_job_that_runs(submit: Callable[..., Any]) -> None:
    submit()
    submit("--run", "other", "--priority", "1")
    job = claim("w", "0")
    assert job is not None
    assert job.spec.run == "other"
    job.run_folder.mkdir(parents=True)
    progress = {"step": 30, "steps": 120, "seconds_left": 90, "val_accuracy": 0.5}
    (job.run_folder / "progress.json").write_text(json.dumps(progress))
    job.task.folder.mkdir(parents=True)
    (job.task.folder / "log.txt").write_text("one\ntwo\nthree\n")
    row = call("show", "2")
    figures = {"val_accuracy": 0.5}
    assert row["progress"] == {"step": 30, "steps": 120, "seconds_left": 90, "figures": figures, "doing": None}
    assert [(a["number"], a["device"], a["ended"]) for a in row["history"]] == [(1, "0", None)]
    lines = said("list").splitlines()
    assert lines[0].split()[:3] == ["2", "running", "other"]
    assert lines[0].endswith("tiny on few.parquet, step 30 of 120, 2 min left")
    assert lines[1].split()[:3] == ["1", "queued", "tiny"]
    doing = {"what": "asking its teachers", "done": 512, "total": 28709, "seconds_left": 300}
    progress = {"step": 0, "steps": 0, "seconds_left": None, "doing": doing}
    (job.run_folder / "progress.json").write_text(json.dumps(progress))
    assert said("list").splitlines()[0].endswith("few.parquet, asking its teachers: 512 of 28,709 faces, 5 min left")
    assert call("logs", "2")["lines"] == ["one", "two", "three"]
    assert said("logs", "2", "--tail", "2") == "two\nthree\n"

    end_attempt(job, End(Reason.TIME_LIMIT, "It has run long enough.", Status.FAILED))
    assert said("show", "2").splitlines()[0].endswith("(time limit)")
    assert "attempt 1 on 0: time limit. It has run long enough." in said("show", "2")
    assert call("resume", "2", "--no-start")["status"] == "queued"


def test_cancel_clone_prioritise_retry_delete(submit: Callable[..., Any]) -> None:
    submit()
    assert call("prioritise", "1", "8")["priority"] == 8
    other = call("clone", "1", "--set", "epochs=2", "--run", "other", "--no-start")
    assert (other["id"], other["run"], other["priority"]) == (2, "other", 8)
    assert load_recipe(find(2).folder / "recipe.yaml").epochs == 2
    assert call("cancel", "1")["status"] == "cancelled"
    assert call("retry", "1", "--no-start")["status"] == "queued"
    call("cancel", "1")
    assert call("delete", "1") == {"deleted": 1}
    assert [row["id"] for row in call("list")] == [2]


def test_mistakes(submit: Callable[..., Any], tmp_path: Path) -> None:
    assert said("list") == "There are no jobs.\n"
    submit()
    data = ["--data", str(tmp_path / "few.parquet")]
    for arguments, sentence in (
        (["show", "7"], "There is no job 7; `python -m training jobs list` shows those that there are."),
        (["logs", "7"], "There is no job 7"),
        (["resume", "1"], "is queued already"),
        (["delete", "1"], "cancel it first"),
        (["submit", "compcat", *data], "There is no recipe 'compcat'"),
        (["submit", "compact", *data, "--set", "epoch=1"], "did you mean epochs?"),
        (["submit", "compact", *data, "--run", "tiny"], "The run 'tiny' belongs to job 1."),
        (["submit", "compact", "--data", "gone.csv"], "'gone.csv'"),
        (["clone", "1", "--set", "optimiser.momentum=7"], "optimiser.momentum"),
    ):
        result = CliRunner().invoke(command_line.app, ["jobs", *arguments, "--json"])
        assert result.exit_code == 2, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")
        assert sentence in result.stderr


@pytest.mark.parametrize(("number", "bound"), [("0", "1"), ("99999999999999999999", "9223372036854775807")])
@pytest.mark.parametrize("command", ["show", "logs", "cancel", "resume", "retry", "clone", "delete"])
def test_a_number_that_no_job_can_have(command: str, number: str, bound: str) -> None:
    result = CliRunner().invoke(command_line.app, ["jobs", command, number])
    assert result.exit_code == 2
    assert "Error: Invalid value for 'number'" in result.stderr
    assert result.stderr.rstrip().endswith(f"equal to {bound}")


def test_limits_and_priorities_out_of_range(submit: Callable[..., Any], tmp_path: Path) -> None:
    submit()
    hand_in = ["submit", "compact", "--data", str(tmp_path / "few.parquet"), "--no-start"]
    huge = "99999999999999999999"
    for arguments, name, bound in (
        ([*hand_in, "--time-limit", "0"], "--time-limit", "0.001"),
        ([*hand_in, "--time-limit", "-1"], "--time-limit", "0.001"),
        ([*hand_in, "--memory-limit", "0"], "--memory-limit", "1"),
        ([*hand_in, "--memory-limit", "-5"], "--memory-limit", "1"),
        ([*hand_in, "--priority", huge], "--priority", "1000000"),
        (["prioritise", "1", huge], "priority", "1000000"),
    ):
        result = CliRunner().invoke(command_line.app, ["jobs", *arguments])
        assert result.exit_code == 2, arguments
        assert f"Error: Invalid value for '{name}'" in result.stderr
        assert result.stderr.rstrip().endswith(f"equal to {bound}")
    assert [row["id"] for row in call("list")] == [1]


def test_cancelling_waits_for_the_end(hand_in: Callable[..., Job], workers: Workers, tmp_path: Path) -> None:
    job = hand_in("(here / me).touch()\nwhile True: time.sleep(0.02)")
    workers.start()
    until((tmp_path / "a").exists)
    assert call("cancel", "1")["status"] == "cancelled"
    assert over(job).reason == "cancelled"


def test_a_worker_of_two_slots(hand_in: Callable[..., Job], workers: Workers) -> None:
    """Without a graphics card it may be told to take more than one job at a time."""
    wait = "(here / me).touch()\nother = here / ('b' if me == 'a' else 'a')\nwhile not other.exists(): time.sleep(0.02)"
    jobs = [hand_in(wait, run) for run in "ab"]
    workers.start("--slots", "2", CUDA_VISIBLE_DEVICES="")
    assert [over(job).status for job in jobs] == ["done", "done"]  # each waited until the other was there

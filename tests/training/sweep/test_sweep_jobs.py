"""Sweeps whose trials are jobs: without a worker, and for real with two at a time, one of them killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fer_core.data import SampleTable
from fer_core.errors import JobError
from tests.training.jobs.conftest import Workers, runs
from tests.training.runs import history
from tests.waiting import until
from training.__main__ import app
from training.jobs import table
from training.jobs.job import RECIPE, FitRequest
from training.jobs.queue import clone
from training.jobs.states import Reason, Status
from training.jobs.table import End, attempts, every
from training.recipe import load_recipe
from training.sweep.results import sweep_result
from training.sweep.starting import TrialJobs, cancel_sweep, start_sweep
from training.sweep.study import Plan, Sweep

PLAN = Plan(
    recipe=yaml.safe_load(Path("training/recipes/compact.yaml").read_text()),
    sweep={"space": {"epochs": {"low": 1, "high": 40}}},
    data="few",
)
JOBS = TrialJobs(data="/few")


def end(run: str, reason: Reason, status: Status = Status.FAILED) -> None:
    """A worker takes the job that goes first, and it ends like this."""
    job = table.claim("w", "cpu")
    assert job is not None
    assert job.spec.run == run
    table.end_attempt(job, End(reason, f"It ended: {reason}.", status))


def test_each_trial_is_one_job_however_often_it_is_started() -> None:
    handed = start_sweep("s", PLAN, 3, JOBS)
    assert [job.spec.run for job in handed] == ["s-0", "s-1", "s-2"]
    assert handed[1].spec.arguments[:5] == ("-m", "training", "sweep-trial", "s", "1")
    assert start_sweep("s", PLAN, 3, JOBS) == []
    assert start_sweep("s", PLAN, 2, JOBS) == []
    assert [job.spec.run for job in start_sweep("s", PLAN, 4, JOBS)] == ["s-3"]
    assert len(every()) == len(sweep_result("s").trials) == 4


def test_a_trial_that_has_begun_is_cloned_as_a_run_of_its_own(home: Path) -> None:
    first = start_sweep("s", PLAN, 1, TrialJobs(data=str(home), tags=("good",), record=False))[0]
    with pytest.raises(JobError, match=r"^Job 1 \(trial 0 of s on .*\) has no recipe yet; it is drawn when the trial"):
        clone(first.id)
    (home / "runs" / "s-0").mkdir(parents=True)
    drawn = load_recipe("compact", ["epochs=17"])
    (home / "runs" / "s-0" / "recipe.json").write_text(drawn.model_dump_json())
    other = clone(first.id, ["batch_size=32"])
    recipe = load_recipe(other.folder / RECIPE)
    assert (recipe.epochs, recipe.batch_size, recipe.name) == (17, 32, "compact")
    assert other.spec.fit == FitRequest(data=str(home), tags=("good",), record=False)
    assert other.spec.run == "compact"


def test_what_was_broken_off_between_trial_and_job_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    add, added = Sweep.add_trial, []

    def add_two(sweep: Sweep) -> None:
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(1)
        add(sweep)

    monkeypatch.setattr(Sweep, "add_trial", add_two)
    with pytest.raises(KeyboardInterrupt):
        start_sweep("s", PLAN, 3, JOBS)
    assert every() == []
    monkeypatch.setattr(Sweep, "add_trial", add)
    assert [job.spec.run for job in start_sweep("s", PLAN, 3, JOBS)] == ["s-0", "s-1", "s-2"]


def test_ends_from_outside_are_gone_on_with_and_defects_are_marked() -> None:
    start_sweep("s", PLAN, 3, JOBS)
    end("s-0", Reason.KILLED)  # three times in a row: it was given up
    end("s-1", Reason.TIME_LIMIT)
    assert [t.state for t in sweep_result("s").trials] == ["fail", "waiting", "waiting"]
    assert sweep_result("s").trials[0].error == "It ended: killed."
    assert [job.spec.run for job in cancel_sweep("s")] == ["s-2"]
    assert [(job.spec.run, job.status) for job in start_sweep("s", PLAN, 3, JOBS)] == [
        ("s-1", "queued"),
        ("s-2", "queued"),
    ]
    assert [t.state for t in sweep_result("s").trials] == ["fail", "waiting", "waiting"]


def test_a_run_that_another_job_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was deleted is handed in again; one that is no trial's keeps its run."""
    start_sweep("s", PLAN, 1, JOBS)
    cancel_sweep("s")
    table.remove(every()[0].id)
    assert [job.spec.run for job in start_sweep("s", PLAN, 1, JOBS)] == ["s-0"]
    monkeypatch.setattr("training.sweep.starting.table.every", list)
    with pytest.raises(JobError, match="belongs to job"):
        start_sweep("s", PLAN, 1, JOBS)


def command(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sweep", "compact", "--data", "x", "--trials", "2"), "says nothing of what is to be varied"),
        (("sweep", "fec-cnn-sweep", "--data", "x", "--trials", "2"), "'x'"),
        (("sweeps", "show", "x"), "There is no sweep 'x' here"),
        (("sweep-trial", "x", "0", "--data", "x"), "There is no sweep 'x' here"),
    ],
)
def test_mistakes_are_told_in_a_sentence_and_nothing_is_begun(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert every() == []
    assert command("sweeps", "list") == []


@pytest.fixture
def two_slots(home: Path) -> Iterator[Callable[[], Any]]:
    """Starts a worker with two slots."""
    workers = Workers(home)
    yield partial(workers.start, "--slots", "2")
    workers.end()


@pytest.mark.slow
def test_two_at_a_time_and_one_of_them_killed(
    two_slots: Callable[[], Any], few: SampleTable, tmp_path: Path, home: Path
) -> None:
    """Each trial trains its own values once, to its end; the one that is killed goes on with those that it had."""
    few.save(tmp_path / "few.parquet")
    recipe = {
        "name": "tiny", "model": {"architecture": "compact", "arguments": {"widths": [8, 16, 16], "depths": [1, 1, 1]}},
        "epochs": 12, "batch_size": 4, "average_decay": 0.9, "precision": "float32",
        "sweep": {"space": {"optimiser.learning_rate": [0.01, 0.05, 0.1, 0.2]}, "pruning": "none"},
    }  # fmt: skip
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    sweep = ("sweep", str(tmp_path / "tiny.yaml"), "--data", str(tmp_path / "few.parquet"), "--trials", "3")
    begun = command(*sweep, "--no-start", "--no-record")
    assert [t["state"] for t in begun["trials"]] == ["waiting"] * 3
    two_slots()
    first = next(job for job in every() if job.spec.run == "tiny-0")
    until((first.run_folder / "last.ckpt").exists)
    drawn = sweep_result("tiny").trials[0].drawn
    os.kill(runs(first).task.pid or 0, signal.SIGKILL)
    found = command(*sweep, "--no-start", "--no-record", "--wait")
    assert [t["state"] for t in found["trials"]] == ["complete"] * 3, [job.log() for job in every()]
    assert [a.reason for a in attempts(first.id)] == ["killed", "done"]
    assert found["trials"][0]["drawn"] == drawn
    for trial in found["trials"]:
        curve = [row["val_accuracy"] for row in history(home / "runs" / trial["run"])]
        assert trial["curve"] == pytest.approx(curve)
        assert len(curve) == 12
        assert trial["value"] == max(trial["curve"])
        kept = json.loads((home / "runs" / trial["run"] / "recipe.json").read_text())
        assert kept["optimiser"]["learning_rate"] == trial["drawn"]["optimiser.learning_rate"]
        assert (home / "checkpoints" / trial["run"] / "card.json").exists()
    assert [s["name"] for s in command("sweeps", "list")] == ["tiny"]
    assert command("sweeps", "show", "tiny") == found
    assert command("sweeps", "cancel", "tiny") == {"cancelled": []}
    assert command("sweeps", "importance", "tiny") == {}

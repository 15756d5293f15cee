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
from filelock import FileLock
from typer.testing import CliRunner

from fer_core.data import SampleTable
from fer_core.errors import DataError, FERScopeError, JobError, SweepError
from tests.training.jobs.conftest import Workers, runs
from tests.training.runs import history
from tests.waiting import until
from training.__main__ import app
from training.jobs import table
from training.jobs.job import RECIPE, FitRequest
from training.jobs.queue import Wishes, clone, submit
from training.jobs.states import Limits, Reason, Status
from training.jobs.table import End, attempts, every
from training.recipe import load_recipe
from training.recipe.loading import recipe_values
from training.sweep.results import sweep_result
from training.sweep.starting import TrialJobs, cancel_sweep, check_sweep, delete_sweep, go_on, start_sweep
from training.sweep.study import Plan, Sweep, open_sweep
from training.sweep.trial import attempt

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
    assert [t.state for t in sweep_result("s").trials] == ["fail", "broken off", "waiting"]
    assert sweep_result("s").trials[0].error == "It ended: killed."
    assert [job.spec.run for job in cancel_sweep("s")] == ["s-2"]
    assert [(job.spec.run, job.status) for job in start_sweep("s", PLAN, 3, JOBS)] == [
        ("s-1", "queued"),
        ("s-2", "queued"),
    ]
    assert [t.state for t in sweep_result("s").trials] == ["fail", "waiting", "waiting"]


def test_gone_on_with_as_it_was_started(elsewhere: Callable[[str], None], tmp_path: Path) -> None:
    elsewhere("a")
    votes = tmp_path / "votes.csv"
    votes.touch()
    jobs = TrialJobs(str(tmp_path), str(votes), ("good",), False, 4, Limits(time_s=60))
    start_sweep("s", PLAN, 1, jobs)
    calls: list[tuple[int, int]] = []
    handed = go_on("s", 2, lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    assert [job.spec.run for job in handed] == ["s-1"]
    first, second = every()
    assert second.spec.arguments[5:] == first.spec.arguments[5:]
    assert (second.spec.fit, second.priority, second.spec.limits) == (first.spec.fit, 4, Limits(time_s=60))
    elsewhere("b")  # a workspace of the team that has not worked on it
    with pytest.raises(SweepError, match=r"Where s finds few is not known here any more\."):
        go_on("s", 3)
    with pytest.raises(SweepError, match="no sweep 'other' here"):
        go_on("other", 3)


def test_deleted_with_its_jobs_when_nothing_of_it_is_at_work(elsewhere: Callable[[str], None]) -> None:
    elsewhere("a")
    start_sweep("s", PLAN, 2, JOBS)
    with pytest.raises(SweepError, match=r"Trials of s wait or run\. Cancel the sweep first"):
        delete_sweep("s")
    folder = cancel_sweep("s")[0].run_folder
    (folder / "states").mkdir(parents=True)
    elsewhere("b")
    with pytest.raises(SweepError, match="in each workspace that has some"):
        delete_sweep("s")
    elsewhere("a")
    start_sweep("other", PLAN, 1, JOBS)
    delete_sweep("s")
    assert [job.spec.run for job in every()] == ["other-0"]
    assert not folder.exists()
    with pytest.raises(SweepError, match="no sweep 's' here"):
        sweep_result("s")
    assert [job.spec.run for job in start_sweep("s", PLAN, 1, JOBS)] == ["s-0"]


def test_a_job_that_was_deleted_is_handed_in_again() -> None:
    start_sweep("s", PLAN, 1, JOBS)
    cancel_sweep("s")
    table.remove(every()[0].id)
    assert sweep_result("s").trials[0].state == "broken off"
    assert [job.spec.run for job in start_sweep("s", PLAN, 1, JOBS)] == ["s-0"]
    assert sweep_result("s").trials[0].state == "waiting"


def test_what_is_called_as_a_trial_would_be_is_left_alone(home: Path) -> None:
    """A run of that name, done; a folder of a run that was no job; a checkpoint whose job was deleted."""
    other = submit(["-c", ""], "another's", Wishes("s-1"))
    end("s-1", Reason.DONE, Status.DONE)
    (home / "runs" / "t-0").mkdir(parents=True)
    (home / "checkpoints" / "u-0").mkdir(parents=True)
    for name, number in (("s", 1), ("t", 0), ("u", 0)):
        with pytest.raises(SweepError, match=rf"would be the run {name}-{number}, and there is a run or a checkpoint"):
            start_sweep(name, PLAN, 2, JOBS)
    assert [(job.id, job.status) for job in every()] == [(other.id, "done")]
    start_sweep("s", PLAN, 1, JOBS)
    assert [job.spec.run for job in cancel_sweep("s")] == ["s-0"]
    delete_sweep("s")
    assert [(job.id, job.status) for job in every()] == [(other.id, "done")]


def test_what_would_make_every_trial_fail_is_told_before_there_is_one(home: Path) -> None:
    with pytest.raises(DataError, match="no data set of the workspace, and no file or folder, '/few'"):
        check_sweep(PLAN, JOBS)
    here = TrialJobs(data=str(home))
    home.mkdir(exist_ok=True)
    check_sweep(PLAN, here)
    for key, value, said in (
        ("target.teachers", ["nobody"], "no checkpoint 'nobody'"),
        ("model.architecture", "compct", "did you mean compact"),
    ):
        fixed = PLAN.model_copy(update={"recipe": recipe_values("compact", [f"{key}={json.dumps(value)}"])})
        with pytest.raises(FERScopeError, match=said):
            check_sweep(fixed, here)
        space = {"space": {key: {"choices": [recipe_values("compact")[key.split(".")[0]][key.split(".")[1]], value]}}}
        with pytest.raises(FERScopeError, match=said):
            check_sweep(PLAN.model_copy(update={"sweep": space}), here)
    gone = TrialJobs(data=str(home / "gone"))
    start_sweep("t", PLAN, 1, gone)
    with pytest.raises(DataError, match="gone"):
        go_on("t", 2)
    assert len(sweep_result("t").trials) == 1


def test_a_trial_that_has_failed_is_not_done_again(home: Path) -> None:
    start_sweep("s", PLAN, 1, JOBS)
    end("s-0", Reason.KILLED)
    assert sweep_result("s").trials[0].state == "fail"
    sweep = open_sweep("s")
    with pytest.raises(SweepError, match="Trial 0 of s has failed and is counted as it is"):
        attempt(sweep, 0, lambda *_: 1.0)
    sweep.fail(0, "seen by another viewer as well")
    assert sweep_result("s").trials[0].error == "It ended: killed."
    assert home.exists()


def test_one_that_changes_sweeps_for_long_is_told_of(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("training.sweep.study.WAIT_S", 0.1)
    home.mkdir(exist_ok=True)
    with FileLock(home / "sweeps.lock"), pytest.raises(SweepError, match="Another page or command has been starting"):
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
    until(lambda: [a.reason for a in attempts(first.id)] == ["killed", "done"])
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

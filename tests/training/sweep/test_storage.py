"""A storage of sweeps that another program has locked: waited for, then told in a sentence, and no trial is lost."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fer_core.errors import SweepError, TrainingError
from training.jobs import table
from training.jobs.states import Reason, Status
from training.jobs.table import End
from training.recipe.loading import recipe_values
from training.sweep import storage
from training.sweep.results import sweep_result
from training.sweep.starting import TrialJobs, settle, start_sweep
from training.sweep.storage import StorageError
from training.sweep.study import Plan, Sweep, open_sweep
from training.sweep.trial import attempt, report

Make = Callable[..., Any]
LOCKED = r"^The storage of sweeps \(sqlite:////.*sweeps\.db\) has been locked by another program for 0 seconds\. Close"


@contextmanager
def locked(home: Path) -> Iterator[sqlite3.Connection]:
    """Another program has the file for itself."""
    with closing(sqlite3.connect(home / "sweeps.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin exclusive")
        yield other
        if other.in_transaction:
            other.execute("rollback")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of a second, instead of a minute, for sweeps that are opened from here on."""
    for module in ("storage", "study"):
        monkeypatch.setattr(f"training.sweep.{module}.WAIT_S", 0.2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("when", ["take", "draw", "report", "tell"])
def test_a_lock_that_stays_is_told_and_the_trial_goes_on(
    when: str, make: Make, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the trial was about to do, it is there afterwards as it was before, and comes to its end."""
    sweep = make(1)
    drawn: list[int] = []

    def objective(values: dict[str, Any], trial: Any) -> float:
        drawn.append(values["epochs"])
        if when == "report" and len(drawn) == 1:
            with locked(home):
                report(trial, 0, 0.5, last=False)
        report(trial, 0, 0.5, last=False)
        if when == "tell" and len(drawn) == 1:
            held.enter_context(locked(home))
        return 0.5

    with ExitStack() as held:
        if when == "take":
            held.enter_context(locked(home))
        if when == "draw":
            take = sweep.take
            monkeypatch.setattr(Sweep, "take", lambda *_: (take(0), held.enter_context(locked(home)))[0])
        with pytest.raises(StorageError, match=LOCKED):
            attempt(sweep, 0, objective)
    monkeypatch.undo()
    monkeypatch.setenv("FERSCOPE_HOME", str(home))
    state = sweep_result("s").trials[0].state
    assert state == "broken off"  # it has no job here, but is open
    assert attempt(open_sweep("s"), 0, objective) == "complete"
    assert len(set(drawn)) == 1
    found = sweep_result("s").trials[0]
    assert (found.value, found.curve, found.drawn) == (0.5, (0.5,), {"epochs": drawn[0]})


def test_a_lock_that_goes_is_waited_for(make: Make, home: Path) -> None:
    """The storage's own patience is a tenth of a second here; the rest is ours, in which the lock goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "WAIT_S", 0.1)
        sweep = make(1)
    waited: list[float] = []

    def objective(_: Any, trial: Any) -> float:
        with locked(home) as other:
            threading.Timer(0.6, other.execute, ["rollback"]).start()
            began = time.monotonic()
            report(trial, 0, 0.25, last=False)
            waited.append(time.monotonic() - began)
        return 0.25

    assert attempt(sweep, 0, objective) == "complete"
    assert waited[0] > 0.5
    assert sweep_result("s").trials[0].curve == (0.25,)


@pytest.mark.usefixtures("impatient")
def test_looking_at_sweeps_while_they_are_locked(make: Make, home: Path) -> None:
    sweep = make(1)
    looks: list[Callable[[], Any]] = [
        lambda: open_sweep("s"), lambda: sweep_result("s", sweep.storage), sweep.add_trial,
        lambda: sweep.fail(0, "wrong"), lambda: make(1),
    ]  # fmt: skip
    with locked(home):
        for look in looks:
            with pytest.raises(SweepError, match=LOCKED):
                look()
    assert [trial.state for trial in sweep_result("s").trials] == ["broken off"]


def test_a_server_that_has_gone(make: Make, home: Path) -> None:
    sweep = make(1)
    sweep.trials()
    (home / "sweeps.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match=r"^The storage of sweeps \(.*\) does not answer: DatabaseError\. See that"):
        open_sweep("s", sweep.storage)


def test_a_job_that_could_not_reach_the_storage_is_resumed() -> None:
    """Its trial is not failed for that, as it is for another error."""
    plan = Plan(recipe=recipe_values("compact"), sweep={"space": {"epochs": {"low": 1, "high": 40}}}, data="few")
    jobs = TrialJobs(data="/few")
    start_sweep("s", plan, 2, jobs)
    for message in ("The storage of sweeps (x) does not answer: OperationalError. See to it.", "It is wrong."):
        job = table.claim("w", "cpu")
        assert job is not None
        table.end_attempt(job, End(Reason.ERROR, message, Status.FAILED))
    assert [trial.state for trial in sweep_result("s").trials] == ["broken off", "fail"]
    assert [job.spec.run for job in start_sweep("s", plan, 2, jobs)] == ["s-0"]


def test_a_full_disk_leaves_the_trial_open(make: Make) -> None:
    def objective(*_: Any) -> float:
        raise TrainingError("The disk is full: what the run writes does not fit into the 0 MB left for /x.")

    sweep = make(1)
    with pytest.raises(TrainingError):
        attempt(sweep, 0, objective)
    settle(sweep)
    assert sweep_result("s").trials[0].state == "broken off"
    assert attempt(open_sweep("s"), 0, lambda *_: 1.0) == "complete"

"""Handing in, cancelling, resuming, cloning: what the table says afterwards, without a worker."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_core.data import SampleTable
from fer_core.errors import DataError, JobError, RecipeError
from training.jobs import table
from training.jobs.job import FitRequest, Job
from training.jobs.queue import (
    Wishes,
    cancel,
    clone,
    delete,
    prioritise,
    resume,
    retry,
    submit_fit,
)
from training.jobs.states import Limits, Reason, Status
from training.jobs.table import End, attempts, claim, end_attempt, every, find
from training.recipe import Recipe, load_recipe

HandIn = Callable[..., Job]


@pytest.fixture
def data(few: SampleTable, tmp_path: Path) -> Path:
    few.save(tmp_path / "few.parquet")
    return tmp_path / "few.parquet"


def test_a_training_run_is_handed_in_whole(
    data: Path, tiny_recipe: Callable[..., Recipe], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in it depends on where it was handed in, or on the recipe's file."""
    monkeypatch.chdir(data.parent)
    recipe = tiny_recipe(epochs=7)
    job = submit_fit(recipe, FitRequest(data="few.parquet", tags=("a", "b"), keep_every=9), Wishes(priority=3))
    assert (job.id, job.status, job.priority, job.attempts) == (1, Status.QUEUED, 3, 0)
    assert job.spec.run == "tiny"
    assert job.spec.about == "tiny on few.parquet"
    assert job.spec.arguments == (
        "-m", "training", "fit", "{job}/recipe.yaml", "--data", str(data), "--run", "tiny",
        "--tag", "a", "--tag", "b", "--keep-every", "9", "--record",
    )  # fmt: skip
    assert job.folder == home.resolve() / "jobs" / "1"
    assert load_recipe(job.folder / "recipe.yaml") == recipe
    assert every() == [job] == [find(1)]


def test_runs_get_names_of_their_own(data: Path, tiny_recipe: Callable[..., Recipe], home: Path) -> None:
    fit = FitRequest(data=str(data))
    (home / "runs" / "tiny-2").mkdir(parents=True)  # somebody trained without a job
    assert [submit_fit(tiny_recipe(), fit).spec.run for _ in range(3)] == ["tiny", "tiny-3", "tiny-4"]
    assert submit_fit(tiny_recipe(), fit, Wishes(run="tiny-2")).spec.run == "tiny-2"
    with pytest.raises(JobError, match=r"The run 'tiny-3' belongs to job 2\. Resume that one"):
        submit_fit(tiny_recipe(), fit, Wishes(run="tiny-3"))
    with pytest.raises(JobError, match=r"'\.\./x' is not a name for a run"):
        submit_fit(tiny_recipe(), fit, Wishes(run="../x"))
    with pytest.raises(DataError, match=r"There is no data set .* 'gone.csv'"):
        submit_fit(tiny_recipe(), FitRequest(data="gone.csv"))
    assert len(every()) == 4


def test_who_goes_first(hand_in: HandIn) -> None:
    for run, priority in (("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)):
        hand_in("", run, priority)
    assert [job.spec.run for job in every()] == ["b", "d", "a", "e", "c"]
    prioritise(3, 6)
    cancel(4)
    taken = [claim("w", "cpu") for _ in range(5)]
    assert [job.spec.run if job else None for job in taken] == ["c", "b", "a", "e", None]
    with pytest.raises(JobError, match=r"Job 3 \(script c\) does not wait: it is running"):
        prioritise(3, 1)
    assert [(job.spec.run, job.status) for job in every()] == [
        ("a", "running"), ("b", "running"), ("c", "running"), ("e", "running"), ("d", "cancelled"),
    ]  # fmt: skip


def test_cancelled_in_the_queue(hand_in: HandIn) -> None:
    job = hand_in("")
    gone = cancel(job.id)
    assert (gone.status, gone.reason, gone.message) == ("cancelled", "cancelled", "Cancelled before it started.")
    assert gone.ended is not None
    assert claim("w", "cpu") is None
    assert attempts(job.id) == []
    with pytest.raises(JobError, match=r"Job 1 \(script a\) is over already: cancelled"):
        cancel(job.id)
    again = resume(job.id)
    assert (again.status, again.ended, again.reason, again.message) == ("queued", None, None, "")
    with pytest.raises(JobError, match="is queued already"):
        resume(job.id)
    assert claim("w", "cpu") is not None


def test_cancelled_after_the_claim_and_before_there_is_a_process(hand_in: HandIn) -> None:
    """And its worker has gone: whoever cancels sees to it."""
    job = hand_in("")
    claim("gone", "cpu")
    assert cancel(job.id).status == "cancelled"
    assert [(a.number, a.reason) for a in attempts(job.id)] == [(1, "cancelled")]


def test_what_is_over_can_be_begun_again_or_deleted(hand_in: HandIn) -> None:
    job = hand_in("")
    for act in (retry, delete):
        with pytest.raises(JobError, match="cancel it first"):
            act(job.id)
    claimed = claim("w", "cpu")
    assert claimed is not None
    claimed.run_folder.mkdir(parents=True)
    (claimed.run_folder / "last.ckpt").touch()
    end_attempt(claimed, End(Reason.DONE, "", Status.DONE))
    with pytest.raises(JobError, match=r"is done\. Clone it"):
        resume(job.id)
    assert retry(job.id).status == "queued"
    assert not job.run_folder.exists()
    second = claim("w", "cpu")
    assert second is not None
    end_attempt(second, End(Reason.ERROR, "wrong", Status.FAILED))
    assert (find(job.id).reason, find(job.id).message) == ("error", "wrong")
    assert (resume(job.id).reason, find(job.id).message) == (None, ""), "it waits, and nothing is wrong with it"
    cancel(job.id)
    assert [(a.number, a.reason, a.message) for a in attempts(job.id)] == [(1, "done", ""), (2, "error", "wrong")]
    delete(job.id)
    assert every() == []
    assert not job.folder.exists()
    with pytest.raises(JobError, match="There is no job 1"):
        find(job.id)
    assert hand_in("", "b").id == 2  # a number is never given twice


def test_cloning_with_changes(data: Path, tiny_recipe: Callable[..., Recipe], hand_in: HandIn) -> None:
    limits = Limits(time_s=60)
    first = submit_fit(tiny_recipe(), FitRequest(data=str(data)), Wishes(priority=2, limits=limits))
    other = clone(first.id, ["epochs=9", "optimiser.learning_rate=0.01"])
    recipe = load_recipe(other.folder / "recipe.yaml")
    assert recipe == tiny_recipe(epochs=9, optimiser={"learning_rate": 0.01})
    assert (other.spec.run, other.priority, other.spec.limits) == ("tiny-2", 2, limits)
    assert load_recipe(first.folder / "recipe.yaml") == tiny_recipe()
    with pytest.raises(RecipeError, match="did you mean epochs"):
        clone(first.id, ["epoch=1"])
    with pytest.raises(JobError, match="is no training run"):
        clone(hand_in("", "x").id)


def test_an_end_counts_once_and_for_its_attempt_alone(hand_in: HandIn) -> None:
    hand_in("")
    first = claim("w", "cpu")
    assert first is not None
    goes_on = End(Reason.KILLED, "killed", Status.QUEUED, 1)
    end_attempt(first, goes_on)
    assert (find(1).status, find(1).fruitless, find(1).reason, find(1).message) == ("queued", 1, "killed", "killed")
    second = claim("w", "cpu")
    assert second is not None
    assert (second.reason, second.message) == (None, ""), "why it went on by itself is told while it waits"
    assert [(a.number, a.reason, a.message) for a in attempts(1)] == [(1, "killed", "killed"), (2, None, "")]
    end_attempt(first, goes_on)  # somebody else saw the same end, but later
    assert find(1).status == "running"
    table.change(1, (Status.RUNNING,), cancelling=1)
    end_attempt(second, goes_on)  # it was cancelled in the moment in which it was killed
    assert (find(1).status, find(1).cancelling) == ("cancelled", False)


def test_time_counts_over_attempts_until_a_user_starts_it_again(
    hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in("")
    now = 1000.0
    monkeypatch.setattr("training.jobs.table.time.time", lambda: now)
    for seconds, spent in ((10, 10), (20, 30)):
        job = claim("w", "cpu")
        assert job is not None
        now += seconds
        end_attempt(job, End(Reason.KILLED, "", Status.QUEUED))
        assert find(1).spent_s == pytest.approx(spent)
    cancel(1)
    assert resume(1).spent_s == 0


def test_a_hundred_jobs_are_listed_at_once(data: Path, tiny_recipe: Callable[..., Recipe]) -> None:
    recipe, fit = tiny_recipe(), FitRequest(data=str(data))
    for _ in range(100):
        submit_fit(recipe, fit)
    spent_s = []
    for _ in range(3):
        before = time.perf_counter()
        rows = [job.as_json() for job in every()]
        spent_s.append(time.perf_counter() - before)
    assert [row["id"] for row in rows] == list(range(1, 101))
    assert rows[99]["run"] == "tiny-100"
    assert min(spent_s) < 0.2


def test_a_locked_table_is_waited_for_and_then_told_of(hand_in: HandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hand_in("")
    monkeypatch.setattr(table, "WAIT_S", 0.2)
    holder = sqlite3.connect(table.table_file(), isolation_level=None, check_same_thread=False)
    holder.execute("begin immediate")
    before = time.monotonic()
    with pytest.raises(JobError, match=r"Another program has kept the table of jobs \(.*jobs\.db\) locked for"):
        cancel(job.id)
    assert 0.15 < time.monotonic() - before < 10
    assert find(job.id).status == "queued"  # reading goes on

    monkeypatch.setattr(table, "WAIT_S", 20.0)
    threading.Timer(0.4, lambda: holder.execute("commit")).start()
    assert cancel(job.id).status == "cancelled"
    holder.close()


def test_a_damaged_table_is_told_of() -> None:
    table.table_file().parent.mkdir(parents=True)
    table.table_file().write_bytes(b"no database" * 1000)
    with pytest.raises(JobError, match=r"cannot be used: file is not a database\. .*move the file away"):
        every()


def test_many_hand_in_at_once(hand_in: HandIn) -> None:
    """The table is made once, and nobody's job is lost."""
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            hand_in("", f"r{number}")
        except BaseException as error:  # noqa: BLE001  (told below)
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(job.spec.run for job in every()) == [f"r{i}" for i in range(8)]

"""Training runs as jobs: killed, cancelled and resumed at any moment, they end as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_core.data import SampleTable
from tests.training.jobs.conftest import Workers, over, runs
from tests.training.runs import history, same, weights
from tests.waiting import until
from training.fit import Run, fit
from training.jobs.job import FitRequest, Job
from training.jobs.queue import Wishes, cancel, resume, submit_fit
from training.jobs.table import attempts, find
from training.recipe import Recipe

pytestmark = pytest.mark.slow
Make = Callable[..., Recipe]


@pytest.fixture
def recipe(tiny_recipe: Make) -> Recipe:
    return tiny_recipe(epochs=20, batch_size=4)


@pytest.fixture
def begin(few: SampleTable, tmp_path: Path, recipe: Recipe) -> Callable[..., Job]:
    few.save(tmp_path / "few.parquet")

    def make(keep_every: int = 3) -> Job:
        fit = FitRequest(data=str(tmp_path / "few.parquet"), keep_every=keep_every, record=False)
        return submit_fit(recipe, fit, Wishes("job"))

    return make


def is_as_uninterrupted(job: Job, recipe: Recipe, few: SampleTable, tmp_path: Path) -> None:
    """Weights and curves are those of the same run in one go."""
    run = Run(recipe, few, "few.parquet", tmp_path / "whole", tmp_path / "whole-checkpoint")
    fit(run)
    assert same(weights(tmp_path / "ferscope-home" / "checkpoints" / "job"), weights(run.checkpoint_folder))
    assert history(job.run_folder) == history(run.folder)


def test_killed_at_random_steps_with_and_without_its_worker(
    begin: Callable[..., Job], workers: Workers, few: SampleTable, recipe: Recipe, tmp_path: Path
) -> None:
    job = begin()
    chance = random.Random()  # noqa: S311  (another moment each time)
    worker = workers.start()
    for attempt, worker_too in ((1, False), (2, True)):
        until(lambda n=attempt: find(job.id).attempts == n and runs(job).task.pid)
        kept, began = job.run_folder / "last.ckpt", find(job.id).began or 0
        until(lambda f=kept, b=began: f.exists() and f.stat().st_mtime > b)
        time.sleep(chance.uniform(0, 0.3))
        if worker_too:
            worker.kill()
            worker.wait()
        os.kill(runs(job).task.pid or 0, signal.SIGKILL)
        if worker_too:
            workers.start()
    assert over(job).status == "done", find(job.id).log()
    assert [a.reason for a in attempts(job.id)] == ["killed", "killed", "done"]
    is_as_uninterrupted(job, recipe, few, tmp_path)


def test_cancelled_while_it_starts_and_while_it_trains(
    begin: Callable[..., Job], workers: Workers, few: SampleTable, recipe: Recipe, tmp_path: Path
) -> None:
    job = begin(keep_every=0)
    workers.start()
    runs(job)
    time.sleep(1)  # torch is being loaded
    cancel(job.id)
    assert over(job).status == "cancelled"
    assert not (job.run_folder / "last.ckpt").exists()
    resume(job.id)
    until((job.run_folder / "history.jsonl").exists)
    cancel(job.id)
    ended = over(job)
    assert (ended.status, ended.message) == ("cancelled", "Cancelled.")
    assert ended.task.exit_status == 143
    assert not (tmp_path / "ferscope-home" / "checkpoints" / "job").exists()
    progress = ended.progress()
    assert progress is not None
    assert 0 < progress.step < progress.steps == 20 * 7
    resume(job.id)
    assert over(job).status == "done", find(job.id).log()
    is_as_uninterrupted(job, recipe, few, tmp_path)


def test_cancelled_while_it_saves(
    begin: Callable[..., Job], workers: Workers, few: SampleTable, recipe: Recipe, tmp_path: Path
) -> None:
    """It saves after every step, so that it is saving whenever it is asked."""
    job = begin(keep_every=1)
    workers.start()
    until((job.run_folder / "last.ckpt").exists)
    until(lambda: list(job.run_folder.glob(".last.ckpt")))
    cancel(job.id)
    assert over(job).message == "Cancelled."
    assert not list(job.run_folder.glob(".last.ckpt"))
    resume(job.id)
    assert over(job).status == "done", find(job.id).log()
    is_as_uninterrupted(job, recipe, few, tmp_path)


def test_what_is_wrong_is_told_in_the_jobs_own_words(
    tiny_recipe: Make, few: SampleTable, workers: Workers, tmp_path: Path
) -> None:
    few.split("train").save(tmp_path / "part.parquet")
    job = submit_fit(tiny_recipe(), FitRequest(data=str(tmp_path / "part.parquet"), record=False))
    workers.start()
    ended = over(job)
    assert (ended.status, ended.reason, ended.attempts) == ("failed", "error", 1)
    assert "validation" in ended.message
    assert not ended.message.startswith("Error")


def test_a_full_disk_is_the_jobs_reason(
    begin: Callable[..., Job], workers: Workers, few: SampleTable, recipe: Recipe, tmp_path: Path
) -> None:
    job = begin()
    job.run_folder.mkdir(parents=True)
    (job.run_folder / ".progress.json").symlink_to("/dev/full")
    workers.start()
    ended = over(job)
    assert (ended.status, ended.reason, ended.attempts) == ("failed", "no disk space", 1)
    assert ended.message.startswith("The disk is full: what the run writes does not fit into the ")
    assert f"MB left for {job.run_folder}. Make room and start the run again" in ended.message
    resume(job.id)
    assert over(job).status == "done", find(job.id).log()
    is_as_uninterrupted(job, recipe, few, tmp_path)

"""What must not be lost: a shipped checkpoint, a job in two tabs, a sentence where a disk takes nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_core.data import SampleTable
from fer_core.errors import JobError
from training.jobs import table
from training.jobs.job import FitRequest, Job, jobs_folder
from training.jobs.queue import Wishes, cancel, clone, delete, resume, retry, submit, submit_fit
from training.jobs.states import Reason, Status
from training.jobs.table import End, attempts, claim, end_attempt, every, find
from training.jobs.worker import ensure_worker
from training.recipe import Recipe

HandIn = Callable[..., Job]


@pytest.fixture
def fit(few: SampleTable, tmp_path: Path) -> FitRequest:
    few.save(tmp_path / "few.parquet")
    return FitRequest(data=str(tmp_path / "few.parquet"))


def test_a_checkpoint_that_stayed_keeps_its_name(
    fit: FitRequest, tiny_recipe: Callable[..., Recipe], home: Path
) -> None:
    """A job is deleted, its checkpoint is not: the next run must not be shipped over it."""
    job = submit_fit(tiny_recipe(), fit)
    (home / "checkpoints" / "tiny").mkdir(parents=True)
    cancel(job.id)
    assert resume(job.id).spec.run == "tiny"
    cancel(job.id)
    assert retry(job.id).spec.run == "tiny"
    assert clone(job.id).spec.run == "tiny-2"
    cancel(job.id)
    delete(job.id)
    assert submit_fit(tiny_recipe(), fit).spec.run == "tiny-3"
    assert submit_fit(tiny_recipe(), fit, Wishes(run="tiny")).spec.run == "tiny", "who names it means it"
    assert find(2).spec.run == "tiny-2"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, r"^The disk is full: the queue's files find no room in .*jobs/\d\. Make room, and try again\.$"),
        (errno.EROFS, r"^Nothing can be written to .*jobs/\d: Read-only file system\. Make .* or set FERSCOPE_HOME"),
        (errno.EACCES, r"^Nothing can be written to .*jobs/\d: Permission denied\. Make .* or set FERSCOPE_HOME"),
    ],
)
def test_a_disk_that_takes_nothing_leaves_no_half_job(
    fit: FitRequest, tiny_recipe: Callable[..., Recipe], number: int, sentence: str
) -> None:
    """Whether it was the folder or the recipe that could not be written."""
    for name in ("mkdir", "write_text"):
        with pytest.MonkeyPatch.context() as patched:
            whole = getattr(Path, name)

            def fails(path: Path, *rest: Any, whole: Any = whole, **options: Any) -> Any:
                if path.parent.name == "jobs" or path.name == "recipe.yaml":
                    raise OSError(number, os.strerror(number), str(path))
                return whole(path, *rest, **options)

            patched.setattr(Path, name, fails)
            with pytest.raises(JobError, match=sentence):
                submit_fit(tiny_recipe(), fit)
        assert every() == []
        assert list(jobs_folder().glob("[0-9]")) == []
    assert submit_fit(tiny_recipe(), fit).spec.run == "tiny"


def test_a_workspace_that_cannot_be_written_to(home: Path, monkeypatch: pytest.MonkeyPatch, hand_in: HandIn) -> None:
    """Somebody's file lies where the folder of jobs is to be."""
    monkeypatch.setenv("FERSCOPE_HOME", str(home / "file" / "below"))
    home.mkdir(exist_ok=True)
    (home / "file").write_text("a file")
    told = r"Nothing can be written to .*file/below/jobs: Not a directory\. Make .* or set FERSCOPE_HOME"
    with pytest.raises(JobError, match=told):
        hand_in("")
    with pytest.raises(JobError, match=told):
        ensure_worker()


def test_the_log_of_the_worker_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    (jobs_folder() / "worker.log").mkdir(parents=True)
    monkeypatch.setattr("training.jobs.worker.subprocess.Popen", None)  # none is to be started
    with pytest.raises(JobError, match=r"Nothing can be written to .*jobs: Is a directory\."):
        ensure_worker()


@pytest.fixture
def ended(hand_in: HandIn) -> Job:
    """A job that has failed, and whose run has a state."""
    job = hand_in("")
    job.run_folder.mkdir(parents=True)
    (job.run_folder / "last.ckpt").touch()
    claimed = claim("w", "cpu")
    assert claimed is not None
    end_attempt(claimed, End(Reason.ERROR, "wrong", Status.FAILED))
    return find(job.id)


@pytest.mark.parametrize(("act", "name"), [(delete, "remove"), (retry, "change")])
def test_resumed_in_another_tab_meanwhile(
    ended: Job, monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object], name: str
) -> None:
    """It runs, so that neither its row nor its state may go."""
    whole = getattr(table, name)

    def late(*rest: Any, **values: Any) -> Any:
        monkeypatch.setattr(table, name, whole)
        resume(ended.id)
        assert claim("w", "cpu") is not None
        return whole(*rest, **values)

    monkeypatch.setattr(table, name, late)
    with pytest.raises(JobError, match=r"Job 1 \(script a\) is running; cancel it first"):
        act(ended.id)
    assert find(ended.id).status == "running"
    assert len(attempts(ended.id)) == 2
    assert (ended.run_folder / "last.ckpt").exists()
    assert ended.folder.exists()


def test_nobody_resumes_a_job_whose_state_is_being_deleted(ended: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """And who is killed there leaves a job that can be begun again."""

    def killed(folder: Path, **_: object) -> None:
        assert folder == ended.run_folder
        for act in (resume, retry, delete):
            with pytest.raises(JobError, match="is held"):
                act(ended.id)
        assert claim("w", "cpu") is None
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("training.jobs.queue.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            retry(ended.id)
    assert cancel(ended.id).status == "cancelled"
    assert retry(ended.id).status == "queued"
    assert not ended.run_folder.exists()


def test_a_recipe_of_another_version(fit: FitRequest) -> None:
    """Of a trial of a sweep, whose values are those that its run has noted."""
    trial = submit(["x.py"], "trial 0 of s", Wishes("s-0"), fit)
    trial.run_folder.mkdir(parents=True)
    (trial.run_folder / "recipe.json").write_text('{"name": "old", "rate": 1}')
    with pytest.raises(JobError, match=r"recipe of job 1 \(trial 0 of s\) in .*recipe\.json is none of this version"):
        clone(trial.id)
    assert not (trial.folder / "recipe.yaml").exists()

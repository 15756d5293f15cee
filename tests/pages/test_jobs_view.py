"""The Queue and the curves of the Train page: cards that do not tell, earlier attempts, a table that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer_core.errors import JobError
from tests.pages.reading import texts
from training.jobs.queue import Wishes, resume, submit
from training.jobs.states import Reason, Status
from training.jobs.table import End, claim, end_attempt


@pytest.fixture
def open_view(open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Runs the page as a link does; no worker is started."""
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: None)
    return lambda **query: open_page("2_Train", **query)


def test_cards_go_by_their_numbers(open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    load = {
        "system/cpu_utilization_percentage": 1.0, "system/system_memory_usage_percentage": 25.0,
        "system/system_memory_usage_megabytes": 6200.0, "system/gpu_0_memory_usage_megabytes": 100.0,
        "system/gpu_1_utilization_percentage": 45.0, "system/gpu_10_utilization_percentage": 7.0,
        "system/gpu_10_memory_usage_megabytes": 3200.0,
    }  # fmt: skip
    monkeypatch.setattr("training.tracking.load.measure", lambda _pid: load)
    st.cache_data.clear()  # of another test's seconds
    submit(["x.py"], "a job", Wishes("a"))
    told = "GPU 0 n/a and 0.1 GB, GPU 1 45 % and n/a, GPU 10 7 % and 3.2 GB"
    assert told in texts(open_view(show="Queue"))
    st.cache_data.clear()


def fails(_job: object) -> None:
    raise JobError("The table is locked. Try again.")


def test_what_fails_within_the_queue_is_a_sentence(
    open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(["x.py"], "a job", Wishes("a"))
    monkeypatch.setattr("ui.train.queue._show_progress", fails)
    app = open_view(show="Queue")
    assert [error.value for error in app.error] == ["The table is locked. Try again."]


def test_what_fails_within_the_curves_is_a_sentence(
    open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    folder = home / "runs" / "learnt"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}")
    (folder / "steps.jsonl").write_text(json.dumps({"step": 2, "epoch": 0.5, "train_loss": 2.0}) + "\n")
    monkeypatch.setattr("ui.train.curves._show_state", fails)
    app = open_view(show="Curves")
    assert [error.value for error in app.error] == ["The table is locked. Try again."]


def test_how_each_attempt_ended(open_view: Callable[..., AppTest]) -> None:
    job = submit(["x.py"], "a job", Wishes("a"))
    ends = (End(Reason.TIME_LIMIT, "Long enough.", Status.FAILED), End(Reason.ERROR, "No data.", Status.FAILED))
    for end in ends:
        claimed = claim("w", "cpu")
        assert claimed is not None
        end_attempt(claimed, end)
        app = open_view(show="Queue")
        app.toggle(key=f"Log {job.id}").set_value(True).run()
        assert not app.exception
        if end is ends[0]:
            assert not app.dataframe, "the one end is told above"
            resume(job.id)
    table = app.dataframe[0].value
    assert list(table.columns) == ["Attempt", "Began", "Ended", "Reason", "Message"]
    assert table[["Attempt", "Reason", "Message"]].to_numpy().tolist() == [
        [1, "time limit", "Long enough."],
        [2, "error", "No data."],
    ]
    assert all(len(at) == len("2026-01-31 12:00:00") for at in (*table["Began"], *table["Ended"]))


def test_how_far_a_run_is(open_view: Callable[..., AppTest]) -> None:
    """Before its first step its teachers are asked, and what counts are faces."""
    submit(["x.py"], "a job", Wishes("a"))
    job = claim("w", "cpu")
    assert job is not None
    job.run_folder.mkdir(parents=True)
    (job.run_folder / "recipe.json").write_text("{}")
    (job.run_folder / "steps.jsonl").write_text(json.dumps({"step": 2, "epoch": 0.5, "train_loss": 2.0}) + "\n")
    training = {"step": 500, "steps": 1000, "seconds_left": 240}
    asking = {"what": "asking its teachers", "done": 7000, "total": 28000, "seconds_left": 240}
    measuring = {"what": "measuring the checkpoint", "done": 7000, "total": 10000, "seconds_left": 240}
    for told, percent, said in (
        (
            {"step": 0, "steps": 0, "seconds_left": None, "doing": asking},
            25,
            "asking its teachers: 7,000 of 28,000 faces",
        ),
        (training, 50, "step 500 of 1,000"),
        (training | {"doing": measuring}, 70, "measuring the checkpoint: 7,000 of 10,000 faces"),
    ):
        (job.run_folder / "progress.json").write_text(json.dumps(told))
        (bar,) = open_view(show="Queue").get("progress")
        assert (bar.proto.value, bar.proto.text) == (percent, f"{said}, 4 min left")
        (bar,) = open_view(show="Curves").get("progress")
        assert (bar.proto.value, bar.proto.text) == (percent, f"a: {said}, 4 min left")
    fitting = {"what": "fitting the machine", "done": 0, "total": 0, "seconds_left": None}
    state = {"step": 0, "steps": 0, "seconds_left": None, "doing": fitting}
    (job.run_folder / "progress.json").write_text(json.dumps(state))
    (bar,) = open_view(show="Queue").get("progress")
    assert (bar.proto.value, bar.proto.text) == (0, "fitting the machine")

"""A job is cloned with all that was asked of it, through Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import DataSet, keep
from tests.pages.reading import texts
from training.jobs.job import FitRequest, Job
from training.jobs.queue import Wishes, submit_fit
from training.jobs.states import Limits
from training.jobs.table import every
from training.recipe import load_recipe
from training.remote.place import Cluster
from ui.train.draft import clone_key

LIMITS = Limits(time_s=100, memory_mb=1500, disk_mb=20, grace_s=7)


@pytest.fixture
def open_view(open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Runs the page as a link does; no worker is started, and Ray is as if installed."""
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: None)
    monkeypatch.setattr("training.remote.place.is_installed", lambda: True)
    return lambda **query: open_page("2_Train", **query)


@pytest.fixture
def tagged(few: SampleTable) -> DataSet:
    """A data set of which two samples have a tag, beside another one that the sidebar has first."""
    keep("also", few, "drawn for a test")
    data_set = keep("few", few, "drawn for a test")
    data_set.tag("hard", [0, 1])
    return data_set


def cloned(app: AppTest, job: Job) -> Job:
    """The job that comes of pressing Clone, and Start at once."""
    app.button(key=f"Clone {job.id}").click().run()
    assert not app.exception
    app.button(key="start").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == []
    return next(one for one in every() if one.id != job.id)


def test_nothing_that_was_asked_is_lost(open_view: Callable[..., AppTest], tagged: DataSet) -> None:
    fit = FitRequest(data=tagged.name, tags=("hard",), keep_every=9, record=False, processes=2)
    first = submit_fit(load_recipe("compact", ["batch_size=16"]), fit, Wishes("first", 150, LIMITS))
    second = cloned(open_view(show="Queue"), first)
    assert second.spec.fit == fit
    assert (second.priority, second.spec.limits) == (150, LIMITS)
    assert second.spec.arguments[:-1] == tuple(
        "compact" if part == "first" else part for part in first.spec.arguments[:-1]
    )  # but for its name
    assert yaml.safe_load((second.folder / "recipe.yaml").read_text())["batch_size"] == 16


def test_a_link_to_a_clone_fills_the_forms_and_what_is_changed_counts(
    open_view: Callable[..., AppTest], tagged: DataSet
) -> None:
    there = Cluster(address="http://head.lab:8265", workers=2, gpus=True)
    fit = FitRequest(data=tagged.name, tags=("hard",))
    first = submit_fit(load_recipe("compact"), fit, Wishes("first", -3, LIMITS, there))
    app = open_view(data="few", recipe=clone_key(first.id))
    keys = f"job-{first.id} "
    assert app.number_input(key=f"{keys}run hours").value == pytest.approx(100 / 3600)
    assert app.text_input(key=f"{keys}run cluster").value == "http://head.lab:8265"
    app.number_input(key=f"{keys}run hours").set_value(2.0)
    app.number_input(key=f"{keys}run workers").set_value(4)
    app.multiselect(key=f"{keys}run tags few").set_value([])
    app.button(key="start").click().run()
    second = next(one for one in every() if one.id != first.id)
    assert second.spec.cluster == there.model_copy(update={"workers": 4})
    assert second.spec.limits == LIMITS.model_copy(update={"time_s": 7200})
    assert second.spec.fit == FitRequest(data="few")
    assert second.priority == -3


def test_data_that_are_a_path_stay_a_path(open_view: Callable[..., AppTest], few: SampleTable, tmp_path: Path) -> None:
    few.save(tmp_path / "faces.parquet")
    (tmp_path / "votes.csv").touch()
    fit = FitRequest(data=str(tmp_path / "faces.parquet"), labels=str(tmp_path / "votes.csv"))
    first = submit_fit(load_recipe("compact"), fit, Wishes("first"))
    second = cloned(open_view(show="Queue"), first)  # there is no data set in the workspace
    assert second.spec.fit == fit
    keep("few", few, "drawn for a test")
    app = open_view(data="few", recipe=clone_key(first.id))
    assert f"Learns from **{tmp_path / 'faces.parquet'}**" in texts(app)
    app.segmented_control(key=f"job-{first.id} run data").set_value("few").run()
    assert "Learns from **few**" in texts(app)
    app.button(key="start").click().run()
    third = max(every(), key=lambda job: job.id)
    assert third.spec.fit == FitRequest(data="few")


def test_other_data_than_the_job_had_are_told(open_view: Callable[..., AppTest], tagged: DataSet) -> None:
    first = submit_fit(load_recipe("compact"), FitRequest(data=tagged.name, tags=("hard",)), Wishes("first"))
    app = open_view(data="also", recipe=clone_key(first.id))
    told = [warning.value for warning in app.warning]
    assert told == [
        "Job 1 learnt from few; choose it in the sidebar. This run would learn from also.",
        "also has no tag hard, which the job's training samples had.",
    ]
    assert app.multiselect(key=f"job-{first.id} run tags also").value == []

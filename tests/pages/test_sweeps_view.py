"""The sweeps on the Train page, through Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import keep
from training.jobs.table import every
from training.recipe.loading import recipe_values
from training.sweep.results import sweep_result
from training.sweep.study import Plan, create_sweep
from training.sweep.trial import attempt


@pytest.fixture
def view(open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    """Opens the view as a link does; no worker is started."""
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: None)
    return lambda: open_page("2_Train", show="Sweeps")


def test_started_with_what_the_recipe_says_and_cancelled(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    app = view()
    assert "No sweep is here yet" in app.info[0].value
    app.text_area(key="sweep space fec-cnn-sweep").input("space: {batch_size: [1, 8]}")
    app.button(key="sweep start").click().run()
    assert "batch_size=1" in app.error[0].value
    app.text_area(key="sweep space fec-cnn-sweep").input("space: {batch_size: [4, 8]}")
    app.number_input(key="sweep trials").set_value(2)
    app.button(key="sweep start").click().run()
    assert [job.spec.run for job in every()] == ["fec-cnn-sweep-0", "fec-cnn-sweep-1"]
    assert [t.state for t in sweep_result("fec-cnn-sweep").trials] == ["waiting", "waiting"]
    app = view()
    app.button(key="sweep cancel").click().run()
    assert not app.exception
    assert {job.status for job in every()} == {"cancelled"}


def test_a_worker_is_woken_at_once_though_one_was_just_looked_for(
    view: Callable[[], AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    keep("few", few, "drawn for a test")
    app = view()
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: woken.append(len(every())))
    for name in ("first", "second"):
        app.text_input(key="sweep name fec-cnn-sweep").set_value(name)
        app.text_area(key="sweep space fec-cnn-sweep").input("space: {batch_size: [4, 8]}")
        app.number_input(key="sweep trials").set_value(2)
        app.button(key="sweep start").click().run()
        assert not app.exception
    assert woken[-1] == 4
    assert 2 in woken


def test_what_was_found_is_shown(view: Callable[[], AppTest]) -> None:
    plan = Plan(recipe=recipe_values("compact"), sweep={"space": {"epochs": {"low": 1, "high": 40}}}, data="few")
    sweep = create_sweep("s", plan)
    for number in range(3):
        sweep.add_trial()
        attempt(sweep, number, lambda d, _: d["epochs"] / 100)
    found = sweep_result("s")
    assert found.best is not None
    app = view()
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["complete"], figures["waiting"]) == ("3", "0")
    assert figures["best"] == f"{max(t.value or 0 for t in found.trials):.4f}"
    assert list(app.dataframe[0].value["epochs"]) == [t.drawn["epochs"] for t in found.trials]

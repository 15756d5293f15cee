"""New run on a cluster, through Streamlit's AppTest; no cluster is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import keep
from training.jobs.table import every

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_form(monkeypatch: pytest.MonkeyPatch, few: SampleTable) -> Callable[[], AppTest]:
    """The form of a small recipe; no worker is started, and Ray is as if installed."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: None)
    monkeypatch.setattr("training.remote.place.is_installed", lambda: True)

    def run() -> AppTest:
        keep("few", few, "drawn for a test")
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.switch_page("pages/2_Train.py")
        app.query_params["data"] = "few"
        app.run()
        assert not app.exception
        app.segmented_control(key="run where").set_value("Ray cluster").run()
        return app

    return run


def test_a_run_is_handed_in_to_a_cluster(open_form: Callable[[], AppTest]) -> None:
    app = open_form()
    app.text_input(key="run cluster").set_value("http://head.lab:8265/")
    app.number_input(key="run workers").set_value(2)
    app.button(key="start").click().run()
    assert not app.exception
    [job] = every()
    assert job.spec.cluster is not None
    assert job.spec.cluster.model_dump() == {"address": "http://head.lab:8265", "workers": 2, "gpus": False}
    assert job.spec.about == "compact on few, Ray at head.lab:8265, 2 processors"
    assert job.spec.arguments[2] == "fit-elsewhere"
    assert any("Ray at head.lab:8265, 2 processors" in line.value for line in app.markdown)  # in the queue


def test_what_is_no_cluster_is_told(open_form: Callable[[], AppTest]) -> None:
    app = open_form()
    for address in ("", "file:///etc/passwd", "ray://head:10001", "http://me:secret@head:8265", "http://head/x"):
        app.text_input(key="run cluster").set_value(address)
        app.button(key="start").click().run()
        assert not app.exception
        assert "is not the address of a Ray cluster's dashboard" in app.error[0].value
    assert every() == []

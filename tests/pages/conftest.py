"""What tests of pages share: a page opened as a link opens it, and a data set of drawn faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import DataSet, keep

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Runs a page, such as `4_Errors`, with what a link to it says; no exception may reach the user."""
    monkeypatch.chdir(ROOT)

    def run(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.switch_page(f"pages/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    return run


@pytest.fixture
def data_set(drawn: SampleTable) -> DataSet:
    """196 drawn faces in the workspace: 112 to train, 56 to validate, 28 to test."""
    return keep("drawn", drawn, "drawn for a test")

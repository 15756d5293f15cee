"""Whoever opens the app sees to it that the jobs that are open go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from training.jobs.queue import Wishes, cancel, submit
from training.jobs.table import claim, table_file

ROOT = Path(__file__).resolve().parents[2]


def opened(monkeypatch: pytest.MonkeyPatch) -> tuple[AppTest, list[str]]:
    """The first page as it was drawn, and the workers that it started."""
    started: list[str] = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: started.append("worker"))
    st.cache_data.clear()  # the look at the jobs, which counts for 15 seconds
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    assert not page.exception
    return page, started


def test_a_worker_is_started_for_what_is_open(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    _, started = opened(monkeypatch)
    assert started == []
    assert not (home / "jobs").exists()
    job = submit(["x.py"], "a job", Wishes("run"))
    assert opened(monkeypatch)[1] == ["worker"]
    claim("a worker that went down with the machine", "cpu")
    assert opened(monkeypatch)[1] == ["worker"]
    cancel(job.id)
    assert opened(monkeypatch)[1] == []


def test_a_damaged_table_is_told_of_and_the_page_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    table_file().parent.mkdir(parents=True)
    table_file().write_bytes(b"no database" * 1000)
    page, _ = opened(monkeypatch)
    assert "cannot be used: file is not a database" in page.error[0].value
    assert page.subheader[0].value == "Four things to do next"

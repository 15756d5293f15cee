"""The Live page as a script: consent first, then the camera's START and what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.errors import DataError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    return app.switch_page("pages/6_Live.py").run()


def test_consent_comes_before_the_camera(page: AppTest) -> None:
    assert not page.exception
    assert "Art. 5(1)(f)" in "\n".join(m.value for m in page.markdown)
    assert "live_session" not in page.session_state
    page.checkbox(key="agreed").check().run()
    assert not page.exception
    assert not page.error
    session = page.session_state["live_session"]
    page.slider(key="window").set_value(1.5).run()
    page.toggle(key="mirror").set_value(False).run()
    assert page.session_state["live_session"] is session
    assert (session.options.window_s, session.options.mirror) == (1.5, False)


def test_damaged_list_of_servers_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.live.servers import ICE_SERVERS, ice_servers

    read: Callable[[], object] = ice_servers
    assert read() == []
    monkeypatch.setenv(ICE_SERVERS, '[{"urls": "stun:here:3478"}]')
    assert read() == [{"urls": "stun:here:3478"}]
    for damaged in ("stun:here", '{"urls": "x"}', '["x"]'):
        monkeypatch.setenv(ICE_SERVERS, damaged)
        with pytest.raises(DataError, match="is no list of servers"):
            read()

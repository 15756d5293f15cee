"""Sign-in, enforced on every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from ui import signing_in
from ui.page import PAGES
from ui.signing_in import may_enter

ROOT = Path(__file__).resolve().parents[2]
AUTH = {
    "redirect_uri": "http://localhost:8501/oauth2callback",
    "cookie_secret": "0123456789abcdef0123456789abcdef",
    "client_id": "ferscope",
    "client_secret": "none",
    "server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
}
OUT: dict[str, Any] = {"is_logged_in": False}
BLOCKS = ("main", "sidebar")
IN: dict[str, Any] = {"is_logged_in": True, "email": "anna@example.org"}


def open_app(page: str, user: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **secrets: Any) -> AppTest:
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / page), default_timeout=120)
    app.user, app.secrets = user, secrets
    return app.run()


def shown(app: AppTest) -> list[str]:
    """The kind of everything on the page, side bar included."""
    return [element.type for block in (app.main, app.sidebar) for element in block if element.type not in BLOCKS]


@pytest.mark.parametrize("page", [file for file, _, _ in PAGES])
def test_every_page_shows_a_stranger_the_button_and_nothing_else(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("computed before sign-in")

    monkeypatch.setattr("ui.page.wake_worker", never)
    monkeypatch.setattr("ui.page.list_checkpoints", never)
    app = open_app(page, OUT, monkeypatch, auth=AUTH)
    assert not app.exception
    assert shown(app) == ["title", "button"]
    assert app.title[0].value == "FERScope"
    assert app.button[0].label == "Sign in"


def test_every_page_of_the_folder_is_in_the_list() -> None:
    files = {"app.py"} | {f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    assert {file for file, _, _ in PAGES} == files


def test_who_is_signed_in_sees_the_page_and_can_leave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app("app.py", IN, monkeypatch, auth=AUTH)
    assert not app.exception
    assert "Loaded: compact" in [header.value for header in app.subheader]
    assert "Signed in as anna@example.org." in [caption.value for caption in app.sidebar.caption]
    app.sidebar.button[0].click().run()
    assert shown(app) == ["title", "button"]
    assert app.button[0].label == "Sign in"


def test_without_auth_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app("app.py", {}, monkeypatch, other={"a": "b"})
    assert "Loaded: compact" in [header.value for header in app.subheader]
    assert not app.sidebar.button


def test_who_is_not_on_the_list_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app("app.py", IN, monkeypatch, auth=AUTH, sign_in={"allow": ["bert@example.org"]})
    assert shown(app) == ["title", "error", "button"]
    assert app.error[0].value.startswith("anna@example.org is not on the list")
    assert app.button[0].label == "Sign out"
    app = open_app("app.py", IN, monkeypatch, auth=AUTH, sign_in={"allow": ["bert@example.org", "@example.org"]})
    assert not app.error


def test_list_of_addresses() -> None:
    assert may_enter({"email": "Anna@Example.org"}, ["anna@example.org"])
    assert may_enter({"email": "anna@example.org", "email_verified": True}, ["@EXAMPLE.org"])
    assert not may_enter({"email": "anna@example.org", "email_verified": False}, ["anna@example.org"])
    assert not may_enter({"email": "anna@evil-example.org"}, ["@example.org"])
    assert not may_enter({"email": "anna@sub.example.org"}, ["@example.org"])
    assert not may_enter({"email": "@example.org"}, ["@example.org"])
    assert not may_enter({}, ["", "@"])
    assert not may_enter(IN, [])


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        ({"auth": AUTH, "sign_in": {"allow": "anna@example.org"}}, "is no list of addresses"),
        ({"auth": AUTH, "sign_in": "anna@example.org"}, "is no list of addresses"),
        ({"auth": "yes"}, "is no section"),
        ({"sign_in": {"allow": []}}, "needs an `[auth]` beside it"),
    ],
)
def test_slips_in_the_secrets_let_nobody_in(
    secrets: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app("app.py", IN, monkeypatch, **secrets)
    assert not app.exception
    assert sentence in app.error[0].value
    assert not app.subheader


def test_file_of_secrets_that_cannot_be_read_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit import config

    damaged = tmp_path / "secrets.toml"
    damaged.write_text('[auth\nclient_id = "x"\n')
    real = config.get_option
    monkeypatch.setattr(config, "get_option", lambda key: [str(damaged)] if key == "secrets.files" else real(key))
    monkeypatch.setattr("streamlit.get_option", config.get_option)
    monkeypatch.setattr(st, "secrets", Secrets())
    app = open_app("app.py", IN, monkeypatch)
    assert "until it can be nobody is let in" in app.error[0].value
    assert not app.subheader
    damaged.unlink()
    assert signing_in._secrets() == {}


def test_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.signing_in.find_spec", lambda _: None)
    app = open_app("app.py", OUT, monkeypatch, auth=AUTH)
    assert "Authlib is missing" in app.error[0].value
    assert not app.button


def test_each_provider_has_a_button(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {key: AUTH[key] for key in ("redirect_uri", "cookie_secret")}
    one = {key: AUTH[key] for key in ("client_id", "client_secret", "server_metadata_url")}
    app = open_app("app.py", OUT, monkeypatch, auth=shared | {"google": one, "lab": one})
    assert [button.label for button in app.button] == ["Sign in with google", "Sign in with lab"]

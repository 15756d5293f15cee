"""Sign-in with OpenID Connect, switched on by `[auth]` in Streamlit's secrets; docs/deploy.md shows such a file.

Where it is on, a page shows a visitor who is not signed in a button and nothing else. Where the secrets cannot be read
it is held to be on: a slip of the pen in that file must not open the app to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from fer_core.errors import DataError


def require_sign_in() -> None:
    """Stops the page for whoever may not see it; does nothing where the secrets have no `[auth]`."""
    try:
        auth, allowed = _settings()
    except DataError as error:
        st.title("FERScope")
        st.error(str(error), icon=":material/error:")
        st.stop()
    if auth is None:
        return
    if not st.user.get("is_logged_in"):
        _ask(auth)
        st.stop()
    if allowed is not None and not may_enter(dict(st.user), allowed):
        st.title("FERScope")
        who = st.user.get("email") or "This account, which has no e-mail address,"
        st.error(
            f"{who} is not on the list of those who may use this app; ask whoever runs it.", icon=":material/block:"
        )
        st.button("Sign out", on_click=st.logout)
        st.stop()


def offer_sign_out() -> None:
    """Who is signed in, with a button to sign out; nothing where nobody is."""
    if st.user.get("is_logged_in"):
        st.divider()
        st.caption(f"Signed in as {st.user.get('email') or st.user.get('name') or 'a visitor without a name'}.")
        st.button("Sign out", on_click=st.logout, icon=":material/logout:")


def may_enter(user: Mapping[str, Any], allowed: Sequence[str]) -> bool:
    """Whether an account is on the list.

    Args:
        user: the claims of its provider. An address that the provider says it has not verified does not count.
        allowed: addresses, or whole domains as `@example.org`; upper and lower case are the same.
    """
    address = str(user.get("email") or "").strip().lower()
    name, at, domain = address.rpartition("@")
    if not (name and at) or user.get("email_verified") is False:
        return False
    return any(entry.strip().lower() in (address, f"@{domain}") for entry in allowed)


def _settings() -> tuple[Mapping[str, Any] | None, list[str] | None]:
    """`[auth]`, and the list of `[sign_in] allow`; None for what is not there.

    Raises:
        DataError: the secrets cannot be read, or the list is none.
    """
    secrets = _secrets()
    section = secrets.get("sign_in", {})
    allowed = section.get("allow") if isinstance(section, Mapping) else section
    if allowed is not None and not (isinstance(allowed, list) and all(isinstance(entry, str) for entry in allowed)):
        raise DataError('`allow` under `[sign_in]` in the secrets is no list of addresses; write ["anna@example.org"].')
    auth = secrets.get("auth")
    if auth is None and "sign_in" in secrets:
        raise DataError("The secrets say who may sign in but not where: `[sign_in]` needs an `[auth]` beside it.")
    if auth is not None and not isinstance(auth, Mapping):
        raise DataError("`auth` in the secrets is no section; see docs/deploy.md for how it is written.")
    return auth, allowed


def _secrets() -> Mapping[str, Any]:
    """Streamlit's secrets; empty where there is no file of them."""
    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        if not any(Path(path).exists() for path in st.get_option("secrets.files")):
            return {}
        raise DataError(
            "The file of secrets cannot be read, and until it can be nobody is let in. "
            "Mend `.streamlit/secrets.toml` and restart the app; its log says where it stopped."
        ) from error


def _ask(auth: Mapping[str, Any]) -> None:
    """One button for each place where a visitor can sign in."""
    st.title("FERScope")
    if not find_spec("authlib"):
        st.error(
            "Sign-in is switched on, but the package Authlib is missing on this machine. Install what FERScope needs "
            "with `pip install -r requirements.txt` and restart the app.",
            icon=":material/error:",
        )
        return
    named = [name for name, section in auth.items() if isinstance(section, Mapping)]
    try:
        for provider in (None, *named) if "client_id" in auth else named or (None,):
            label = "Sign in" if provider is None else f"Sign in with {provider}"
            if st.button(label, icon=":material/login:", type="primary"):
                st.login(provider)
    except StreamlitAuthError as error:
        st.error(f"Sign-in is not set up rightly: {' '.join(str(error).split())}", icon=":material/error:")

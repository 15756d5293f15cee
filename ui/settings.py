"""What whoever runs the app sets: Streamlit's secrets first, then the environment."""

from __future__ import annotations

import os
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError


def setting(name: str) -> Any:
    """A setting as it stands in the secrets (any TOML value), else in the environment (text); None where in neither."""
    try:
        value = st.secrets.to_dict().get(name)
    except StreamlitSecretNotFoundError:
        value = None
    return os.environ.get(name) if value is None else value

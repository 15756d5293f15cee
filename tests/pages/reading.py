"""What a page says, read off its elements."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def texts(app: AppTest) -> str:
    """Everything that a page says in words, headings too, with plain spaces."""
    kinds: tuple[Any, ...] = (
        app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.success,
    )  # fmt: skip
    return "\n".join(element.value for kind in kinds for element in kind).replace("\u00a0", " ")

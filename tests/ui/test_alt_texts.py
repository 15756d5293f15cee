"""Whoever cannot see a chart or a picture is told what it shows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DRAWS = {"plotly_chart", "image", "video", "pyplot", "altair_chart", "line_chart", "bar_chart", "scatter_chart"}
_FILES = sorted([_ROOT / "app.py", *(_ROOT / "pages").glob("*.py"), *(_ROOT / "ui").rglob("*.py")])


def _drawing_calls(source: str) -> list[ast.Call]:
    """Calls of methods with the name of one of Streamlit's drawing elements that draw with given keywords."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in _DRAWS]


@pytest.mark.parametrize("file", _FILES, ids=lambda file: str(file.relative_to(_ROOT)))
def test_what_is_drawn_has_words(file: Path) -> None:
    silent = [
        call.lineno
        for call in _drawing_calls(file.read_text(encoding="utf-8"))
        if "alt" not in {keyword.arg for keyword in call.keywords}
    ]
    assert silent == []


def test_the_check_sees_the_pages_own_charts() -> None:
    assert sum(len(_drawing_calls(file.read_text(encoding="utf-8"))) for file in _FILES) >= 40
    assert len(_drawing_calls("import streamlit as st\nst.plotly_chart(figure, key='x')\nst.write('x')")) == 1

"""Tables of figures: drawn, and taken home as Markdown, LaTeX or CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.compare.export import as_csv, as_latex, as_markdown, shown
from ui.page import rate

Row = Mapping[str, Any]


def show_table(
    rows: Sequence[Row], key: str, rates: Sequence[str] = (), points: Sequence[str] = (), *, wide: bool = False
) -> None:
    """Draws rows of figures, and beside them the ways to take them home.

    Args:
        rows: cells by column; `Interval` for a figure with bounds.
        key: of the widgets; also the name of the file.
        rates: columns that are shares of 1, shown in percent.
        points: columns that are differences of shares, shown in signed points of a hundred.
        wide: whether the first column stays in sight while the others are scrolled.
    """
    drawn = [
        {name: _points(v) if name in points else cell(v, as_rate=name in rates) for name, v in row.items()}
        for row in rows
    ]
    for name in {name for row in drawn for name, value in row.items() if isinstance(value, str)}:
        for row in drawn:  # a column is of one type
            row[name] = str(row[name])
    first = {next(iter(rows[0])): st.column_config.Column(pinned=True)} if rows and wide else {}
    st.dataframe(drawn, hide_index=True, width="stretch", height="content", column_config=first)
    with st.popover("Copy", icon=":material/content_copy:", key=f"copy {key}"):
        ways = {"Markdown": as_markdown, "LaTeX": as_latex, "CSV": as_csv}
        how = st.segmented_control(
            "As", list(ways), default="Markdown", required=True, key=f"way {key}", label_visibility="collapsed"
        )
        st.code(ways[str(how)](rows), language=None)


def cell(value: Any, *, as_rate: bool = False) -> Any:
    """A cell as it is drawn: rates in percent with bounds, other figures with three digits, numbers as they are."""
    if isinstance(value, Interval):
        if as_rate:
            return rate(value.value, _bounds(value))
        return shown(value, 3)
    if isinstance(value, float):
        if math.isnan(value):
            return "n/a"
        return rate(value) if as_rate else value
    return "n/a" if value is None else value


def _points(value: Interval) -> str:
    if math.isnan(value.value):
        return "n/a"
    return f"{100 * value.value:+.2f} [{100 * value.low:+.2f}, {100 * value.high:+.2f}]"  # as in the verdict


def _bounds(value: Interval) -> tuple[float | None, float | None] | None:
    return None if math.isnan(value.low) else (value.low, value.high)

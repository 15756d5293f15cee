"""Frames and times of a live picture."""

from __future__ import annotations

import math

import streamlit as st

from fer_core.live import TIMED, LiveSession

_WHAT = {
    "detector": "one look for faces",
    "classifier": "all faces of a frame classified",
    "total": "a frame until its answer is drawn",
    "callback": "a frame in until a frame out",
}


def show_counters(session: LiveSession) -> None:
    """Frames and times of the last ten seconds, and what went wrong in a model."""
    for told in session.faults.take():
        st.session_state.setdefault("live_faults", []).append(told)
    for told in st.session_state.get("live_faults", [])[-3:]:
        st.error(f"{told}. The picture goes on; choose another model or detector.", icon=":material/error:")
    counts = session.counters.read()
    figures = {
        "Frames per second": "no frames" if math.isnan(counts.shown_per_s) else f"{counts.shown_per_s:.0f}",
        "In": f"{counts.frames_in:,}",
        "Shown": f"{counts.shown:,}",
        "Classified": f"{counts.analysed:,}",
        "Not classified, newer came": f"{counts.dropped:,}",
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, value)
    times = [counts.latencies[name] for name in TIMED]
    st.dataframe(
        {
            "time of": [_WHAT[name] for name in TIMED],
            "n": [t.n for t in times],
            "p50 (ms)": [round(t.p50_ms, 1) if t.n else None for t in times],
            "p95 (ms)": [round(t.p95_ms, 1) if t.n else None for t in times],
        },
        hide_index=True,
    )

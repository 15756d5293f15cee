"""Frames, times and the connection of a live picture, and whether that is real time."""

from __future__ import annotations

import math
import time
from typing import Any

import streamlit as st

from fer_core.explain.members import layer_title
from fer_core.live import TIMED, Counts, LiveSession
from ui.live.choice import show_choice
from ui.live.connection import describe, read_connection
from ui.live.stream import SINCE

SHOWN_PER_S, ANSWER_MS = 24, 200  # what is called real time here
_SILENT_S = 3.0  # without a frame, after which the page says so
WINDOW_S = 10.0  # of the counters
_WHAT = {
    "detector": "one look for faces",
    "classifier": "all faces of a frame classified",
    "total": "a frame until its answer is drawn",
    "callback": "a frame in until a frame out",
    "map": "one saliency map",
}


def _show_silence(counts: Counts) -> None:
    """Says so where the camera should play and nothing comes from it."""
    since_s = st.session_state.get(SINCE)
    if since_s is None:
        return
    # NaN, before the first frame, is not below anything.
    silent_s = min(time.monotonic() - since_s, counts.silent_s)
    if silent_s > _SILENT_S:
        st.warning(
            f"No picture has come from the camera for {silent_s:.0f} s. It goes on by itself where the connection or "
            "the camera comes back; otherwise press STOP, then START.",
            icon=":material/videocam_off:",
        )


def show_counters(session: LiveSession, context: Any) -> None:
    """Frames and times of the last ten seconds, the way that the picture takes, and what went wrong in a model.

    Figures stand there once a first frame has come.
    """
    for told in session.faults.take():
        st.session_state.setdefault("live_faults", []).append(told)
    for told in st.session_state.get("live_faults", [])[-3:]:
        st.error(f"{told}. The picture goes on; choose another model or detector.", icon=":material/error:")
    counts = session.counters.read()
    _show_silence(counts)
    if counts.frames_in:
        _show_frames(counts)
    if context is not None and context.state.playing:
        state, way = describe(read_connection(context))
        st.markdown(f"**Connection** {state}; {way}.")
        st.markdown(real_time(counts))
    if counts.frames_in:
        _show_times(counts)
    show_choice()
    _show_map(session, counts)


def _show_frames(counts: Counts) -> None:
    """How many frames went which way."""
    figures = {
        "Frames per second": "no frames" if math.isnan(counts.shown_per_s) else f"{counts.shown_per_s:.0f}",
        "In": f"{counts.frames_in:,}",
        "Shown": f"{counts.shown:,}",
        "Classified": f"{counts.analysed:,}",
        "Not classified, newer came": f"{counts.dropped:,}",
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, value)


def real_time(counts: Counts) -> str:
    """Whether this machine keeps up at present, and what is meant by that."""
    meant = (
        f"Real time means here that at least {SHOWN_PER_S} frames are shown a second and that the median answer is on "
        f"the picture within {ANSWER_MS} ms of its frame, the way through camera and network not counted."
    )
    total = counts.latencies["total"]
    if math.isnan(counts.shown_per_s) or not total.n:
        return f"{meant} No frames were timed yet."
    kept = counts.shown_per_s >= SHOWN_PER_S and total.p50_ms <= ANSWER_MS
    return (
        f"**{'Real time' if kept else 'Not real time'}**: this machine shows {counts.shown_per_s:.0f} frames a second "
        f"and answers for {total.n / WINDOW_S:.0f} of them, the median answer after {total.p50_ms:.0f} ms. {meant}"
    )


def _show_times(counts: Counts) -> None:
    times = {name: counts.latencies[name] for name in TIMED if name != "map" or counts.latencies[name].n}
    st.dataframe(
        {
            "time of": [_WHAT[name] for name in times],
            "n": [t.n for t in times.values()],
            "p50 (ms)": [round(t.p50_ms, 1) if t.n else None for t in times.values()],
            "p95 (ms)": [round(t.p95_ms, 1) if t.n else None for t in times.values()],
        },
        hide_index=True,
    )


def _show_map(session: LiveSession, counts: Counts) -> None:
    """What the map on the picture is of, and what it costs."""
    latest, cost = session.overlay.latest, counts.latencies["map"]
    if latest is None:
        return
    rows, columns = latest.map_hw
    spent = f", {cost.n / WINDOW_S:.1f} maps a second of {cost.p50_ms:.0f} ms each" if cost.n else ""
    st.caption(
        f"The map: Grad-CAM at {layer_title(latest.layer)}, {rows} x {columns} cells, evidence for "
        f"**{latest.target}** on face {latest.track}{spent}. The brightest colour is the strongest "
        "evidence of the last 60 maps."
    )

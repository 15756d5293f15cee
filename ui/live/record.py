"""What a live session saw: a time line, shares of the expressions, and both as a file."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fer_core.live import LiveSession, Span
from fer_core.plots.timeline import expression_timeline  # Plotly is loaded before the camera starts
from ui.wording import plural

MOST_BARS = 1500  # of the time line; more are slow to draw and too thin to see
MOST_FACES = 30
_NOTHING = "Nothing was seen yet."


def show_record(session: LiveSession, classes: Sequence[str], what_to_do: str) -> None:
    """Time line, shares and export of what was seen so far.

    Args:
        session: of this viewer.
        classes: of the model, in order.
        what_to_do: sentence for a session that saw nothing yet.
    """
    spans, no_face = session.record.spans(), session.record.no_face()
    if not spans and not no_face:
        st.info(f"{_NOTHING} {what_to_do}", icon=":material/timeline:")
        return
    recent = shown(spans)
    if len(recent) < len(spans):
        st.caption(f"The last {len(recent):,} of {len(spans):,} changes are drawn; the file has them all.")
    since_s = recent[0].start_s if len(recent) < len(spans) else 0.0
    figure = expression_timeline(recent, [gap for gap in no_face if gap[1] > since_s], classes)
    faces = len({span.track for span in recent})
    st.plotly_chart(
        figure, key="timeline", config={"displaylogo": False},
        alt=f"Expression of {plural(faces, 'face')} over time; the shares below have the numbers",
    )  # fmt: skip
    _show_shares(session, no_face)
    _offer(session)


def shown(spans: Sequence[Span]) -> list[Span]:
    """The latest spans, and of at most 30 faces, so that the chart can be read."""
    recent = list(spans[-MOST_BARS:])
    faces = sorted({span.track for span in recent})[-MOST_FACES:]
    return [span for span in recent if span.track in faces]


def _show_shares(session: LiveSession, no_face: Sequence[tuple[float, float]]) -> None:
    shares = session.record.shares()
    tracks = len({span.track for span in session.record.spans()})
    watched_s = sum(end_s - start_s for start_s, end_s in session.record.watched())
    empty_s = sum(end_s - start_s for start_s, end_s in no_face)
    words = f"{plural(tracks, 'face')} in {watched_s:.0f} s"
    if watched_s:
        words += f", in {100 * empty_s / watched_s:.0f} % of it none"
    st.caption(f"{words}. Shares are of the time that faces were seen, all faces together.")
    if shares:
        st.dataframe(
            {"expression": list(shares), "share of the time": [100 * share for share in shares.values()]},
            column_config={
                "share of the time": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
            },
            hide_index=True,
        )
    if session.record.forgotten:
        st.caption(f"The oldest {session.record.forgotten:,} changes are forgotten: a session keeps 20,000.")


def _offer(session: LiveSession) -> None:
    left, right = st.columns(2)
    left.download_button(
        "Time line as CSV", session.record.as_csv, "expressions.csv", "text/csv", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip
    right.button("Forget this session", on_click=session.record.clear, icon=":material/delete:")

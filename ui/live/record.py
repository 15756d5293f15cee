"""What a live session saw: shares of the expressions, and the time line as a file."""

from __future__ import annotations

import streamlit as st

from fer_core.live import LiveSession


def show_record(session: LiveSession) -> None:
    """Shares of the expressions, and the time line as a file."""
    shares = session.record.shares()
    if not shares:
        st.info(
            "Nothing was seen yet. Press START above; after STOP stands here what was seen.", icon=":material/videocam:"
        )
        return
    st.dataframe({"expression": list(shares), "share of the time": [f"{s:.0%}" for s in shares.values()]})
    st.download_button("Time line as CSV", session.record.as_csv(), "expressions.csv", "text/csv")
    if st.button("Forget this session"):
        session.record.clear()
        st.rerun()

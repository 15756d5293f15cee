"""What the Live page draws: the camera's session, its counters, and what it saw."""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.checkpoint import Checkpoint
from fer_core.errors import DataError
from fer_core.faces import get_detector
from fer_core.live import TIMED, LiveOptions, LiveSession, live_predictor

if TYPE_CHECKING:
    import av

ICE_SERVERS = "FERSCOPE_ICE_SERVERS"
_SWITCH_S = 0.0005  # see `keep_pauses_short`
_MANY_OBJECTS = 100_000
_SILENT_S = 3.0  # without a frame, after which the page says so
_WHAT = {
    "detector": "one look for faces",
    "classifier": "all faces of a frame classified",
    "total": "a frame until its answer is drawn",
    "callback": "a frame in until a frame out",
}


def ice_servers() -> list[dict[str, Any]]:
    """STUN and TURN servers from the environment, a JSON list as browsers take it; empty where none is set.

    Raises:
        DataError: the variable holds something else.
    """
    text = os.environ.get(ICE_SERVERS, "[]")
    remedy = f'{ICE_SERVERS} is no list of servers; write e.g. [{{"urls": "stun:stun.example.org:3478"}}].'
    try:
        servers = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(remedy) from error
    if not isinstance(servers, list) or not all(isinstance(s, dict) and "urls" in s for s in servers):
        raise DataError(remedy)
    return servers


def keep_pauses_short() -> None:
    """Settings of the whole process, without which every run of a script stops the picture for a moment.

    Streamlit collects garbage after each run. With PyTorch loaded that looked at 300,000 objects and held the
    interpreter's lock for 0.16 s; what is there now is exempted, as it stays anyhow. And a frame on its way passes that
    lock from thread to thread some thirty times: beside a script that computes, each pass takes Python's switch
    interval of 5 ms, so that is shortened.
    """
    sys.setswitchinterval(_SWITCH_S)
    if len(gc.get_objects()) > _MANY_OBJECTS:
        gc.collect()
        gc.freeze()


def live_session(checkpoint: Checkpoint, detector: str, options: LiveOptions) -> LiveSession:
    """This viewer's session, with the models and options that are picked; the camera does not stop for a change.

    Raises:
        FERScopeError: a model or detector cannot be loaded.
    """
    predictor, finder = live_predictor(checkpoint.folder), get_detector(detector)
    session: LiveSession | None = st.session_state.get("live_session")
    models = (predictor, finder)
    if session is None:
        session = st.session_state["live_session"] = LiveSession(predictor, finder, options)
        keep_pauses_short()
    elif st.session_state["live_models"] != models:
        session.use(predictor, finder)
    st.session_state["live_models"] = models
    session.options = options
    return session


def stream(session: LiveSession) -> bool:
    """The camera's picture with START and STOP; whether it plays.

    Raises:
        DataError: as `ice_servers`.
    """
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    def show(frame: av.VideoFrame) -> av.VideoFrame:
        """Runs in the thread of all streams: it must not wait, and nothing of Streamlit may be called here."""
        session.start()
        pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        shown = _video_frame(session.process(pixels))
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown

    def ended() -> None:
        """Runs when the camera stops or the viewer leaves, in the same thread."""
        session.stop(timeout_s=0)

    context = webrtc_streamer(
        key="live",
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": ice_servers()},
        media_stream_constraints={"video": {"width": 640, "height": 480}, "audio": False},
        video_frame_callback=show,
        on_video_ended=ended,
        async_processing=False,  # a thread for each stream gives a frame back when the next one comes, 33 ms later
        sendback_audio=False,
    )
    playing = bool(context.state.playing)
    if playing:
        st.session_state.setdefault("live_since", time.monotonic())
    else:
        st.session_state.pop("live_since", None)
        st.caption(
            "The browser asks whether this page may use the camera. **NotAllowedError** above: it was refused; allow it "
            "at the sign beside the address, then press START again. **NotFoundError**: no camera is connected, or "
            "another program has it."
        )
    return playing


def _show_silence(session: LiveSession) -> None:
    """Says so where the camera should play and nothing comes from it."""
    since = st.session_state.get("live_since")
    if since is None:
        return
    playing_s = time.monotonic() - since
    silent_s = min(playing_s, session.counters.read().silent_s)  # NaN, before the first frame, is not below anything
    if silent_s > _SILENT_S:
        st.warning(
            f"No picture has come from the camera for {silent_s:.0f} s. It goes on by itself where the connection or the "
            "camera comes back; otherwise press STOP, then START.",
            icon=":material/videocam_off:",
        )


def _video_frame(picture: NDArray[np.uint8]) -> av.VideoFrame:
    """A picture as the video's encoder takes it. OpenCV converts in a tenth of the time that the encoder would take."""
    import av

    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        return av.VideoFrame.from_ndarray(picture, format="rgb24")
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def show_counters(session: LiveSession) -> None:
    """Frames and times of the last ten seconds, and what went wrong in a model."""
    _show_silence(session)
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

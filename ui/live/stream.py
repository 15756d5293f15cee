"""The camera's picture, and the session behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.faces import get_detector
from fer_core.live import LiveOptions, LiveSession, live_predictor
from ui.live.servers import ice_servers

if TYPE_CHECKING:
    import av


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
    import av
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    def show(frame: av.VideoFrame) -> av.VideoFrame:
        """Runs in the camera's thread: nothing of Streamlit may be called here."""
        pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        shown = av.VideoFrame.from_ndarray(session.process(pixels), format="rgb24")
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown

    def ended() -> None:
        """Runs when the camera stops or the viewer leaves, in the stream's thread."""
        session.stop()

    context = webrtc_streamer(
        key="live",
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": ice_servers()},
        media_stream_constraints={"video": {"width": 640, "height": 480}, "audio": False},
        video_frame_callback=show,
        on_video_ended=ended,
        async_processing=True,
        sendback_audio=False,
    )
    if context.state.playing:
        session.start()
    return bool(context.state.playing)

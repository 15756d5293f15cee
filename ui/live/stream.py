"""The camera's picture, and the session behind it."""

from __future__ import annotations

import atexit
import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.faces import get_detector
from fer_core.live import LiveOptions, LiveSession, live_predictor
from ui.live.places import my_name, places, say_full
from ui.live.servers import explain_the_way, ice_servers

if TYPE_CHECKING:
    import av

    from fer_core.explain import Explainer

KEY = "live"  # of the camera's widget; its context stands under it in the session's state


def live_session(checkpoint: Checkpoint, detector: str, options: LiveOptions, *, maps: bool = False) -> LiveSession:
    """This viewer's session, with the models and options that are picked; the camera does not stop for a change.

    Args:
        checkpoint: the classifier's.
        detector: name.
        options: as they are picked.
        maps: lay saliency maps on the picture.

    Raises:
        FERScopeError: a model or detector cannot be loaded, or the model makes no maps.
    """
    predictor, finder = live_predictor(checkpoint.folder), get_detector(detector)
    session: LiveSession | None = st.session_state.get("live_session")
    models = (predictor, finder)
    if session is None:
        session = st.session_state["live_session"] = LiveSession(predictor, finder, options)
    elif st.session_state["live_models"] != models:
        session.use(predictor, finder)
        st.session_state.pop("live_faults", None)
    st.session_state["live_models"] = models
    session.options = options
    if not maps:
        session.overlay.explainer = None
    else:
        session.overlay.explainer = _explainer(checkpoint, session.overlay.explainer)
    _settle(predictor.model_hash, maps)
    return session


@st.cache_resource(show_spinner=False)
def _settle(model_hash: str, maps: bool) -> None:  # noqa: ARG001  (once for each: every model brings objects)
    """Keeps the garbage collector off what is loaded by now.

    Streamlit collects all garbage after each run of a page or a part of it, here every second. With PyTorch and the
    rest loaded that looks through 570,000 objects and holds the interpreter's lock for a third of a second, in which
    the picture stands still.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # at the end libraries look whether all of theirs is gone, and complain


def _explainer(checkpoint: Checkpoint, present: Explainer | None) -> Explainer:
    """The checkpoint's explainer. A new one makes its first map here, which takes seconds that faces must not wait."""
    from fer_core.explain import get_explainer

    explainer = get_explainer(checkpoint.folder)
    if explainer is not present:
        explainer.explain_faces([np.zeros((64, 64, 3), np.uint8)])
    return explainer


def stream(session: LiveSession) -> Any:
    """The camera's picture with START and STOP.

    Returns:
        The context of `webrtc_streamer`; None where as many cameras are live as may be.

    Raises:
        DataError: as `ice_servers` and `most_streams`.
    """
    import av
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    servers = ice_servers()
    explain_the_way(servers)
    me, held = my_name(), places()
    if not (held.take(me) if _started() else held.free_for(me)):
        say_full()
        session.stop()
        return None

    def show(frame: av.VideoFrame) -> av.VideoFrame:
        """Runs in the camera's thread: nothing of Streamlit may be called here."""
        held.heard(me)
        session.start()  # an earlier picture of this viewer that ends late stops the session of this one
        pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        shown = av.VideoFrame.from_ndarray(session.process(pixels), format="rgb24")
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown

    def ended() -> None:
        """Runs when the camera stops or the viewer leaves, in the stream's thread."""
        held.give_back(me)
        session.stop()

    context = webrtc_streamer(
        key=KEY,
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": servers},
        media_stream_constraints={"video": {"width": 640, "height": 480}, "audio": False},
        video_frame_callback=show,
        on_video_ended=ended,
        async_processing=True,
        sendback_audio=False,
    )
    if context.state.playing:
        session.start()
    elif not context.state.signalling:
        held.give_back(me)
    return context


def _started() -> bool:
    """Whether this viewer pressed START, known before the stream is made."""
    context = st.session_state.get(KEY)
    return context is not None and (context.state.playing or context.state.signalling)

"""The camera's picture, and the session behind it."""

from __future__ import annotations

import atexit
import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.faces import get_detector
from fer_core.live import LiveOptions, LiveSession
from fer_core.live.places import Places
from ui.live.choice import chosen
from ui.live.frames import keep_pauses_short, keep_the_newest_only, video_frame
from ui.live.places import my_name, places, say_full
from ui.live.servers import explain_the_way, ice_servers

if TYPE_CHECKING:
    import av

    from fer_core.explain import Explainer

_LOST_S = 3.0  # without a frame before the end, after which the picture was lost and not stopped
SINCE = "live_since"  # when the present picture began to play, by `time.monotonic`
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
    predictor, finder = chosen(checkpoint), get_detector(detector)
    session: LiveSession | None = st.session_state.get("live_session")
    models = (predictor, finder)
    if session is None:
        session = st.session_state["live_session"] = LiveSession(predictor, finder, options)
        keep_pauses_short()
        keep_the_newest_only()
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
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    servers = ice_servers()
    explain_the_way(servers)
    me, held = my_name(), places()
    silent_s: list[float] = st.session_state.setdefault("live_silent_s", [])  # at the end of each picture
    if not (held.take(me) if _started() else held.free_for(me)):
        say_full()
        session.stop()
        return None
    show, ended = _callbacks(session, me, held, silent_s)
    context = webrtc_streamer(
        key=KEY,
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": servers},
        media_stream_constraints={"video": {"width": 640, "height": 480}, "audio": False},
        video_frame_callback=show,
        on_video_ended=ended,
        async_processing=False,  # a thread for each stream gives a frame back when the next one comes, 33 ms later
        sendback_audio=False,
    )
    if not context.state.playing and not context.state.signalling:
        held.give_back(me)
    if context.state.playing:
        st.session_state.setdefault(SINCE, time.monotonic())
        silent_s.clear()
    else:
        st.session_state.pop(SINCE, None)
        _say_why_none_plays(silent_s)
    return context


def _callbacks(
    session: LiveSession, me: str, held: Places, silent_s: list[float]
) -> tuple[Callable[[av.VideoFrame], av.VideoFrame], Callable[[], None]]:
    """What is done with each frame, and at the end of a picture.

    Both run in the thread of all streams: they must not wait, and nothing of Streamlit may be called in them.
    """

    def show(frame: av.VideoFrame) -> av.VideoFrame:
        held.heard(me)
        session.start()  # an earlier picture of this viewer that ends late stops the session of this one
        pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        shown = video_frame(session.process(pixels))
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown

    def ended() -> None:
        held.give_back(me)
        session.stop(timeout_s=0)
        silent_s.append(session.counters.read().silent_s)

    return show, ended


def _say_why_none_plays(silent_s: list[float]) -> None:
    """Below START: that the last picture was lost, or what the browser's own words on the camera mean."""
    if silent_s and silent_s[-1] > _LOST_S:
        st.warning(
            f"No picture had come for {silent_s[-1]:.0f} s before the end: the connection or the camera was lost. "
            "START begins again; what was seen is kept.",
            icon=":material/videocam_off:",
        )
    else:
        st.caption(
            "The browser asks whether this page may use the camera. **NotAllowedError** above: it was refused; allow "
            "it at the sign beside the address, then press START again. **NotFoundError**: no camera is connected."
        )


def _started() -> bool:
    """Whether this viewer pressed START, known before the stream is made."""
    context = st.session_state.get(KEY)
    return context is not None and (context.state.playing or context.state.signalling)

"""A short video file: a way on where a live camera does not get through."""

from __future__ import annotations

import dataclasses
import hashlib
import time

import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.errors import DataError
from fer_core.faces import get_detector
from fer_core.live import LiveOptions, LiveSession, live_predictor
from fer_core.live.video import DEFAULT_VIDEO_LIMITS, moments
from ui.live.record import show_record
from ui.wording import duration

_TYPES = ["mp4", "m4v", "mov", "webm", "mkv", "avi"]
_PICTURE_EVERY_S = 0.5


@dataclasses.dataclass
class _Looked:
    """What was seen in one file with one choice of models and options."""

    key: str
    session: LiveSession
    done: bool = False
    problem: str = ""
    frames: int = 0
    spent_s: float = 0.0
    reached_s: float = 0.0


def show_video(checkpoint: Checkpoint, detector: str, options: LiveOptions) -> None:
    """Takes a file, looks through it with progress and a stop, and shows what was seen as the live page does.

    Raises:
        FERScopeError: a model or detector cannot be loaded.
    """
    limits, options = DEFAULT_VIDEO_LIMITS, dataclasses.replace(options, mirror=False)
    file = st.file_uploader(
        f"A video of up to {limits.max_s / 60:.0f} minutes and {limits.max_bytes // 2**20} MB, at most 1920 x 1200",
        type=_TYPES, key="video", max_upload_size=limits.max_bytes // 2**20,
    )  # fmt: skip
    if file is None:
        _forget()
        st.caption("It is read in memory on the machine that runs FERScope, and forgotten when you close the page.")
        return
    data = file.getvalue()
    predictor = live_predictor(checkpoint.folder)
    choice = (hashlib.sha256(data).hexdigest(), predictor.model_hash, detector, options.window_s, options.threshold)
    looked: _Looked | None = st.session_state.get("video_looked")
    if looked is None or looked.key != str(choice):
        session = LiveSession(predictor, get_detector(detector), options, every_frame=True)
        looked = st.session_state["video_looked"] = _Looked(str(choice), session)
        _look_through(looked, data, file.name)
    _tell(looked)
    show_record(looked.session, predictor.classes.names, "Choose a video in which a face is seen.")


def _look_through(looked: _Looked, data: bytes, name: str) -> None:
    """Every frame in turn. A press of Stop ends the run of the page here; what was seen until then stays."""
    line, picture, button = st.empty(), st.empty(), st.empty()
    button.button("Stop here", key="video_stop", icon=":material/stop:")
    started, next_s = time.monotonic(), 0.0
    try:
        for moment in moments(data, name):
            shown = looked.session.process(moment.frame, moment.at_s)
            looked.frames, looked.reached_s = looked.frames + 1, moment.at_s
            looked.spent_s = time.monotonic() - started
            if looked.spent_s >= next_s:
                next_s = looked.spent_s + _PICTURE_EVERY_S
                picture.image(shown, width=640)
                left = duration(looked.spent_s * (1 / moment.done - 1)) if moment.done > 0.02 else "some time"
                line.progress(moment.done, f"{moment.at_s:.0f} s of the video seen, {left} left")
        looked.done = True
    except DataError as error:
        looked.problem = str(error)
    for place in (line, picture, button):
        place.empty()


def _forget() -> None:
    st.session_state.pop("video_looked", None)


def _tell(looked: _Looked) -> None:
    if looked.problem:
        st.error(looked.problem, icon=":material/error:")
    elif not looked.done:
        st.warning(
            f"Stopped at {looked.reached_s:.1f} s; below stands what was seen until then.", icon=":material/stop:"
        )
        st.button("Look through it from the start", on_click=_forget, icon=":material/replay:")
    if looked.frames:
        rate = looked.frames / looked.spent_s if looked.spent_s else 0.0
        st.caption(f"{looked.frames:,} frames, {rate:.0f} a second on this machine.")
    for told in looked.session.faults.take():
        st.error(f"{told}. The other frames were looked at.", icon=":material/error:")

"""A camera that stays live: faces found, followed, classified and drawn without ever waiting for a model.

with LiveSession(live_predictor("compact"), get_detector()) as session:
    for frame in frames:
        show(session.process(frame))
"""

from fer_core.live.counters import TIMED, Counters, Counts, Latency
from fer_core.live.drawing import LiveFace, draw
from fer_core.live.models import live_choice, live_predictor
from fer_core.live.overlay import FaceMap, Overlay
from fer_core.live.places import Places
from fer_core.live.record import COLUMNS, NO_FACE, SessionRecord, Span
from fer_core.live.session import LiveOptions, LiveSession
from fer_core.live.smoothing import UNSURE, Reading, Smoother

__all__ = [
    "COLUMNS",
    "NO_FACE",
    "TIMED",
    "UNSURE",
    "Counters",
    "Counts",
    "FaceMap",
    "Latency",
    "LiveFace",
    "LiveOptions",
    "LiveSession",
    "Overlay",
    "Places",
    "Reading",
    "SessionRecord",
    "Smoother",
    "Span",
    "draw",
    "live_choice",
    "live_predictor",
]

"""A camera that stays live: faces found, followed, classified and drawn without ever waiting for a model.

with LiveSession(live_predictor("compact"), get_detector()) as session:
    for frame in frames:
        show(session.process(frame))
"""

from fer_core.live.counters import TIMED, Counters, Counts, Latency
from fer_core.live.drawing import NO_FACE, LiveFace, draw
from fer_core.live.models import live_predictor
from fer_core.live.record import COLUMNS, SessionRecord, Span
from fer_core.live.session import LiveOptions, LiveSession
from fer_core.live.smoothing import UNSURE, Reading, Smoother

__all__ = [
    "COLUMNS",
    "NO_FACE",
    "TIMED",
    "UNSURE",
    "Counters",
    "Counts",
    "Latency",
    "LiveFace",
    "LiveOptions",
    "LiveSession",
    "Reading",
    "SessionRecord",
    "Smoother",
    "Span",
    "draw",
    "live_predictor",
]

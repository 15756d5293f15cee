"""Whether saliency maps of a model may be believed: what becomes of the answer, of the map, and against what."""

from fer_core.explain.trust.baselines import BASELINES, CENTRE, RANDOM
from fer_core.explain.trust.panel import Examined, TrustReport, trust
from fer_core.explain.trust.verdict import MEASURES, Check, Figure, Measure, Verdict

__all__ = [
    "BASELINES",
    "CENTRE",
    "MEASURES",
    "RANDOM",
    "Check",
    "Examined",
    "Figure",
    "Measure",
    "TrustReport",
    "Verdict",
    "trust",
]

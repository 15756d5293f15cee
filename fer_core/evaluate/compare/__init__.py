"""Two or more models on the same samples: is one really better, where do they disagree, what do they give together."""

from fer_core.evaluate.compare.aligned import aligned
from fer_core.evaluate.compare.bootstrap import METRICS, Bootstrap, Interval, bootstrap
from fer_core.evaluate.compare.ensemble import ensemble, fit_weights
from fer_core.evaluate.compare.pairs import Pair, agreement, compare, disagreements

__all__ = [
    "METRICS", "Bootstrap", "Interval", "Pair", "agreement", "aligned", "bootstrap", "compare", "disagreements",
    "ensemble", "fit_weights",
]  # fmt: skip

"""Facial action units: which make which expression, where each is seen, and how observers read them.

Units and what they move: Ekman, Friesen and Hager (2002), Facial Action Coding System; the combinations of the seven
expressions are the prototypes of EMFACS (Friesen and Ekman 1983). Intensities are 0 to 1, where FACS has the letters A
(trace) to E (maximum).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fer_core.labels import FER7

# Name, and the regions in which the manual describes the change of appearance ("appearance changes due to AU ..."), of
# which those where little is seen in a drawing are left out (4 and 9 also narrow the eyes, 12 widens the nose).
UNITS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("inner brow raiser", ("brows", "forehead")),
    2: ("outer brow raiser", ("brows", "forehead")),
    4: ("brow lowerer", ("brows", "forehead")),
    5: ("upper lid raiser", ("eyes",)),
    6: ("cheek raiser and lid compressor", ("cheeks", "eyes")),
    7: ("lid tightener", ("eyes",)),
    9: ("nose wrinkler", ("nose", "brows", "cheeks", "mouth")),
    12: ("lip corner puller", ("mouth", "cheeks")),
    15: ("lip corner depressor", ("mouth", "chin")),
    16: ("lower lip depressor", ("mouth", "chin")),
    20: ("lip stretcher", ("mouth", "cheeks")),
    23: ("lip tightener", ("mouth",)),
    25: ("lips part", ("mouth",)),
    26: ("jaw drop", ("mouth", "chin")),
}
NUMBERS = tuple(UNITS)

# How likely each unit takes part. Lips part (25) goes with the jaw (26) and with most smiles and open disgust.
PROTOTYPES: dict[str, dict[int, float]] = {
    "angry": {4: 1, 5: 0.8, 7: 1, 23: 1},
    "disgust": {9: 1, 15: 0.9, 16: 0.7, 25: 0.4},
    "fear": {1: 1, 2: 0.9, 4: 0.9, 5: 1, 20: 1, 25: 1, 26: 0.8},
    "happy": {6: 0.9, 12: 1, 25: 0.65},
    "sad": {1: 1, 4: 0.9, 15: 1},
    "surprise": {1: 1, 2: 1, 5: 0.9, 25: 1, 26: 1},
    "neutral": {},
}
VISIBLE = 0.2  # from here on a unit is more than a trace (FACS: B and above)

_ANNOTATORS = 10
_LAPSE = 0.03  # share of votes that have nothing to do with the picture
_TYPICAL = 0.7  # intensity at which observers expect a unit of an expression
_DECISION = 0.28  # spread of what an observer perceives, in squared intensity


def drawn_intensities(label: str, chance: np.random.Generator) -> dict[int, float]:
    """Intensities of one performance of an expression, by unit; units that are not seen are left out.

    The units of an expression share the performance's strength, from faint to full, and each differs from it. Some are
    left out, and any face may show a trace of something else, so that expressions resemble each other now and then.
    """
    strength = 0.3 + 0.7 * chance.beta(2.2, 1.5)
    roll, spread, trace = chance.random((3, len(NUMBERS)))
    found = {}
    for place, unit in enumerate(NUMBERS):
        value = 0.0
        if roll[place] < PROTOTYPES[label].get(unit, 0):
            value = strength * (0.65 + 0.55 * spread[place])
        elif trace[place] < 0.12:
            value = 0.35 * spread[place]
        if value > 0.02:
            found[unit] = float(min(1.0, value))
    return found


def expressive_regions(label: str, units: Mapping[int, float]) -> set[str]:
    """Names of the regions in which the units that belong to the expression are visible; none for neutral."""
    shown = (unit for unit in PROTOTYPES[label] if units.get(unit, 0) >= VISIBLE)
    return {region for unit in shown for region in UNITS[unit][1]}


def reading(units: Mapping[int, float], visible: Mapping[str, float]) -> NDArray[np.float64]:
    """(7,) probability, in the order of FER7, that an observer takes the face for each expression.

    An observer compares what is seen with what is expected of each expression and prefers the nearest: a softmax of
    negative squared distances between intensities, with some votes given at random. Faint expressions so come near
    to neutral, and fear to surprise.

    Args:
        units: intensity of each unit.
        visible: share of each region that nothing covers, by name; 1 where it is not given.
    """
    seen = np.array([units.get(u, 0.0) * max(visible.get(r, 1.0) for r in UNITS[u][1]) for u in NUMBERS])
    expected = np.array([[_TYPICAL * PROTOTYPES[c].get(u, 0) for u in NUMBERS] for c in FER7.names])
    weights = np.exp(-((seen - expected) ** 2).sum(1) / _DECISION)
    return _LAPSE / len(FER7) + (1 - _LAPSE) * weights / weights.sum()  # type: ignore[no-any-return]


def annotated(probabilities: NDArray[np.float64], chance: np.random.Generator) -> list[float]:
    """Votes of ten annotators, in the order of the probabilities."""
    return [float(v) for v in chance.multinomial(_ANNOTATORS, probabilities)]

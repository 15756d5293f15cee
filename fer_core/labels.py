"""Expression classes: their names, their order, their colours.

A class order is never a convention here. It is a `ClassSet` that travels with the data and with the checkpoint, and two
sets are matched by name. Names are the adjectives of `fer2013.csv`; spellings used elsewhere (`anger`, `Happiness`, the
two-letter codes of KDEF) are understood by `canonical`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError

_SYNONYMS = {
    "angry": ("anger", "an"),
    "disgust": ("disgusted", "disgusting", "di"),
    "fear": ("fearful", "afraid", "scared", "af", "fe"),
    "happy": ("happiness", "joy", "joyful", "ha"),
    "sad": ("sadness", "sa"),
    "surprise": ("surprised", "suprise", "su"),
    "neutral": ("neutrality", "normal", "ne"),
    "contempt": ("contemptuous", "co"),
}
_CANONICAL = {spelling: name for name, others in _SYNONYMS.items() for spelling in (name, *others)}

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/, told apart under the three common colour vision deficiencies.
# Their black and yellow vanish on one of our two themes: neutral takes a grey and contempt a brown, chosen to be as far
# from the others as those are from one another in each of the three.
_COLOURS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#6E6E6E",
    "contempt": "#985040",
}
# For classes outside the eight: the muted scheme of Paul Tol (2021), https://sronpersonalpages.nl/~pault/.
_OTHER_COLOURS = ("#CC6677", "#332288", "#DDCC77", "#117733", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499")


def canonical(name: str) -> str:
    """The house's name for a class: lower case, the adjective of `fer2013.csv` where it is one of the eight.

    >>> canonical(" Happiness ")
    'happy'
    >>> canonical("boredom")
    'boredom'
    """
    plain = name.strip().lower()
    return _CANONICAL.get(plain, plain)


@dataclass(frozen=True)
class ClassSet:
    """Class names in the order of a label's index and of a network's outputs.

    Attributes:
        name: what the set is called, e.g. `FER7`.
        names: one canonical name per class, in order. At least two, no name twice.

    Raises:
        DataError: fewer than two names, an empty name, or the same class twice (after `canonical`).
    """

    name: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        names = tuple(canonical(n) for n in self.names)
        if len(names) < 2:
            raise DataError(f"Class set {self.name!r} has {len(names)} class(es); a classifier needs at least two.")
        if "" in names:
            raise DataError(f"Class set {self.name!r} has an empty class name; give every class a name.")
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise DataError(
                f"Class set {self.name!r} names {', '.join(doubled)} more than once; each class may stand once."
            )
        object.__setattr__(self, "names", names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: str) -> bool:
        return canonical(name) in self.names

    def index(self, name: str) -> int:
        """Position of a class.

        Raises:
            DataError: the set has no such class.
        """
        try:
            return self.names.index(canonical(name))
        except ValueError:
            raise DataError(f"{self.name} has no class {name!r}; its classes are {', '.join(self.names)}.") from None

    def positions_in(self, other: ClassSet) -> tuple[int | None, ...]:
        """For each class of this set its position in `other`, by name; None where `other` lacks it."""
        return tuple(other.names.index(n) if n in other.names else None for n in self.names)

    def colours(self) -> tuple[str, ...]:
        """One `#RRGGBB` per class, in order; see `colour`."""
        return tuple(colour(n, self.names) for n in self.names)


FER7 = ClassSet("FER7", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
FERPLUS8 = ClassSet("FERPLUS8", ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"))
AFFECTNET8 = ClassSet("AFFECTNET8", ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"))
KNOWN_SETS = {s.name: s for s in (FER7, FERPLUS8, AFFECTNET8)}


def class_set(names: Sequence[str]) -> ClassSet:
    """The known set with exactly these names in this order, otherwise a free set called `custom`.

    Raises:
        DataError: as `ClassSet`.
    """
    wanted = tuple(canonical(n) for n in names)
    for known in KNOWN_SETS.values():
        if known.names == wanted:
            return known
    return ClassSet("custom", wanted)


def class_set_for(labels: Iterable[str]) -> ClassSet:
    """The class set that a folder or a column of names stands for.

    FER7 where every label is one of its seven (folders with a class missing still are FER7), AFFECTNET8 where contempt
    is among them, else the names in alphabetical order.

    Raises:
        DataError: fewer than two different labels outside the known sets.
    """
    found = {canonical(label) for label in labels}
    for known in (FER7, AFFECTNET8):
        if found and found <= set(known.names):
            return known
    return ClassSet("custom", tuple(sorted(found)))


def colour(name: str, among: Sequence[str] = ()) -> str:
    """The class's colour in every chart, `#RRGGBB`; the same in both themes.

    Args:
        name: class name, any known spelling.
        among: all names of the set; decides the colour of a class that is not one of the eight.
    """
    plain = canonical(name)
    if plain in _COLOURS:
        return _COLOURS[plain]
    others = [n for n in map(canonical, among) if n not in _COLOURS]
    return _OTHER_COLOURS[(others.index(plain) if plain in others else 0) % len(_OTHER_COLOURS)]


def rearrange(values: NDArray[np.floating], source: ClassSet, target: ClassSet) -> NDArray[np.floating]:
    """Columns of `values` brought from one class order into another, by name.

    Args:
        values: (N, len(source)) numbers, one column per class of `source`.
        source: order of the columns given.
        target: order of the columns wanted; every class of it must be in `source`.

    Returns:
        (N, len(target)); columns of classes that `target` lacks are left out, nothing is renormalised.

    Raises:
        DataError: `target` has a class that `source` lacks, or the number of columns is wrong.
    """
    if values.ndim != 2 or values.shape[1] != len(source):
        raise DataError(f"{source.name} has {len(source)} classes, but the values have the shape {values.shape}.")
    positions = target.positions_in(source)
    missing = [n for n, p in zip(target.names, positions, strict=True) if p is None]
    if missing:
        raise DataError(f"{source.name} lacks {', '.join(missing)}, which {target.name} needs.")
    return values[:, [p for p in positions if p is not None]]

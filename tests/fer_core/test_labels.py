"""Class sets: their published orders, their spellings, and colours that everyone can tell apart."""

import itertools
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from fer_core.errors import DataError
from fer_core.labels import (
    AFFECTNET8,
    FER7,
    FERPLUS8,
    KNOWN_SETS,
    ClassSet,
    canonical,
    class_set,
    class_set_for,
    colour,
    rearrange,
)

EIGHT = ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def test_published_orders() -> None:
    # fer2013.csv, column emotion: 0 Angry, 1 Disgust, 2 Fear, 3 Happy, 4 Sad, 5 Surprise, 6 Neutral.
    assert FER7.names == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    # Columns of fer2013new.csv: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt.
    assert FERPLUS8.names == ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
    # AffectNet: 0 Neutral, 1 Happiness, 2 Sadness, 3 Surprise, 4 Fear, 5 Disgust, 6 Anger, 7 Contempt.
    assert AFFECTNET8.names == ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
    assert {name: s.name for name, s in KNOWN_SETS.items()} == {n: n for n in ("FER7", "FERPLUS8", "AFFECTNET8")}


@pytest.mark.parametrize(
    ("spelt", "meant"),
    [
        ("Anger", "angry"),
        ("AN", "angry"),
        ("disgusted", "disgust"),
        ("DI", "disgust"),
        ("AF", "fear"),
        ("fearful", "fear"),
        ("HA", "happy"),
        (" Happiness\n", "happy"),
        ("joy", "happy"),
        ("SA", "sad"),
        ("Sadness", "sad"),
        ("SU", "surprise"),
        ("suprise", "surprise"),
        ("NE", "neutral"),
        ("normal", "neutral"),
        ("Contemptuous", "contempt"),
        ("Boredom", "boredom"),
    ],
)
def test_spellings(spelt: str, meant: str) -> None:
    assert canonical(spelt) == meant
    assert canonical(meant) == meant


def test_a_set_holds_canonical_names_and_finds_any_spelling() -> None:
    found = ClassSet("mine", ("Happiness", "ANGER", "bored"))
    assert found.names == ("happy", "angry", "bored")
    assert len(found) == 3
    assert [found.index(n) for n in ("joy", "an", " Bored ")] == [0, 1, 2]
    assert "anger" in found
    assert "sad" not in found
    with pytest.raises(DataError, match="mine has no class 'sad'; its classes are happy, angry, bored"):
        found.index("sad")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("happy",), "has 1 class"),
        ((), "has 0 class"),
        (("happy", " "), "an empty class name"),
        (("happy", "sad", "Joy"), "names happy more than once"),
        (("anger", "angry", "fear", "scared"), "names angry, fear more than once"),
    ],
)
def test_what_a_set_refuses(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        ClassSet("bad", names)


def test_known_sets_are_recognised_by_names_in_order() -> None:
    assert class_set(["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]) is FER7
    assert class_set(AFFECTNET8.names) is AFFECTNET8
    other = class_set(FER7.names[::-1])
    assert other.name == "custom"
    assert other.names == FER7.names[::-1]


def test_what_a_folder_or_a_column_of_names_stands_for() -> None:
    assert class_set_for(["Sadness", "happy"]) is FER7  # two folders of FER2013 still are FER2013
    assert class_set_for(FER7.names) is FER7
    assert class_set_for(["contempt", "happy"]) is AFFECTNET8
    assert class_set_for(["tired", "Happiness", "bored"]) == ClassSet("custom", ("bored", "happy", "tired"))
    with pytest.raises(DataError, match="has 1 class"):
        class_set_for(["bored", "Bored"])
    with pytest.raises(DataError, match="has 0 class"):
        class_set_for([])


def test_positions_by_name() -> None:
    # angry is FER+'s class 4, disgust 5, fear 6, happy 1, sad 3, surprise 2, neutral 0.
    assert FER7.positions_in(FERPLUS8) == (4, 5, 6, 1, 3, 2, 0)
    assert FERPLUS8.positions_in(FER7) == (6, 3, 5, 4, 0, 1, 2, None)


def test_rearranged_by_hand() -> None:
    plus = np.array([[0, 1, 2, 3, 4, 5, 6, 7], [10, 11, 12, 13, 14, 15, 16, 17]], np.float64)
    np.testing.assert_array_equal(
        rearrange(plus, FERPLUS8, FER7), [[4, 5, 6, 1, 3, 2, 0], [14, 15, 16, 11, 13, 12, 10]]
    )
    # AffectNet's columns: neutral, happy, sad, surprise, fear, disgust, angry, contempt.
    np.testing.assert_array_equal(rearrange(plus[:1], FERPLUS8, AFFECTNET8), [[0, 1, 3, 2, 6, 5, 4, 7]])
    back = rearrange(rearrange(plus, FERPLUS8, AFFECTNET8), AFFECTNET8, FERPLUS8)
    np.testing.assert_array_equal(back, plus)
    assert rearrange(plus[:0], FERPLUS8, FER7).shape == (0, 7)


def test_rearranging_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="FER7 lacks contempt, which FERPLUS8 needs"):
        rearrange(np.zeros((1, 7)), FER7, FERPLUS8)
    with pytest.raises(DataError, match=r"FER7 has 7 classes, but the values have the shape \(1, 8\)"):
        rearrange(np.zeros((1, 8)), FER7, FER7)
    with pytest.raises(DataError, match=r"the shape \(7,\)"):
        rearrange(np.zeros(7), FER7, FER7)


# Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1.0, on linear RGB.
VISIONS = {
    "common": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# CIEDE2000. The six colours taken from Okabe and Ito are at least 12.2 apart for a protanope and 10.9 for a tritanope;
# the two that are our own must not be nearer to anything.
THRESHOLDS = {"common": 18.0, "protanopia": 12.0, "deuteranopia": 12.0, "tritanopia": 10.5}


def linear(hexadecimal: str) -> NDArray[np.float64]:
    """Linear RGB in 0..1 (IEC 61966-2-1)."""
    value = np.array([int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_are_told_apart(vision: str) -> None:
    seen = np.clip(np.stack([linear(colour(n)) for n in EIGHT]) @ np.array(VISIONS[vision]).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
    distance = {
        (EIGHT[a], EIGHT[b]): float(deltaE_ciede2000(lab[a], lab[b])) for a, b in itertools.combinations(range(8), 2)
    }
    near = {pair: round(d, 1) for pair, d in distance.items() if d < THRESHOLDS[vision]}
    assert not near


def test_our_own_colours_stand_out_from_both_backgrounds() -> None:
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    weights = np.array([0.2126, 0.7152, 0.0722])
    for theme, name in itertools.product(("light", "dark"), ("neutral", "contempt")):
        a, b = (linear(c) @ weights + 0.05 for c in (colour(name), config["theme"][theme]["backgroundColor"]))
        assert max(a, b) / min(a, b) >= 3, (theme, name)  # WCAG 2.2, 1.4.11, for graphics


def test_a_class_keeps_its_colour_in_every_set() -> None:
    for known in KNOWN_SETS.values():
        assert known.colours() == tuple(colour(n) for n in known.names)
        assert len(set(known.colours())) == len(known)
    assert colour("Happiness") == colour("happy") == "#E69F00"


def test_colours_of_other_classes() -> None:
    names = ("bored", "happy", "tired", "calm", "proud", "shy", "amused", "awed", "cold", "hot")
    colours = ClassSet("mine", names).colours()
    assert len(set(colours)) == 10
    assert all(re.fullmatch("#[0-9A-F]{6}", c) for c in colours)
    assert colours[1] == colour("happy")
    # The place among the classes that are not of the eight decides, however they are spelt.
    assert colour("TIRED", ["Bored", "happy", " Tired"]) == colours[2] != colours[0]

"""The people: what stays the same in every picture of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Colour = tuple[float, float, float]

# Light to dark, RGB. Drawn ones; only their order and spread matter.
_SKINS = (
    (250, 216, 190), (240, 198, 164), (228, 182, 142), (208, 156, 114),
    (182, 130, 90), (148, 100, 68), (116, 78, 54), (92, 62, 46),
)  # fmt: skip
_HAIRS = ((28, 24, 24), (48, 34, 28), (78, 52, 36), (120, 70, 40), (150, 110, 66), (206, 170, 110), (150, 60, 36))
_GREYS = ((150, 148, 146), (206, 204, 200))
_IRISES = ((74, 46, 28), (96, 62, 36), (70, 100, 130), (96, 130, 150), (84, 110, 74), (120, 98, 60))
_CLOTHES = ((70, 90, 120), (130, 70, 70), (80, 110, 90), (60, 62, 70), (160, 140, 110), (110, 90, 130), (190, 190, 186))
HAIR_STYLES = ("bald", "crop", "side", "fringe", "long", "curls", "bun")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")


@dataclass(frozen=True)
class Subject:
    """One person. Lengths in units of half a head's width; x to the person's left, y down, see `geometry`.

    Colours are RGB, 0 to 255. `age` is 0 (young) to 1 (old) and deepens lines; `bias` moves the resting mouth corners
    down (positive) or up, which is what makes some neutral faces look sad or content.
    """

    width: float
    crown: float
    jaw: float
    chin: float
    chin_y: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    lashes: float
    brow_y: float
    brow_thick: float
    brow_arch: float
    nose_y: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lip_upper: float
    lip_lower: float
    ears: float
    bias: float
    age: float
    freckles: bool
    glasses: str
    beard: str
    hair_style: str
    hair_volume: float
    parting: float
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    clothes: Colour


@lru_cache(maxsize=256)
def subject(seed: int, number: int) -> Subject:
    """The person of that number; the same for the same seed, however many there are."""
    chance = np.random.default_rng((seed, 1, number))
    feminine = bool(chance.random() < 0.5)
    age = float(chance.beta(1.3, 1.8))
    skin = _varied(_SKINS[chance.integers(len(_SKINS))], chance, 6)
    old = age > 0.7 and chance.random() < 0.7
    dark = sum(skin) < 420
    hair = _GREYS[chance.integers(2)] if old else _HAIRS[chance.integers(3 if dark else len(_HAIRS))]
    styles, weights = _styles(feminine, age)
    beards = (1, 0, 0, 0, 0) if feminine or age < 0.12 else (0.5, 0.15, 0.1, 0.1, 0.15)
    red = (196, 72, 84) if feminine and chance.random() < 0.5 else (176, 92, 86)

    def near(middle: float, spread: float, man: float = 0.0) -> float:
        """A length near the middle, moved by `man` in men."""
        return float(middle + (0 if feminine else man) + spread * np.clip(chance.normal(), -2, 2))

    return Subject(
        width=near(0.94, 0.035, 0.03),
        crown=near(-1.36, 0.04),
        jaw=near(0.66, 0.04, 0.08),
        chin=near(0.25, 0.03, 0.07),
        chin_y=near(1.22, 0.04, 0.04),
        eye_x=near(0.405, 0.018),
        eye_y=near(-0.05, 0.02),
        eye_width=near(0.225, 0.012, -0.008),
        eye_open=near(1.0, 0.09, -0.06),
        eye_tilt=near(0.012, 0.02, -0.01),
        lashes=near(0.05, 0.008, -0.018),
        brow_y=near(-0.385, 0.025, 0.03),
        brow_thick=near(0.085, 0.015, 0.035),
        brow_arch=near(0.075, 0.02, -0.02),
        nose_y=near(0.42, 0.03, 0.01),
        nose_width=near(0.185, 0.022, 0.015),
        mouth_y=near(0.79, 0.02, 0.02),
        mouth_width=near(0.345, 0.022, 0.015),
        lip_upper=near(0.075, 0.012, -0.018),
        lip_lower=near(0.105, 0.014, -0.02),
        ears=near(0.26, 0.03, 0.02),
        bias=near(0.0, 0.015),
        age=age,
        freckles=bool(not dark and chance.random() < 0.15),
        glasses=str(chance.choice(("none", "round", "square"), p=(0.8, 0.1, 0.1))),
        beard=str(chance.choice(BEARDS, p=beards)),
        hair_style=str(chance.choice(styles, p=weights)),
        hair_volume=near(0.13, 0.03),
        parting=float(chance.uniform(-0.5, 0.5)),
        skin=skin,
        hair=_varied(hair, chance, 8),
        iris=_varied(_IRISES[chance.integers(2 if dark else len(_IRISES))], chance, 6),
        lips=_mixed(skin, red, 0.75 if red[0] > 180 else 0.5),
        clothes=_varied(_CLOTHES[chance.integers(len(_CLOTHES))], chance, 10),
    )


def _styles(feminine: bool, age: float) -> tuple[tuple[str, ...], tuple[float, ...]]:
    if feminine:
        return HAIR_STYLES, (0, 0.08, 0.12, 0.22, 0.26, 0.16, 0.16)
    bald = 0.12 + 0.2 * age
    return HAIR_STYLES, (bald, 0.38 - 0.2 * age, 0.3 - bald / 2, 0.1, 0.05, 0.17 - bald / 2 + 0.2 * age, 0)


def _varied(colour: Colour, chance: np.random.Generator, spread: float) -> Colour:
    red, green, blue = np.clip(
        np.array(colour) + chance.normal(0, spread / 2) + chance.normal(0, spread / 7, 3), 8, 250
    )
    return float(red), float(green), float(blue)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue

"""Where everything of a face is: the subject's shape, moved by action units, turned and put into the picture.

A face is made of named curves in head coordinates: x to the person's left (to the right in the picture), y down, z to
the viewer; the unit is half a head's width, the origin lies between the eyes. `right` and `left` are the person's.
What each action unit moves, and whither, follows Ekman, Friesen and Hager (2002); how far is ours, chosen so that an
expression is read at a glance at 48 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.curves import Points, moved, smooth, through_three
from fer_core.data.schematic.subjects import Subject

SIDES = (("right", -1), ("left", 1))
Curves = dict[str, Points]

_ALONG = np.linspace(-1, 1, 13)
_ARCH = 1 - _ALONG**2
_BROW_WIDTHS = np.array([0.72, 0.95, 1.0, 0.98, 0.9, 0.78, 0.62, 0.42, 0.16])
_DISTANCE = 8.0  # of the camera
# How far the nose stands out of the egg.
_LIFTS: dict[str, NDArray[np.float64] | float] = {
    "nose tip": 0.25, "nose base": 0.16, "nose bridge": 0.08, "nose ridge": np.linspace(0.04, 0.24, 5),
    "wing line": 0.06, "nose wing": 0.06, "nostril": 0.14, "nose side": 0.08,
}  # fmt: skip


@dataclass(frozen=True)
class Motion:
    """What a face does at the moment.

    Attributes:
        units: intensity of each action unit, 0 to 1; units that rest are left out.
        lean: how much stronger the units are on the left than on the right, -0.2 to 0.2.
        lids: the lids' opening, 1 is the subject's own.
    """

    units: Mapping[int, float]
    lean: float = 0.0
    lids: float = 1.0

    def of(self, side: int, *numbers: int) -> tuple[float, ...]:
        """Intensities of units on one side (-1 right, 1 left, 0 both)."""
        return tuple(min(1.0, self.units.get(n, 0.0) * (1 + side * self.lean)) for n in numbers)


@dataclass(frozen=True)
class View:
    """How the head is seen.

    Attributes:
        yaw_deg: turn, positive to the person's left.
        pitch_deg: nod, positive down.
        roll_deg: tilt, positive clockwise in the picture.
        scale: pixels per unit.
        shift: (2,) where the head's origin comes to lie, pixels.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    scale: float
    shift: NDArray[np.float64]

    def project(self, points: Points) -> Points:
        """Picture coordinates (N, 2) of points (N, 3); pixels, continuous, as of `fer_core.faces.Face`."""
        (cy, cp, cr), (sy, sp, sr) = (
            f(np.radians((self.yaw_deg, self.pitch_deg, self.roll_deg))) for f in (np.cos, np.sin)
        )
        x, y, z = points.T
        # What lies at the head's edge (z near 0) is its outline, and a turned egg's outline takes in its side.
        edge = np.clip(1 - z / 0.5, 0, 1) * (np.hypot(cy, 0.82 * sy) - cy)
        x, z = x * (cy + edge) + z * sy, z * cy - x * sy
        y, z = y * cp + z * sp, z * cp - y * sp
        near = self.scale * _DISTANCE / (_DISTANCE - z)
        return np.column_stack([(x * cr - y * sr) * near, (x * sr + y * cr) * near]) + self.shift


def curves_of(person: Subject, motion: Motion) -> Curves:
    """All curves and points of a face by name, each (N, 3) in head coordinates."""
    found = _head(person, motion) | _nose(person, motion) | _mouth(person, motion)
    for side, sign in SIDES:
        parts = _brow(person, motion, sign) | _eye(person, motion, sign) | _cheek(person, motion, sign)
        found |= {f"{side} {name}": part * np.array((sign, 1.0)) for name, part in parts.items()}
    flat = {name: part for name, part in found.items() if part.shape[1] == 2}
    ends = np.cumsum([len(part) for part in flat.values()])[:-1]
    laid = np.split(on_face(person, np.concatenate(list(flat.values()))), ends)
    for name, part in zip(flat, laid, strict=True):
        part[:, 2] += _LIFTS.get(name.removeprefix("right ").removeprefix("left "), 0.0)
        if "lip" in name or "corner" in name:  # the mouth bends around the teeth
            part[:, 2] -= 0.45 * part[:, 0] ** 2
        found[name] = part
    return found


def on_face(person: Subject, points: Points) -> Points:
    """(N, 3): points (N, 2) laid onto the egg that a head roughly is."""
    x, y = points.T
    inside = 1 - (x / (person.width * 1.06)) ** 2 - ((y + 0.05) / 1.46) ** 2
    return np.column_stack([x, y, 0.82 * np.sqrt(np.maximum(inside, 0.0))])


def _head(person: Subject, motion: Motion) -> Curves:
    (jaw,) = motion.of(0, 26)
    drop = 0.19 * jaw
    w, top, chin = person.width, person.crown, person.chin_y + drop
    half = np.array(
        [
            (0.0, top, 0.0), (0.45 * w, top + 0.1, 0.0), (0.8 * w, top + 0.38, 0.0), (0.97 * w, top + 0.82, 0.0),
            (w, -0.1, 0.0), (0.965 * w, 0.28, 0.0), (0.5 * w + 0.5 * person.jaw, 0.57 + 0.2 * drop, 0.05),
            (person.jaw, 0.8 + 0.55 * drop, 0.12), (0.55 * person.jaw + 0.5 * person.chin, chin - 0.155, 0.28),
            (person.chin, chin - 0.035, 0.4), (0.0, chin, 0.45),
        ]
    )  # fmt: skip
    mirrored = half[-2:0:-1] * np.array((-1.0, 1.0, 1.0))
    ear_y, ears = 0.06, person.ears
    ear = np.array([(0.0, -0.75), (0.42, -1.0), (0.62, -0.6), (0.55, 0.1), (0.3, 0.8), (0.05, 0.9), (-0.2, 0.4)])
    found = {
        "head": smooth(np.concatenate([half, mirrored]), closed=True, steps=4),
        "chin": np.array([(0.0, chin - 0.09)]),
        "forehead": np.array([(0.0, -0.68)]),
        "chin groove": np.column_stack([0.16 * _ALONG, chin - 0.2 - 0.03 * _ARCH]),
    }
    for side, sign in SIDES:
        flat = ear * (ears * 0.5, ears) * (sign, 1) + (sign * (w - 0.02), ear_y)
        found[f"{side} ear"] = smooth(np.column_stack([flat, np.full(len(flat), -0.12)]), closed=True, steps=4)
    raised = max(motion.of(0, 1, 2))
    for row, y in enumerate((-0.63, -0.75, -0.87)):
        found[f"forehead line {row}"] = np.column_stack([0.5 * _ALONG, y - 0.05 * raised - 0.04 * _ARCH])
    return found


def _brow(person: Subject, motion: Motion, sign: int) -> Curves:
    inner, outer, lower, wrinkle = motion.of(sign, 1, 2, 4, 9)
    held = 1 - 0.92 * inner  # together, units 1 and 4 draw the inner ends up and together
    y = person.brow_y
    ends = (
        np.array(
            (0.155 - 0.06 * lower - 0.03 * wrinkle, y + 0.02 - 0.18 * inner + 0.16 * lower * held + 0.09 * wrinkle)
        ),
        np.array(
            (
                0.43 - 0.02 * lower,
                y - person.brow_arch - 0.05 * inner - 0.13 * outer + 0.1 * lower * held + 0.05 * wrinkle,
            )
        ),
        np.array((0.71, y + 0.05 - 0.15 * outer + 0.03 * lower + 0.06 * inner * lower * (1 - outer))),
    )
    line = through_three(*ends, np.linspace(0, 1, len(_BROW_WIDTHS)))
    half = np.column_stack([np.zeros(len(line)), _BROW_WIDTHS * person.brow_thick / 2])
    glabella = np.array([(0.05, -0.44), (0.065, -0.34), (0.055, -0.24)])
    return {
        "brow line": line,
        "brow": np.concatenate([line - half, (line + half)[::-1]]),
        "glabella": smooth(moved(glabella, 0, 0.05 * lower - 0.06 * inner)),
    }


def _eye(person: Subject, motion: Motion, sign: int) -> Curves:
    inner, outer, lower, lift, cheek, tight, wrinkle = motion.of(sign, 1, 2, 4, 5, 6, 7, 9)
    upper = (
        0.112 * person.eye_open * motion.lids
        + 0.075 * lift
        - 0.035 * tight
        - 0.02 * cheek
        - 0.03 * wrinkle
        - 0.02 * lower
    )
    below = 0.066 * person.eye_open + 0.01 * lift - 0.04 * tight - 0.04 * cheek - 0.035 * wrinkle
    droop = 0.35 * lower * (1 - inner) - 0.4 * inner * (1 - 0.7 * outer) * (1 - 0.6 * lift)
    x, y = person.eye_x, person.eye_y
    line = np.column_stack([x + person.eye_width * _ALONG, y - person.eye_tilt * _ALONG])
    arch = np.maximum(upper, 0.02) * _ARCH**0.62 * (1 + droop * _ALONG)
    lid, pouch = line.copy(), line.copy()
    lid[:, 1] -= arch
    pouch[:, 1] += np.maximum(below, 0.008) * _ARCH**0.75
    crease = lid * (1.0, 1.0)
    crease[:, 1] -= (0.055 - 0.02 * lift + 0.012 * lower) * (0.35 + 0.65 * _ARCH)
    bag = np.column_stack([x + 0.2 * _ALONG, y + 0.15 - 0.03 * cheek + 0.045 * _ARCH])
    crow = np.array([(0.0, 0.0), (0.07, 0.0), (0.14, 0.0)])
    start = (x + person.eye_width + 0.035, y)
    found = {"upper lid": lid, "lower lid": pouch, "crease": crease, "bag": bag, "eye": np.array([(x, y - 0.012)])}
    for row, slope in enumerate((-0.45, 0.05, 0.5)):
        found[f"crow {row}"] = (
            crow[:, :2] + np.column_stack([np.zeros(3), crow[:, 0] * slope]) + start + (0, 0.05 * slope)
        )
    return found


def _cheek(person: Subject, motion: Motion, sign: int) -> Curves:
    cheek, wrinkle, pull, stretch = motion.of(sign, 6, 9, 12, 20)
    corner = _corner(person, motion, sign)
    wing = np.array((person.nose_width + 0.035, person.nose_y - 0.06 - 0.05 * wrinkle))
    end = moved(corner, 0.1 + 0.05 * pull, 0.02 - 0.03 * wrinkle)
    bulge = moved((wing + end) / 2, 0.05 + 0.07 * pull + 0.04 * wrinkle + 0.03 * stretch, -0.03)
    t = np.linspace(0, 1, 9)
    under = np.array([(0.02, 0.03), (0.055, 0.12), (0.045, 0.24)]) + corner
    nose = np.array([(0.06, 0.04), (0.11, 0.0), (0.17, 0.035)])
    return {
        "cheek": np.array([(0.53, 0.37 - 0.07 * cheek - 0.06 * pull)]),
        "nasolabial": through_three(wing, bulge, end, t),
        "marionette": smooth(under),
        "corner": corner[None],
        "nose wrinkle 0": moved(nose, 0, -0.02),
        "nose wrinkle 1": moved(nose * (1.1, 1), 0.01, 0.06),
    }


def _nose(person: Subject, motion: Motion) -> Curves:
    (wrinkle, pull) = motion.of(0, 9, 12)
    y, w = person.nose_y - 0.055 * wrinkle, person.nose_width + 0.02 * wrinkle + 0.018 * pull
    wing = smooth(np.array([(0.62 * w, y - 0.14), (0.95 * w, y - 0.09), (w, y - 0.01), (0.78 * w, y + 0.045)]))
    found = {
        "nose tip": np.array([(0.0, y - 0.07)]),
        "nose base": np.array([(0.0, y + 0.03)]),
        "nose bridge": np.array([(0.0, -0.08)]),
        "nose ridge": np.column_stack([np.zeros(5), np.linspace(-0.16, y - 0.08, 5)]),
        "philtrum": np.array([(0.0, y + 0.1), (0.0, person.mouth_y - 0.1)]),
    }
    for side, sign in SIDES:
        found[f"{side} wing line"] = wing * (sign, 1)
        found[f"{side} nose wing"] = np.array([(sign * w, y - 0.03)])
        found[f"{side} nostril"] = np.array([(sign * w * 0.48, y + 0.02)])
        found[f"{side} nose side"] = np.array([(sign * 0.75 * w, y - 0.06)])
    return found


def _corner(person: Subject, motion: Motion, sign: int) -> NDArray[np.float64]:
    """(2,) a mouth corner, x as if it were the left one."""
    wrinkle, pull, press, lower, stretch, tight, jaw = motion.of(sign, 9, 12, 15, 16, 20, 23, 26)
    wide = person.mouth_width + 0.12 * pull + 0.13 * stretch - 0.02 * press - 0.07 * tight
    wide *= 1 - 0.24 * jaw * (1 - stretch) * (1 - pull)
    y = (
        person.mouth_y
        + person.bias
        - 0.15 * pull
        + 0.13 * press
        + 0.03 * stretch
        + 0.075 * jaw
        - 0.02 * wrinkle
        + 0.01 * lower
    )
    return np.array((wide, y))


def _mouth(person: Subject, motion: Motion) -> Curves:
    wrinkle, pull, press, lower, stretch, tight, part, jaw = motion.of(0, 9, 12, 15, 16, 20, 23, 25, 26)
    right, left = _corner(person, motion, -1) * (-1, 1), _corner(person, motion, 1)
    middle = person.mouth_y + 0.008 - 0.08 * wrinkle - 0.03 * press + 0.012 * pull
    side = np.where(_ALONG < 0, right[1], left[1])
    x = (left[0] - right[0]) / 2 * _ALONG + (left[0] + right[0]) / 2
    line = middle + (side - middle) * np.abs(_ALONG) ** 1.7
    thin = (1 - 0.55 * tight) * (1 - 0.25 * stretch) * (1 - 0.2 * pull)
    upper, below = person.lip_upper * thin * (1 - 0.15 * wrinkle), person.lip_lower * thin * (1 + 0.2 * lower)
    up = (0.035 * part + 0.02 * part * pull + 0.03 * jaw) * _ARCH**0.8
    down = (0.05 * part + 0.055 * part * pull + 0.27 * jaw + 0.05 * lower * part) * _ARCH ** (0.75 - 0.25 * jaw)
    bow = _ARCH**0.75 * (1 - 0.22 * np.exp(-((_ALONG / 0.14) ** 2)))
    inner = np.column_stack([x, line - up]), np.column_stack([x, line + down])
    return {
        "upper lip outer": np.column_stack([x, inner[0][:, 1] - upper * bow]),
        "upper lip inner": inner[0],
        "lower lip inner": inner[1],
        "lower lip outer": np.column_stack([x, inner[1][:, 1] + below * (1 + 0.25 * lower) * _ARCH**0.62]),
        "right mouth corner": right[None],
        "left mouth corner": left[None],
    }

"""Light on a face: a head is an egg with bumps and furrows, lit by one lamp and a bright room (Lambert's law).

Bumps and furrows are drawn into three height maps, broad, middling and fine, which are then softened. So the furrows
that action units leave (Ekman, Friesen and Hager 2002) turn with the light like everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.canvas import filled
from fer_core.data.schematic.curves import Points, ellipse, ribbon, taper
from fer_core.data.schematic.features import Sitter
from fer_core.data.schematic.geometry import SIDES

Field = NDArray[np.floating[Any]]  # float32

# Softness (standard deviation) and height of a full bump, in units of half a head's width.
_BROAD, _MIDDLE, _FINE = (0.13, 0.115), (0.062, 0.075), (0.02, 0.016)
_AMBIENT = 0.46
_SHIFT = 4


@dataclass(frozen=True)
class Lamp:
    """Where light comes from and how much.

    Attributes:
        direction: (3,) from the face to the lamp, x right, y down, z to the viewer; length 1.
        gain: brightness, 1 is well lit.
        tint: (3,) factors of red, green and blue.
    """

    direction: NDArray[np.float64]
    gain: float
    tint: NDArray[np.float64]


class _Height:
    """One height map under construction: bumps up and down."""

    def __init__(self, size_px: int, scale: float, softness: tuple[float, float]) -> None:
        self.sigma, self.height = softness[0] * scale, softness[1] * scale
        self.up = np.zeros((size_px, size_px), np.uint8)
        self.down = np.zeros((size_px, size_px), np.uint8)

    def bump(self, outline: Points, amount: float) -> None:
        """Raises (positive) or sinks (negative) what is inside the outline; 1 is the full height."""
        fixed = np.rint((outline - 0.5) * (1 << _SHIFT)).astype(np.int32)
        level = min(255.0, abs(amount) * 255)
        cv2.fillPoly(self.up if amount > 0 else self.down, [fixed], (level,), cv2.LINE_AA, _SHIFT)

    def stroke(self, line: Points, width_px: float, amount: float) -> None:
        """A ridge (positive) or furrow (negative) that is thin at its ends."""
        if abs(amount) > 0.02:
            self.bump(ribbon(line, width_px * taper(len(line), 0.5)), amount)

    def field(self) -> Field:
        """(size, size) height in pixels."""
        net = cv2.subtract(self.up, self.down, dtype=cv2.CV_32F)
        return np.asarray(cv2.GaussianBlur(net, (0, 0), self.sigma), np.float32) * np.float32(self.height / 255)


def light_on(
    sitter: Sitter, size_px: int, roll_deg: float, centre: NDArray[np.float64], lamp: Lamp
) -> NDArray[np.float32]:
    """(size, size, 3) factors by which light changes the colours of the head; about 1 where it is well lit.

    Args:
        sitter: the face.
        size_px: side of the picture.
        roll_deg: the head's tilt.
        centre: (2,) middle of the head, pixels.
        lamp: the light.
    """
    broad, middle, fine = (_Height(size_px, sitter.scale, s) for s in (_BROAD, _MIDDLE, _FINE))
    _bones(sitter, broad, middle)
    _furrows(sitter, fine, middle)
    furrows = fine.field()
    if "hair" in sitter.curves:  # covers the lines of the forehead
        furrows = furrows * (1 - filled(size_px, sitter.curves["hair"]).astype(np.float32) / 255)
    middling = middle.field()
    height = broad.field() + middling + furrows
    nx, ny, nz = _egg(sitter, size_px, roll_deg, centre)
    nx = nx - cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125)
    ny = ny - cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125)
    x, y, z = lamp.direction.astype(np.float32)
    facing = (nx * x + ny * y + nz * z) / np.sqrt(nx * nx + ny * ny + nz * nz)
    light = _AMBIENT + (1.1 - _AMBIENT) * np.maximum(facing, 0)
    light += 0.2 * np.maximum(facing - 0.9, 0) / 0.1 * nz  # a soft shine where the lamp is faced
    light *= 1 + np.minimum(middling, 0) * np.float32(0.3 / middle.height)
    depth = np.maximum(-furrows, 0) * np.float32(0.4 / fine.height)
    dim = np.maximum(1.05 - light, 0)
    # Light that has been through skin is red: shadows and furrows are darker in green and blue.
    channels = [light * (1 - dim * warm) * (1 - depth * deep) for warm, deep in ((0.0, 0.78), (0.1, 1.0), (0.14, 1.05))]
    return np.asarray(cv2.merge(channels), np.float32)


@lru_cache(maxsize=8)
def _grid(size_px: int) -> tuple[Field, Field]:
    rows, columns = np.mgrid[:size_px, :size_px].astype(np.float32) + 0.5
    return columns, rows


def _egg(sitter: Sitter, size_px: int, roll_deg: float, centre: NDArray[np.float64]) -> tuple[Field, Field, Field]:
    """Normals of the bare head in picture axes; they stay what they are at its edge beyond it."""
    columns, rows = _grid(size_px)
    cosine, sine = np.float32(np.cos(np.radians(roll_deg))), np.float32(np.sin(np.radians(roll_deg)))
    dx, dy = columns - np.float32(centre[0]), rows - np.float32(centre[1])
    p = (dx * cosine + dy * sine) / np.float32(1.08 * sitter.person.width * sitter.scale)
    q = (dy * cosine - dx * sine) / np.float32(1.5 * sitter.scale)
    radius = np.maximum(p * p + q * q, 1e-6)
    held = np.minimum(1.0, np.sqrt(np.float32(0.9) / radius))
    p, q = p * held, q * held * np.float32(0.72)
    nz = np.sqrt(np.maximum(1 - p * p - q * q, 0.05))
    return p * cosine - q * sine, p * sine + q * cosine, nz


def _bones(sitter: Sitter, broad: _Height, middle: _Height) -> None:
    """Brow ridge, sockets, cheeks, nose, lips, chin."""
    curves, k = sitter.curves, sitter.scale
    chin = curves["chin"][0]
    broad.bump(ellipse(chin, (0.2 * k, 0.14 * k)), 0.6)
    broad.bump(ellipse(curves["forehead"][0], (0.5 * k, 0.2 * k)), 0.25)
    middle.stroke(curves["nose ridge"], 0.2 * k, 0.85)
    middle.bump(ellipse(curves["nose tip"][0], (0.14 * k, 0.11 * k)), 1.0)
    middle.stroke(curves["philtrum"], 0.07 * k, -0.25)
    middle.stroke(curves["chin groove"], 0.1 * k, -0.45)
    lips = np.concatenate([curves["upper lip outer"], curves["upper lip inner"][::-1]])
    middle.bump(lips, 0.3)
    middle.bump(np.concatenate([curves["lower lip inner"], curves["lower lip outer"][::-1]]), 0.5)
    middle.stroke(curves["lower lip outer"] + (0, 0.07 * k), 0.07 * k, -0.4)
    for side, sign in SIDES:
        cheek, wrinkle, pull = sitter.motion.of(sign, 6, 9, 12)
        puffed = 0.45 + 0.45 * max(cheek, pull)
        broad.bump(ellipse(curves[f"{side} cheek"][0], (0.2 * k, 0.15 * k)), puffed)
        eye = curves[f"{side} eye"][0]
        broad.bump(ellipse(eye - (0, 0.09 * k), (0.25 * k, 0.14 * k)), -0.75)
        middle.bump(ellipse(curves[f"{side} nose side"][0], (0.07 * k, 0.075 * k)), 0.7 + 0.3 * wrinkle)
        middle.stroke(curves[f"{side} brow line"], 0.12 * k, 0.35)
        middle.bump(ellipse(eye, (0.19 * k, 0.1 * k)), 0.4)


def _furrows(sitter: Sitter, fine: _Height, middle: _Height) -> None:
    """Lines of age, and those that action units leave; each depth is the deeper of the two."""
    curves, k, age = sitter.curves, sitter.scale, sitter.person.age
    inner, outer = sitter.motion.of(0, 1, 2)
    for row, weight in enumerate((0.75, 1.0, 0.7)):
        fine.stroke(
            curves[f"forehead line {row}"],
            0.045 * k,
            -weight * max(0.4 * max(0.0, age - 0.35), 0.95 * max(inner, outer)),
        )
    for side, sign in SIDES:
        lower, cheek, tight, wrinkle, pull, press, stretch = sitter.motion.of(sign, 4, 6, 7, 9, 12, 15, 20)
        depth = {
            "nasolabial": max(0.2 + 0.4 * age, 0.95 * pull, 0.9 * wrinkle, 0.6 * stretch, 0.35 * press),
            "glabella": max(0.35 * max(0.0, age - 0.4), 1.0 * lower),
            "bag": max(0.1 + 0.45 * age, 0.7 * cheek, 0.7 * tight, 0.5 * wrinkle),
            "marionette": max(0.45 * max(0.0, age - 0.3), 0.85 * press),
            "nose wrinkle 0": wrinkle,
            "nose wrinkle 1": 0.9 * wrinkle,
        }
        depth |= {f"crow {row}": max(0.4 * max(0.0, age - 0.4), 0.7 * cheek) for row in range(3)}
        for name, amount in depth.items():
            fine.stroke(curves[f"{side} {name}"], 0.045 * k, -amount)
        middle.stroke(curves[f"{side} nasolabial"], 0.09 * k, -0.6 * depth["nasolabial"])

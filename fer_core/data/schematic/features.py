"""Painting a face's parts, flat; light and relief come later, see `relief`."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.canvas import Canvas, filled, mixed, shaded
from fer_core.data.schematic.curves import Points, ellipse, moved
from fer_core.data.schematic.geometry import SIDES, Curves, Motion
from fer_core.data.schematic.subjects import Subject

_SCLERA = (240, 236, 230)
_MOUTH_DARK = (70, 26, 28)
_TEETH = (242, 238, 226)
_BLUSH = (214, 84, 76)
_TONGUE = (188, 92, 92)


@dataclass(frozen=True)
class Sitter:
    """All that painting a face needs.

    Attributes:
        person: who it is.
        motion: what the face does.
        curves: where its parts are, (N, 2) pixels.
        scale: pixels per unit.
        gaze: (2,) how far the irises look away from the middle, units.
    """

    person: Subject
    motion: Motion
    curves: Curves
    scale: float
    gaze: tuple[float, float]


def paint_skin(canvas: Canvas, sitter: Sitter) -> None:
    """Ears, the head's shape, freckles."""
    person, curves, k = sitter.person, sitter.curves, sitter.scale
    for side, _ in SIDES:
        canvas.fill(curves[f"{side} ear"], shaded(person.skin, 0.95))
        hollow = curves[f"{side} ear"]
        centre = hollow.mean(0)
        canvas.fill(centre + (hollow - centre) * (0.5, 0.6), mixed(person.skin, (120, 50, 40), 0.28))
    canvas.fill(curves["head"], person.skin)
    if person.freckles:
        spots = np.random.default_rng(round(person.eye_x * 1e6)).normal(0, 1, (22, 2)) * (0.16 * k, 0.07 * k)
        with canvas.inside(curves["head"]) as part:
            for spot in spots:
                side = "right" if spot[0] < 0 else "left"
                part.disc(curves[f"{side} cheek"][0] + spot - (0, 0.08 * k), 0.013 * k, shaded(person.skin, 0.78))


def blush(sitter: Sitter, size_px: int) -> NDArray[np.float32]:
    """(size, size, 3) factors that redden cheeks and nose."""
    curves, k, skin = sitter.curves, sitter.scale, sitter.person.skin
    cheeks = [ellipse(curves[f"{side} cheek"][0], (0.24 * k, 0.19 * k)) for side, _ in SIDES]
    spots = filled(size_px, *cheeks, ellipse(curves["nose tip"][0], (0.13 * k, 0.1 * k)))
    weight = np.asarray(cv2.GaussianBlur(spots, (0, 0), 0.09 * k), np.float32)[..., None] * np.float32(0.15 / 255)
    redder = np.array([red / own for red, own in zip(_BLUSH, skin, strict=True)], np.float32)
    return np.asarray(1 + weight * (redder - 1), np.float32)


def paint_eyes(canvas: Canvas, sitter: Sitter) -> None:
    """Lids, the white, iris and pupil, lashes."""
    person, k = sitter.person, sitter.scale
    lash = mixed((36, 24, 22), person.hair, 0.2)
    for side, _ in SIDES:
        upper, lower = sitter.curves[f"{side} upper lid"], sitter.curves[f"{side} lower lid"]
        crease = sitter.curves[f"{side} crease"]
        canvas.fill(np.concatenate([crease, upper[::-1]]), mixed(person.skin, (110, 62, 60), 0.2))
        canvas.stroke(crease, mixed(person.skin, (70, 36, 32), 0.45), 0.022 * k)
        with canvas.inside(np.concatenate([upper, lower[::-1]])) as part:
            part.pixels[:] = np.array(_SCLERA, np.uint8)
            _paint_iris(part, sitter, sitter.curves[f"{side} eye"][0])
            part.fill(np.concatenate([upper, moved(upper[::-1], 0, 0.026 * k)]), shaded(_SCLERA, 0.55))
        canvas.stroke(lower, mixed(person.skin, (90, 44, 40), 0.55), 0.02 * k)
        canvas.stroke(moved(upper, 0, -0.3 * person.lashes * k), lash, person.lashes * k * 1.15)


def _paint_iris(canvas: Canvas, sitter: Sitter, centre: Points) -> None:
    k, iris = sitter.scale, sitter.person.iris
    centre = centre + np.array(sitter.gaze) * k
    canvas.disc(centre, 0.122 * k, shaded(iris, 0.55))
    canvas.disc(centre, 0.104 * k, iris)
    canvas.disc(moved(centre, 0, 0.03 * k), 0.06 * k, shaded(iris, 1.35))
    canvas.disc(centre, 0.052 * k, (14, 10, 10))
    canvas.disc(moved(centre, -0.035 * k, -0.04 * k), 0.024 * k, (255, 255, 255))


def paint_brows(canvas: Canvas, sitter: Sitter) -> None:
    """Brows of short hairs that point outwards."""
    person, k = sitter.person, sitter.scale
    bright = sum(person.hair) > 380
    colour = mixed(shaded(person.hair, 0.62 if bright else 0.9), person.skin, 0.1)
    for side, sign in SIDES:
        outline = sitter.curves[f"{side} brow"]
        with canvas.inside(outline, share=0.93, soft_px=0.012 * k) as part:
            part.pixels[:] = np.array(colour, np.uint8)
            half = len(outline) // 2
            top, bottom = outline[:half], outline[half:][::-1]
            for at in range(0, half - 1, 2):
                hair = np.array([bottom[at], (bottom[at] + top[at]) / 2, top[at]])
                part.stroke(hair + np.array([[0.0], [0.03], [0.09]]) * (sign * k, 0), shaded(colour, 0.72), 0.035 * k)


def paint_nose(canvas: Canvas, sitter: Sitter) -> None:
    """Nostrils and the lines around the wings; the ridge is relief."""
    person, k = sitter.person, sitter.scale
    dark = mixed(person.skin, (60, 24, 20), 0.72)
    for side, sign in SIDES:
        canvas.stroke(sitter.curves[f"{side} wing line"], mixed(person.skin, (90, 44, 36), 0.5), 0.03 * k)
        nostril = ellipse(sitter.curves[f"{side} nostril"][0], (0.05 * k, 0.024 * k), 12, -14 * sign)
        canvas.fill(nostril, dark)


def paint_mouth(canvas: Canvas, sitter: Sitter) -> None:
    """The mouth's inside with teeth and tongue, then the lips."""
    person, curves, k = sitter.person, sitter.curves, sitter.scale
    top, bottom = curves["upper lip inner"], curves["lower lip inner"]
    gap = bottom - top
    opening = float(np.sqrt((gap**2).sum(1)).max())
    if opening > 0.02 * k:
        with canvas.inside(np.concatenate([top, bottom[::-1]])) as part:
            part.pixels[:] = np.array(_MOUTH_DARK, np.uint8)
            _paint_inside(part, sitter, opening)
    lower_lip = np.concatenate([bottom, curves["lower lip outer"][::-1]])
    upper_lip = np.concatenate([curves["upper lip outer"], top[::-1]])
    canvas.fill(lower_lip, shaded(person.lips, 1.04))
    canvas.fill(upper_lip, shaded(person.lips, 0.86))
    if opening <= 0.05 * k:
        canvas.stroke((top + bottom) / 2, mixed(person.lips, (40, 10, 12), 0.75), 0.034 * k)
    for side, _ in SIDES:
        canvas.disc(curves[f"{side} mouth corner"][0], 0.02 * k, mixed(person.lips, (60, 20, 20), 0.6))


def _paint_inside(canvas: Canvas, sitter: Sitter, opening: float) -> None:
    curves, k = sitter.curves, sitter.scale
    top, bottom = curves["upper lip inner"], curves["lower lip inner"]
    gap = bottom - top
    pull, stretch, part, jaw = sitter.motion.of(0, 12, 20, 25, 26)
    length = np.minimum(1.0, (0.1 + 0.03 * pull) * k / max(opening, 1e-6))
    if jaw > 0.25:
        tongue = np.concatenate([bottom - gap * 0.42, bottom[::-1]])
        canvas.fill(tongue, _TONGUE)
    if stretch > 0.2 and part > 0.1:  # clenched: the lower row shows as well
        canvas.fill(np.concatenate([bottom - gap * min(0.4, length), bottom[::-1]]), shaded(_TEETH, 0.86))
    shown = length * (1.0 if max(pull, stretch) > 0.2 else 0.62)
    canvas.fill(np.concatenate([top, (top + gap * shown)[::-1]]), _TEETH)
    canvas.stroke(top, (120, 80, 76), 0.03 * k)

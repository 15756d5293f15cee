"""What happens between face and picture: the background, what covers a face, the lens and the sensor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.schematic.canvas import Canvas, Colour, filled, mixed, shaded
from fer_core.data.schematic.curves import Points, ellipse, ribbon, smooth
from fer_core.data.schematic.features import Sitter
from fer_core.data.schematic.geometry import SIDES
from fer_core.data.schematic.hair import lens
from fer_core.data.schematic.relief import Lamp

COVERS = ("hand", "bar", "sunglasses", "mask")
_MASK = (150, 190, 205)


def lamp(light: float, chance: np.random.Generator) -> Lamp:
    """A lamp, from the front and above (`light` 0) to anywhere in front of the face (1)."""
    side, height, gain, warmth = chance.uniform(-1, 1, 4)
    x, y = -0.22 + 1.25 * light * side, -0.38 + 0.62 * light * height
    direction = np.array((x, y, 1.0))
    tint = 1 + 0.1 * light * warmth * np.array((1.0, 0.1, -1.0))
    return Lamp(direction / np.linalg.norm(direction), float(2.0 ** (0.55 * light * gain)), tint)


def paint_background(canvas: Canvas, chance: np.random.Generator) -> None:
    """A quiet wall, lighter on one side."""
    colour = chance.uniform(70, 205) + chance.uniform(-16, 16, 3)
    slope = chance.uniform(-0.22, 0.22, 2)
    side = len(canvas.pixels)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    shade = (np.float32(slope[0]) * ramp)[None, :] + (np.float32(slope[1]) * ramp + 1)[:, None]
    cv2.merge([cv2.convertScaleAbs(shade, alpha=float(c)) for c in colour], canvas.pixels)


def covering(kind: str, sitter: Sitter, chance: np.random.Generator) -> list[tuple[Points, Colour]]:
    """Outlines (N, 2) in pixels and their colours, back to front, of something that covers a part of the face.

    Args:
        kind: one of `COVERS`.
        sitter: the face.
        chance: decides where a hand or bar lies.
    """
    curves, k = sitter.curves, sitter.scale
    if kind == "sunglasses":
        lenses = [lens(curves[f"{side} eye"][0], 1.08 * k, "square") for side, _ in SIDES]
        middles = [points.mean(0) for points in lenses]
        bridge = ribbon(np.array(middles), 0.09 * k)
        shine = [(ellipse(m - (0.08 * k, 0.07 * k), (0.07 * k, 0.03 * k), 12, -25), (92, 96, 104)) for m in middles]
        return [(bridge, (24, 24, 28)), *((points, (30, 30, 34)) for points in lenses), *shine]
    if kind == "mask":
        head = curves["head"][24:57]
        top = np.array(
            [curves["right nose side"][0], curves["nose tip"][0] - (0, 0.22 * k), curves["left nose side"][0]]
        )
        outline = np.concatenate([head, smooth(np.array([head[-1], *top, head[0]]), steps=4)])
        folds = [
            (ribbon(head[[i, -1 - i]] * 0.72 + head[[i, -1 - i]].mean(0) * 0.28, 0.022 * k), shaded(_MASK, 0.86))
            for i in (3, 6, 9)
        ]
        return [(outline, _MASK), *folds]
    if kind == "bar":
        at = curves[
            str(chance.choice(("right eye", "left eye", "nose tip", "right mouth corner", "left mouth corner")))
        ][0]
        angle = np.radians(chance.uniform(-40, 40))
        along = np.array((np.cos(angle), np.sin(angle))) * 3 * k
        grey = float(chance.uniform(20, 230))
        return [(ribbon(np.array([at - along, at + along]), chance.uniform(0.28, 0.5) * k), (grey, grey, grey))]
    return _hand(sitter, chance)


def _hand(sitter: Sitter, chance: np.random.Generator) -> list[tuple[Points, Colour]]:
    """Four fingers and a palm, raised from below to the mouth, a cheek or an eye."""
    curves, k, skin = sitter.curves, sitter.scale, sitter.person.skin
    side, sign = SIDES[chance.integers(2)]
    place = ("eye", "cheek", "mouth corner")[chance.integers(3)]
    at = curves[f"{side} {place}"][0] + (sign * 0.12 * k, 0.05 * k)
    lean = np.radians(chance.uniform(5, 35)) * -sign
    up = np.array((np.sin(lean), -np.cos(lean)))
    across = np.array((-up[1], up[0]))
    edge = mixed(skin, (90, 44, 36), 0.45)
    pieces: list[tuple[Points, Colour]] = []
    palm = at - up * 0.75 * k
    pieces.append((ellipse(palm - up * 0.3 * k, (0.46 * k, 0.62 * k), 24, np.degrees(lean)), shaded(skin, 0.97)))
    for finger, length in enumerate((0.34, 0.46, 0.44, 0.3)):
        root = palm + across * (finger - 1.5) * 0.19 * k
        tip = root + up * (0.42 + length) * k + across * (finger - 1.5) * 0.03 * k
        for grown, colour in ((0.03, edge), (0.0, skin)):
            body = ribbon(np.array([root - up * 0.2 * k, tip]), (0.17 + grown) * k)
            end = ellipse(tip, ((0.085 + grown / 2) * k,) * 2, 14)
            pieces += [(body, colour), (end, colour)]
        nail = tip + up * 0.02 * k
        pieces.append((ellipse(nail, (0.045 * k, 0.06 * k), 12, np.degrees(lean)), mixed(skin, (255, 225, 215), 0.5)))
    return pieces


def cover(picture: NDArray[np.float32], pieces: list[tuple[Points, Colour]]) -> NDArray[np.bool_]:
    """Paints pieces onto a picture in place; (H, W) where they lie."""
    size_px = len(picture)
    for outline, colour in pieces:
        weight = filled(size_px, outline).astype(np.float32)[..., None] / 255
        picture += (np.array(colour, np.float32) - picture) * weight
    return filled(size_px, *(outline for outline, _ in pieces)) > 127


def expose(
    colours: NDArray[np.float32], light: Lamp, noise: float, blur_px: float, chance: np.random.Generator
) -> NDArray[np.uint8]:
    """The picture that a camera takes: brightness, tint, blur, noise.

    Args:
        colours: (H, W, 3) RGB, 0 to 255, may be above.
        light: the lamp.
        noise: standard deviation as a fraction of the full range.
        blur_px: standard deviation, pixels.
        chance: draws the noise.
    """
    seen = colours * (light.gain * light.tint).astype(np.float32)
    seen = np.where(seen > 210, 210 + (seen - 210) * 0.42, seen)  # highlights roll off instead of clipping at once
    if blur_px > 0.15:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), blur_px), np.float32)
    if noise > 0:
        seen = seen + chance.standard_normal(seen.shape, np.float32) * np.float32(noise * 255)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)

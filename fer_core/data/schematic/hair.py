"""Hair, beards, glasses, neck and clothes."""

from __future__ import annotations

import numpy as np

from fer_core.data.schematic.canvas import Canvas, mixed, shaded
from fer_core.data.schematic.curves import Points, circle, ellipse, moved, smooth
from fer_core.data.schematic.features import Sitter
from fer_core.data.schematic.geometry import SIDES, Curves, on_face
from fer_core.data.schematic.subjects import Subject


def hair_curves(person: Subject) -> Curves:
    """Outlines of hair, neck and clothes by name, (N, 3) in head coordinates, see `geometry`."""
    w, top, volume = person.width, person.crown, person.hair_volume
    neck = 0.62 * person.jaw + 0.12
    found = {
        "neck": np.array(
            [(-neck, 0.55, -0.3), (neck, 0.55, -0.3), (neck + 0.05, 2.4, -0.3), (-neck - 0.05, 2.4, -0.3)]
        ),
        "clothes": smooth(
            np.array(
                [
                    (-2.6, 2.6, -0.4),
                    (-1.5, 1.72, -0.4),
                    (-neck, 1.5, -0.35),
                    (0, 1.66, -0.2),
                    (neck, 1.5, -0.35),
                    (1.5, 1.72, -0.4),
                    (2.6, 2.6, -0.4),
                ]
            )
        ),
    }
    if person.hair_style == "bald":
        return found
    found["hair"] = np.concatenate([_crown(person), _hairline(person)])
    if person.hair_style == "long":
        low = person.chin_y + 0.5
        side = np.array([(w + 0.06, -0.7), (w + volume + 0.05, 0.0), (w + volume + 0.1, 0.8), (w + 0.02, low)])
        back = np.concatenate([side, side[::-1] * (-1, 1)])
        found["back"] = _flat(smooth(back, closed=True, steps=5), -0.3)
    if person.hair_style == "bun":
        found["bun"] = _flat(ellipse(np.array((0.25 * person.parting, top - 0.2)), (0.34, 0.26)), -0.3)
    return found


def _crown(person: Subject) -> Points:
    """The hair's outer edge, from the right temple over the crown to the left one."""
    w, top, volume = person.width, person.crown, person.hair_volume
    if person.hair_style in ("crop", "bun"):
        volume *= 0.55
    low = {"long": 0.5, "curls": 0.25, "fringe": 0.12}.get(person.hair_style, -0.12)
    half = np.array(
        [
            (w + 0.25 * volume, low),
            (w + 0.8 * volume, -0.45),
            (0.88 * w + volume, top + 0.42),
            (0.5 * w, top - 0.75 * volume),
        ]
    )
    line = smooth(np.concatenate([half * (-1, 1), [(0.06 * person.parting, top - volume)], half[::-1]]), steps=6)
    if person.hair_style == "curls":
        waves = np.sin(np.linspace(0, 13 * np.pi, len(line)))[:, None]
        line = line * (1 + 0.045 * (waves + 1.2))
    return _flat(line, -0.1)


def _hairline(person: Subject) -> Points:
    """The hair's edge on the forehead, from the left temple to the right one."""
    w, parting = person.width, person.parting
    recede = 0.16 * person.age if person.hair_style in ("crop", "side") else 0.0
    low = {"long": 0.5, "curls": 0.22, "fringe": 0.12}.get(person.hair_style, -0.12)
    inset = 0.12 if person.hair_style in ("long", "curls") else 0.05
    left = [(w + 0.01, low + 0.03), (w - inset, low - 0.16), (w - inset - 0.03, -0.45), (0.76 * w, -0.78 - recede)]
    middle = {
        "fringe": [(0.5, -0.58), (0.25, -0.62), (0.0, -0.57), (-0.25, -0.62), (-0.5, -0.58)],
        "side": [(0.45, -0.95), (0.6 * parting, -1.06), (-0.3, -0.86), (-0.55, -0.75)],
        "long": [(0.4, -0.93), (0.5 * parting, -1.12), (-0.4, -0.93)],
        "bun": [(0.4, -0.98), (0.0, -1.04), (-0.4, -0.98)],
        "curls": [(0.45, -0.84), (0.22, -0.92), (0.0, -0.86), (-0.22, -0.92), (-0.45, -0.84)],
    }.get(person.hair_style, [(0.42, -0.94 - recede), (0.0, -0.93), (-0.42, -0.94 - recede)])
    line = np.array(left + middle + [(-x, y) for x, y in left[::-1]])
    return on_face(person, smooth(line, steps=5))


def _flat(points: Points, z: float) -> Points:
    return np.column_stack([points, np.full(len(points), z)])


def paint_behind(canvas: Canvas, sitter: Sitter) -> None:
    """What the head stands in front of: long hair, a bun, the neck, clothes."""
    person, curves = sitter.person, sitter.curves
    for name in ("back", "bun"):
        if name in curves:
            canvas.fill(curves[name], shaded(person.hair, 0.75))
    canvas.fill(curves["neck"], shaded(person.skin, 0.8))
    canvas.fill(curves["clothes"], person.clothes)


def paint_hair(canvas: Canvas, sitter: Sitter) -> None:
    """The hair on the head, with strands that run from the crown to the hairline."""
    person, curves, k = sitter.person, sitter.curves, sitter.scale
    if "hair" not in curves:
        return
    outline = curves["hair"]
    canvas.fill(outline, person.hair)
    with canvas.inside(outline) as part:
        outer = np.linspace(0.06, 0.52, 15)
        at = np.rint(outer * (len(outline) - 1)).astype(int)
        top = outline[: len(outline) // 2].mean(0) * (1, 0) + (0, outline[:, 1].min() + 0.12 * k)
        for number, place in enumerate(at):
            start = outline[place]
            end = outline[-1 - place]
            bend = (start + end) / 2 * 0.7 + top * 0.3
            strand = smooth(np.array([start, bend, end]), steps=4)
            part.stroke(strand, shaded(person.hair, 1.22 if number % 2 else 0.8), 0.05 * k)


def paint_beard(canvas: Canvas, sitter: Sitter) -> None:
    """Stubble, moustache, goatee or full beard; painted before the mouth, which stays free."""
    person, curves, k = sitter.person, sitter.curves, sitter.scale
    if person.beard == "none":
        return
    colour = mixed(shaded(person.hair, 0.85), person.skin, 0.12)
    pieces = []
    if person.beard in ("moustache", "goatee", "full"):
        pieces.append(_moustache(curves, k))
    if person.beard == "goatee":
        pieces.append(ellipse(curves["chin"][0] - (0, 0.06 * k), (0.22 * k, 0.17 * k)))
    if person.beard in ("full", "stubble"):
        pieces.append(_jaw(curves, k))
    share = 0.3 if person.beard == "stubble" else 0.88
    with canvas.inside(*pieces, share=share, soft_px=0.025 * k) as part:
        part.pixels[:] = np.array(colour, np.uint8)


def _moustache(curves: Curves, k: float) -> Points:
    lip = curves["upper lip outer"]
    down = lip[len(lip) // 2] - curves["nose base"][0]
    down = down / max(1.0, float(np.hypot(*down)))
    return np.concatenate([lip + down * 0.01 * k, (lip[2:-2] - down * 0.13 * k)[::-1]])


def _jaw(curves: Curves, k: float) -> Points:
    """Between the cheeks and the head's outline, from ear to ear."""
    head = curves["head"]
    outline = head[16 : len(head) - 15]
    right, left = curves["right mouth corner"][0], curves["left mouth corner"][0]
    nose = curves["nose base"][0]
    inner = [
        right * 0.45 + outline[-1] * 0.55 + (0, 0.06 * k),
        right * 1.02 + (nose - right) * 0.35,
        left + (nose - left) * 0.35,
    ]
    return np.concatenate([outline, inner, [left * 0.45 + outline[0] * 0.55 + (0, 0.06 * k)]])


def paint_glasses(canvas: Canvas, sitter: Sitter) -> None:
    """Frames around the eyes, with a trace of a reflection."""
    person, curves, k = sitter.person, sitter.curves, sitter.scale
    if person.glasses == "none":
        return
    frames = [lens(curves[f"{side} eye"][0], k, person.glasses) for side, _ in SIDES]
    dark = (40, 34, 36) if person.glasses == "square" else (120, 96, 60)
    with canvas.inside(*frames, share=0.1) as part:
        part.pixels[:] = np.array((235, 245, 250), np.uint8)
    for frame in frames:
        canvas.line(frame, dark, 0.035 * k, closed=True)
    right, left = (curves[f"{side} eye"][0] for side, _ in SIDES)
    middle = (right + left) / 2
    canvas.line(
        smooth(np.array([right + (middle - right) * 0.72, middle - (0, 0.05 * k), left + (middle - left) * 0.72])),
        dark,
        0.035 * k,
    )
    for eye, (side, _) in zip((right, left), SIDES, strict=True):
        ear = curves[f"{side} ear"].mean(0)
        canvas.line(np.array([eye + (ear - eye) * 0.53, ear - (0, 0.1 * k)]), dark, 0.03 * k)


def lens(centre: Points, k: float, shape: str) -> Points:
    """(N, 2) outline of one lens of glasses."""
    if shape == "round":
        return ellipse(moved(centre, 0, 0.03 * k), (0.285 * k, 0.255 * k), 28)
    corner = np.sign(circle(28)) * np.abs(circle(28)) ** 0.45
    return np.asarray(moved(centre, 0, 0.03 * k) + corner * (0.29 * k, 0.215 * k))

"""One drawn face: from a specification and an index to a picture with everything that is known about it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.data.pictures import Picture
from fer_core.data.schematic import capture, features, hair
from fer_core.data.schematic.canvas import Canvas, filled
from fer_core.data.schematic.features import Sitter
from fer_core.data.schematic.geometry import Curves, Motion, View, curves_of
from fer_core.data.schematic.regions import LANDMARK_NAMES, landmarks_of, region_masks
from fer_core.data.schematic.relief import Lamp, light_on
from fer_core.data.schematic.spec import SchematicSpec
from fer_core.data.schematic.subjects import Subject, subject
from fer_core.data.schematic.units import UNITS, drawn_intensities, expressive_regions, reading
from fer_core.errors import DataError

Mask = NDArray[np.bool_]
_EDGE = 0.025  # no landmark comes nearer to the picture's edge, as a fraction of its side


@dataclass(frozen=True, eq=False)
class SchematicFace:
    """A drawn face and what is known about it.

    Attributes:
        image: (S, S, 3) uint8, RGB.
        label: the expression drawn, a name of FER7.
        action_units: intensity, 0 to 1, of each unit by its FACS number; units that rest are left out.
        landmarks: (len(LANDMARK_NAMES), 2) float32, x and y in pixels, continuous, in the order of `LANDMARK_NAMES`;
            those that are covered included.
        region_masks: (S, S) by name: the seven `REGIONS`, which do not overlap, and `face`.
        occluded: (S, S) where something covers the face.
        evidence: (S, S) the union of the regions in which the expression's own units are visible (`UNITS` tells which
            unit is seen where), less what is covered. Empty for neutral, which is the absence of all.
        reading: (7,) probability, in the order of FER7, that an observer takes the face for each expression.
        subject: number of the person.
        person: the person.
        pose: yaw, pitch and roll, degrees; positive is to the person's left, down, and clockwise in the picture.
        parameters: the other numbers of this picture: gain and direction of the light, noise, blur, scale.
        cover: what covers the face, one of `capture.COVERS`, or `none`.
    """

    image: Picture
    label: str
    action_units: dict[int, float]
    landmarks: NDArray[np.float32]
    region_masks: dict[str, Mask]
    occluded: Mask
    evidence: Mask
    reading: NDArray[np.float64]
    subject: int
    person: Subject
    pose: tuple[float, float, float]
    parameters: dict[str, float]
    cover: str

    def landmark(self, name: str) -> NDArray[np.float32]:
        """(2,) x and y of one landmark.

        Raises:
            DataError: no such landmark.
        """
        if name not in LANDMARK_NAMES:
            raise DataError(f"There is no landmark {name!r}; there are {', '.join(LANDMARK_NAMES)}.")
        return self.landmarks[LANDMARK_NAMES.index(name)]  # type: ignore[no-any-return]


def draw_face(spec: SchematicSpec, index: int) -> SchematicFace:
    """The face of that index, without the flaws that `spec` plants; the same bytes for the same seed and index.

    Args:
        spec: the set.
        index: 0 to subjects * 7 * per_subject_and_class - 1; all pictures of a person lie together, and within these
            all of one expression. `spec.sample_id(index)` is the sample's id, `index_of(sample_id)` the way back.

    Raises:
        DataError: an index outside the range.
    """
    last = spec.subjects * 7 * spec.per_subject_and_class - 1
    if not 0 <= index <= last:
        raise DataError(f"The set has faces 0 to {last}, not {index}.")
    person = subject(spec.seed, spec.subject_of(index))
    chance = np.random.default_rng((spec.seed, 2, index))
    label = spec.label_of(index)
    units = drawn_intensities(label, chance)
    motion = Motion(units, float(chance.uniform(-0.12, 0.12)), float(chance.uniform(0.88, 1.08)))
    return _drawn(spec, person, motion, label, chance, spec.subject_of(index))


def perform(spec: SchematicSpec, number: int, label: str, units: dict[int, float], seed: int = 0) -> SchematicFace:
    """A face that does exactly what is asked: a person of the set with given action units.

    Args:
        spec: the set; its pose, light, occlusion and noise apply.
        number: of the person, from 0.
        label: the expression meant, a name of FER7.
        units: intensity, 0 to 1, by FACS number; see `UNITS`.
        seed: of everything that is not given; the same seed gives the same view.

    Raises:
        DataError: a unit that is not drawn, or an intensity outside 0 to 1.
    """
    for unit, value in units.items():
        if unit not in UNITS or not 0 <= value <= 1:
            known = ", ".join(map(str, UNITS))
            raise DataError(f"Action unit {unit} at {value} cannot be drawn; units are {known}, intensities 0 to 1.")
    chance = np.random.default_rng((spec.seed, 3, number, seed))
    return _drawn(spec, subject(spec.seed, number), Motion(dict(units)), label, chance, number)


def _drawn(
    spec: SchematicSpec, person: Subject, motion: Motion, label: str, chance: np.random.Generator, number: int
) -> SchematicFace:
    view, curves = _seen(spec, person, motion, chance)
    gaze = tuple(chance.normal(0, 0.012, 2).tolist())
    sitter = Sitter(person, motion, curves, view.scale, gaze)
    light = capture.lamp(spec.light, chance)
    colours = _painted(sitter, view, spec.size_px, light, chance)
    kind = capture.COVERS[chance.integers(len(capture.COVERS))] if chance.random() < spec.occlusion else "none"
    pieces = [] if kind == "none" else capture.covering(kind, sitter, chance)
    occluded = capture.cover(colours, pieces) if pieces else np.zeros(colours.shape[:2], bool)
    blur_px = float(chance.uniform(0, spec.blur)) / 100 * spec.size_px
    image = capture.expose(colours, light, spec.noise, blur_px, chance)
    masks = region_masks(curves, spec.size_px, view.scale)
    shown = [masks[name] for name in sorted(expressive_regions(label, motion.units))]
    evidence = np.any(shown, axis=0) & ~occluded if shown else np.zeros_like(occluded)
    visible = {n: 1 - float(occluded[m].mean()) if m.any() else 1.0 for n, m in masks.items()} if pieces else {}
    x, y, z = light.direction
    numbers = {"gain": light.gain, "light_x": x, "light_y": y, "light_z": z, "noise": spec.noise}
    return SchematicFace(
        image=image,
        label=label,
        action_units=dict(motion.units),
        landmarks=landmarks_of(curves),
        region_masks=masks,
        occluded=occluded,
        evidence=evidence,
        reading=reading(motion.units, visible),
        subject=number,
        person=person,
        pose=(view.yaw_deg, view.pitch_deg, view.roll_deg),
        parameters={k: float(v) for k, v in numbers.items()} | {"blur_px": blur_px, "scale": view.scale},
        cover=kind,
    )


def _seen(spec: SchematicSpec, person: Subject, motion: Motion, chance: np.random.Generator) -> tuple[View, Curves]:
    """A view that has all landmarks in the picture, and the curves in it."""
    side = spec.size_px
    yaw, pitch, roll, size, right, down = np.clip(chance.normal(0, 0.5, 6), -1, 1).tolist()
    turn = spec.pose_deg
    view = View(yaw * turn, pitch * turn / 2, roll * turn * 2 / 3, side * (0.328 + 0.016 * size), np.zeros(2))
    shape = curves_of(person, motion) | hair.hair_curves(person)
    joined = view.project(np.concatenate(list(shape.values())))
    parts = np.split(joined, np.cumsum([len(p) for p in shape.values()])[:-1])
    curves = dict(zip(shape, parts, strict=True))
    points = landmarks_of(curves)
    low, high = points.min(0), points.max(0)
    wanted = side * np.array((0.5 + 0.02 * right, 0.575 + 0.02 * down)) - (low + high) / 2
    shift = np.clip(wanted, side * _EDGE - low, side * (1 - _EDGE) - high)
    return dataclasses.replace(view, shift=shift), {name: part + shift for name, part in curves.items()}


def _painted(sitter: Sitter, view: View, size_px: int, light: Lamp, chance: np.random.Generator) -> NDArray[np.float32]:
    """(S, S, 3) colours of the lit head before its background, nothing over it yet."""
    canvas = Canvas(size_px)
    capture.paint_background(canvas, chance)
    hair.paint_behind(canvas, sitter)
    features.paint_skin(canvas, sitter)
    features.paint_nose(canvas, sitter)
    hair.paint_beard(canvas, sitter)
    features.paint_mouth(canvas, sitter)
    features.paint_eyes(canvas, sitter)
    features.paint_brows(canvas, sitter)
    hair.paint_hair(canvas, sitter)
    hair.paint_glasses(canvas, sitter)
    colours = canvas.picture().astype(np.float32)
    names = ("head", "right ear", "left ear", "neck", "clothes", "hair", "back", "bun")
    figure = filled(size_px, *(sitter.curves[n] for n in names if n in sitter.curves))
    centre = view.project(np.array([[0.0, -0.05, 0.0]]))[0]
    factors = light_on(sitter, size_px, view.roll_deg, centre, light) * features.blush(sitter, size_px)
    weight = figure.astype(np.float32)[..., None] / 255
    return np.asarray(colours * (1 + (factors - 1) * weight), np.float32)

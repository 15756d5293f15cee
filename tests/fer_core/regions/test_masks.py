"""Region masks: they tile the picture, and each region lies where the face's frame says."""

import numpy as np
import pytest

from fer_core.data.schematic import LANDMARK_NAMES, SchematicSpec, draw_face
from fer_core.errors import DataError
from fer_core.regions import REGIONS, FacePoints, region_masks
from fer_core.regions.masks import sums
from fer_core.regions.outlines import outlines

# Eyes 0.4 of the side apart at 0.4 of its height, the mouth 0.3 below: across is (0.4, 0), down is (0, 0.3).
LEVEL = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.56), (0.38, 0.7), (0.62, 0.7)])
SPEC = SchematicSpec(seed=3, subjects=3, per_subject_and_class=1, size_px=64, occlusion=0.0)


def turned(five: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    return (five - 0.5) @ turn + 0.5


def at(labels: np.ndarray, x: float, y: float) -> str:
    side = len(labels)
    return REGIONS[labels[int(y * side), int(x * side)]]


@pytest.mark.parametrize(
    ("inner", "region"),
    [
        ((-0.5, 0.0), "eyes"),
        ((0.5, 0.0), "eyes"),
        ((-0.5, -0.3), "brows"),
        ((0.0, -0.25), "brows"),
        ((0.0, 0.5), "nose"),
        ((0.0, 1.05), "mouth"),
        ((0.3, 1.0), "mouth"),  # its corner
        ((-0.75, 0.6), "cheeks"),
        ((0.0, -0.8), "forehead"),
        ((0.0, 1.5), "chin"),
        ((1.2, 0.0), "outside"),
        ((0.0, 1.8), "outside"),
    ],
)
@pytest.mark.parametrize("degrees", [0, 25])
def test_each_region_lies_where_the_frame_says(inner: tuple[float, float], region: str, degrees: float) -> None:
    places = np.array([(0.5 + 0.4 * inner[0], 0.4 + 0.3 * inner[1])])
    x, y = turned(places, degrees)[0]
    masks = region_masks([FacePoints(turned(LEVEL, degrees))], 100)
    assert at(masks.labels[0], x, y) == region


def test_frame_by_hand() -> None:
    frame = FacePoints(LEVEL).frame
    np.testing.assert_allclose(frame.origin, (0.5, 0.4))
    np.testing.assert_allclose(
        frame.of(np.array([(0.7, 0.4), (0.5, 0.7), (0.5, 0.1)])), [(0.5, 0), (0, 1), (0, -1)], atol=1e-12
    )
    np.testing.assert_allclose(frame.place(np.array([(0.25, 0.5)])), [(0.6, 0.55)])


def test_masks_tile_the_picture() -> None:
    rng = np.random.default_rng(0)
    faces = [FacePoints(turned(LEVEL, a) + rng.normal(0, 0.02, (5, 2))) for a in (-40, 0, 30)]
    drawn = [draw_face(SPEC, i) for i in range(7)]
    faces += [FacePoints(f.landmarks[:5] / 64, dict(zip(LANDMARK_NAMES, f.landmarks / 64, strict=True))) for f in drawn]
    masks = region_masks(faces, 48)
    every = np.stack([masks.mask(region) for region in REGIONS])
    assert (every.sum(0) == 1).all()
    np.testing.assert_allclose(masks.areas(), every.mean((2, 3)).T)
    np.testing.assert_allclose(masks.areas().sum(1), 1)


def in_polygon(polygon: np.ndarray, x: float, y: float) -> bool:
    """Crossings of a ray to the right."""
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


@pytest.mark.parametrize("region", ["eyes", "mouth"])
def test_pixels_are_those_whose_centre_lies_in_the_outline(region: str) -> None:
    points = FacePoints(turned(LEVEL, 10))
    mask = region_masks([points], 60).mask(region)[0]
    polygons = outlines(points)[region]
    expected = np.array(
        [[any(in_polygon(p, (c + 0.5) / 60, (r + 0.5) / 60) for p in polygons) for c in range(60)] for r in range(60)]
    )
    # The few pixels whose centre lies within a twentieth of a pixel of the outline may fall to either side.
    assert (mask != expected).sum() <= 0.06 * expected.sum()
    assert expected.sum() > 60


def test_sums_by_hand() -> None:
    labels = np.array([[[0, 0], [3, 7]], [[1, 1], [1, 1]]], np.uint8)
    values = np.array([[[1, 2], [4, 8]], [[1, 1], [1, 2]]], np.float32)
    expected = np.zeros((2, 8))
    expected[0, [0, 3, 7]] = (3, 4, 8)
    expected[1, 1] = 5
    np.testing.assert_array_equal(sums(values, labels), expected)


def test_a_turned_head_takes_its_nose_along() -> None:
    shifted = LEVEL.copy()
    shifted[2, 0] += 0.08
    level, turned_head = region_masks([FacePoints(LEVEL), FacePoints(shifted)], 100).mask("nose")
    column = np.arange(100) + 0.5
    rows = slice(54, 60)  # around the tip, which has moved by 8 pixels, with their middle at 57
    assert (level[rows] @ column / level[rows].sum(1)).mean() == pytest.approx(50, abs=0.3)
    # The nose's sides run straight from the bridge (0.6 pixels above the eyes) to the wings.
    moved = 8 * (57 - 39.4) / (59.8 - 39.4)
    assert (turned_head[rows] @ column / turned_head[rows].sum(1)).mean() == pytest.approx(50 + moved, abs=0.3)


def test_full_landmarks_find_the_drawn_regions_better_than_five_points() -> None:
    drawn = [draw_face(SPEC, i) for i in range(len(SPEC))]
    five = [FacePoints(f.landmarks[:5] / 64) for f in drawn]
    full = [FacePoints(f.landmarks[:5] / 64, dict(zip(LANDMARK_NAMES, f.landmarks / 64, strict=True))) for f in drawn]
    overlaps = {}
    for name, faces in (("five", five), ("full", full)):
        masks = region_masks(faces, 64)
        for region in ("brows", "eyes", "nose", "mouth"):
            true, found = np.stack([f.region_masks[region] for f in drawn]), masks.mask(region)
            overlaps[name, region] = (true & found).sum() / (true | found).sum()
    assert all(overlaps["full", region] > overlaps["five", region] for region in ("brows", "eyes", "nose", "mouth"))
    assert min(overlaps["full", region] for region in ("eyes", "nose", "mouth")) > 0.6
    assert min(overlaps["five", region] for region in ("eyes", "nose", "mouth")) > 0.4


def test_mistakes_are_told() -> None:
    with pytest.raises(DataError, match="five points"):
        FacePoints(np.zeros((4, 2)))
    with pytest.raises(DataError, match="one line"):
        FacePoints(np.array([(0.1, 0.5), (0.9, 0.5), (0.5, 0.5), (0.4, 0.5), (0.6, 0.5)]))
    masks = region_masks([], 48)
    assert masks.labels.shape == (0, 48, 48)
    assert masks.areas().shape == (0, 8)
    assert masks.source_counts() == {}
    with pytest.raises(DataError, match="no region 'ear'"):
        masks.mask("ear")
    with pytest.raises(DataError, match="0 pixels"):
        region_masks([], 0)

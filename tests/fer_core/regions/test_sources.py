"""Where points are from: the best source first, told with each face, and no face dropped."""

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.data.schematic import LANDMARK_NAMES, SchematicSpec, draw_face, schematic_samples
from fer_core.errors import DataError
from fer_core.faces import Face
from fer_core.regions import DetectedPoints, FacePoints, KnownPoints, MeanFace, find_regions
from fer_core.regions.measure import sources_for
from fer_core.regions.sources import MEAN_FACE

FIVE = np.array([(30, 40), (70, 40), (50, 56), (38, 70), (62, 70)], np.float32)
BOX = (20.0, 20.0, 60.0, 60.0)


class Given:
    """A detector that finds what it is told to."""

    name = "given"

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def detect(self, image: np.ndarray) -> list[Face]:
        assert image.ndim == 3
        return self.faces


def grey(height: int = 100, width: int = 100) -> np.ndarray:
    return np.zeros((height, width), np.uint8)


def test_detected_points_are_fractions_of_the_crop() -> None:
    points = DetectedPoints(Given(Face(BOX, 0.9, FIVE))).find([grey(80, 120)], ["a"])[0]
    np.testing.assert_allclose(points.five[[0, 4]], [(30 / 120, 40 / 80), (62 / 120, 70 / 80)], rtol=1e-6)


@pytest.mark.parametrize(
    "face",
    [
        Face(BOX, 0.69, FIVE),  # unsure
        Face((60, 20, 40, 60), 0.9, FIVE),  # its centre lies 30 pixels from the middle of 100
        Face(BOX, 0.9, FIVE[[3, 4, 2, 0, 1]]),  # the mouth above the eyes
        Face(BOX, 0.9, FIVE * (1, 0.3)),  # the mouth 9 pixels below eyes that are 40 apart
        Face(BOX, 0.9, None),
    ],
)
def test_faces_that_do_not_count(face: Face) -> None:
    assert DetectedPoints(Given(face)).find([grey()], ["a"]) == [None]


def test_the_face_nearest_to_the_middle_counts() -> None:
    near, far = Face((18, 20, 60, 60), 0.75, FIVE), Face((32, 20, 60, 60), 0.99, FIVE + 10)
    points = DetectedPoints(Given(far, near)).find([grey()], ["a"])[0]
    np.testing.assert_allclose(points.five, FIVE / 100, rtol=1e-6)


def test_the_best_source_goes_first_and_is_told() -> None:
    spec = SchematicSpec(seed=5, subjects=3, per_subject_and_class=1, size_px=48)
    drawn = schematic_samples(spec)
    known = KnownPoints.of_truth(drawn.truth)
    faces = [*drawn.samples.faces()[:2], grey(), grey(48, 96)]
    ids = [*drawn.samples.table["sample_id"].to_pylist()[:2], "x", "y"]
    masks = find_regions(faces, 48, (known, MeanFace()), ids)
    assert masks.sources == ("known landmarks", "known landmarks", "mean face", "mean face")
    assert masks.source_counts() == {"known landmarks": 2, "mean face": 2}
    np.testing.assert_allclose(masks.points[1].five * 48, draw_face(spec, 1).landmarks[:5], atol=1e-3)
    np.testing.assert_allclose(masks.points[0].full["chin"] * 48, draw_face(spec, 0).landmark("chin"), atol=1e-3)
    np.testing.assert_array_equal(masks.points[3].five, MEAN_FACE)


def test_a_mean_face_can_be_fitted() -> None:
    faces = [FacePoints(FIVE / 100 + shift) for shift in (0, 0.02, 0.1)]
    fitted = MeanFace.fitted([*faces, None]).find([grey()], [""])[0]
    np.testing.assert_allclose(fitted.five, FIVE / 100 + 0.02)  # the median, not the mean
    with pytest.raises(DataError, match="No face has points"):
        MeanFace.fitted([None])


def test_the_mean_face_is_the_data_sets_own(monkeypatch: pytest.MonkeyPatch, drawn: SampleTable) -> None:
    detected = DetectedPoints(Given(Face((10, 10, 28, 28), 0.9, FIVE * 0.48 + (0, 2))))
    monkeypatch.setattr("fer_core.regions.measure.named_sources", lambda _: (detected, MeanFace()))
    first, mean = sources_for(drawn)
    assert first is detected
    np.testing.assert_allclose(mean.find([grey()], [""])[0].five, (FIVE * 0.48 + (0, 2)) / 48, rtol=1e-5)
    _, usual = sources_for(SampleTable(drawn.table.slice(0, 9), drawn.classes))  # too few to make one of
    np.testing.assert_array_equal(usual.find([grey()], [""])[0].five, MEAN_FACE)


def test_mistakes_are_told() -> None:
    with pytest.raises(DataError, match=r"of face b \(sources: known landmarks\)"):
        find_regions([grey()], 48, (KnownPoints({}),), ["b"])
    with pytest.raises(DataError, match=rf"not \({len(LANDMARK_NAMES)}, 2\)"):
        KnownPoints({"a": np.zeros((68, 2))}).find([grey()], ["a"])
    assert len(find_regions([], 48, (MeanFace(),))) == 0

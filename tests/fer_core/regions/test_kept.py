"""Means by class, and reports that are kept."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain import Explainer
from fer_core.regions import REGIONS, MeanFace
from fer_core.regions.kept import by_deviance, by_share, extremes, keep, kept_reports
from fer_core.regions.means import ClassMeans
from fer_core.regions.measure import Asked, attribute
from fer_core.regions.report import report


def test_means_by_hand() -> None:
    means = ClassMeans(3, 2)
    maps = np.zeros((3, 2, 2), np.float32)
    maps[0, 0, 0], maps[1, 1, 1] = 10, 1
    means.add(maps, np.stack([np.full((2, 2), v, np.float32) for v in (10, 20, 60)]), np.array([0, 0, 0]))
    means.add(maps[:1], np.full((1, 2, 2), 7, np.float32), np.array([2]))
    means.add(maps[:1], np.full((1, 2, 2), 99, np.float32), np.array([-1]))
    np.testing.assert_allclose(means.maps()[0], [[0.5, 0], [0, 0.5]])  # the third map is zero, and is not counted
    np.testing.assert_allclose(means.faces()[[0, 2], 0, 0], [30, 7])
    assert np.isnan(means.maps()[1]).all()
    assert np.isnan(means.faces()[1]).all()


FACES = {
    "share": np.array([[0.1, 0.9], [0.5, 0.5], [0.3, 0.7], [np.nan, np.nan], [1, 0]]).repeat(4, 1)[:, ::1] / 4,
    "labels": np.array([1, 1, 1, 1, 0]),
    "classes": np.array(["angry", "fear"]),
}


def test_faces_behind_a_number_and_typical_ones_by_hand() -> None:
    assert by_share(FACES, "fear", REGIONS[0]).tolist() == [1, 2, 0]
    assert by_share(FACES, "fear", REGIONS[7]).tolist() == [0, 2, 1]
    # The mean share of fear is 0.3 and 0.7: the third face has just that.
    assert by_deviance(FACES, "fear").tolist()[0] == 2
    assert by_deviance(FACES, "angry").tolist() == [4]


@pytest.mark.parametrize(
    ("n", "typical", "deviant"),
    [(0, [], []), (1, [0], []), (5, [0, 1, 2], [4, 3]), (8, [0, 1, 2], [7, 6, 5])],
)
def test_no_face_is_both_typical_and_deviant(n: int, typical: list[int], deviant: list[int]) -> None:
    assert extremes(range(n), 3) == (typical, deviant)


def test_a_report_is_kept_and_found(make_checkpoint: Callable[..., Any], few: SampleTable) -> None:
    explainer = Explainer(make_checkpoint())
    samples = few.split("validation")
    found = attribute(explainer, samples, sources=(MeanFace(),))
    folder = keep(report(found, explainer.layers(), how=Resampling(50)), "few", "validation", "a/b c")
    (kept,) = kept_reports("few")
    assert kept.folder == folder
    assert kept.title == f"validation, random, gradcam at {found.layer}"
    assert kept_reports("other") == []
    faces = kept.faces()
    np.testing.assert_allclose(faces["share"], found.share, rtol=1e-6)
    assert tuple(faces["sample_ids"]) == found.sample_ids
    own = np.stack(samples.faces())[found.labels == 3].mean(0)
    np.testing.assert_allclose(faces["mean_faces"][3], own, rtol=1e-5)
    np.testing.assert_allclose(faces["mean_maps"].sum((1, 2)), 1, rtol=1e-4)
    assert kept.told["n"] == 14

    (folder / "faces.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="make the report again"):
        kept.faces()
    (folder / "report.json").write_text("{")
    assert kept_reports("few") == []


def test_what_was_asked_is_kept_and_no_other_question_is_replaced(
    make_checkpoint: Callable[..., Any], few: SampleTable
) -> None:
    explainer = Explainer(make_checkpoint())
    samples = few.split("validation")
    for explained, points in (("predicted", "network"), ("label", "network"), ("label", "mean"), ("label", "mean")):
        found = attribute(explainer, samples, Asked(explained=explained), sources=(MeanFace(),))
        keep(report(found, explainer.layers(), how=Resampling(50)), "few", "validation", "random", points)
    kept = kept_reports("few")
    usual = f"validation, random, gradcam at {kept[0].told['layer']}"
    assert [one.title for one in kept] == [
        f"{usual}, explaining the label, points from mean", f"{usual}, explaining the label", usual
    ]  # fmt: skip
    assert [(one.told["explained"], one.told["points"]) for one in kept] == [
        ("label", "mean"), ("label", "network"), ("predicted", "network")
    ]  # fmt: skip

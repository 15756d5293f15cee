"""Corruptions in their units, and a model under them."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.stats import binomtest

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.metrics import score
from fer_core.evaluate.robustness import CORRUPTIONS, PICTURES, corrupted, most_within, robustness
from fer_core.predict import Predictor

CHANCE = np.random.default_rng(0)
GREY = CHANCE.integers(60, 200, (48, 48), dtype=np.uint8)
COLOUR = CHANCE.integers(60, 200, (40, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", list(CORRUPTIONS))
@pytest.mark.parametrize("face", [GREY, COLOUR], ids=["grey", "colour"])
def test_clean_changes_nothing_and_more_changes_more(name: str, face: Any) -> None:
    how, before = CORRUPTIONS[name], face.copy()
    np.testing.assert_array_equal(corrupted(face, name, how.clean), face)
    apart = []
    for severity in how.severities:
        spoilt = corrupted(face, name, severity, place=3)
        assert (spoilt.shape, spoilt.dtype) == (face.shape, np.uint8)
        np.testing.assert_array_equal(spoilt, corrupted(face, name, severity, place=3))
        apart.append(float(np.abs(spoilt.astype(float) - face).mean()))
    assert apart[0] > 0
    assert name == "rotation" or apart == sorted(apart)
    np.testing.assert_array_equal(face, before)


def test_units() -> None:
    flat = np.full((200, 200), 128, dtype=np.uint8)
    assert corrupted(flat, "noise", 16).astype(float).std() == pytest.approx(16, rel=0.03)
    assert corrupted(flat, "darker", -40).mean() == 88
    assert corrupted(flat, "brighter", 200).mean() == 255
    assert (corrupted(flat, "noise", 8, 1) != corrupted(flat, "noise", 8, 2)).any()
    assert corrupted(GREY, "contrast", 0.4).std() == pytest.approx(0.4 * GREY.std(), rel=0.01)
    hidden = corrupted(np.zeros((48, 48), np.uint8), "occlusion", 12)
    assert int((hidden == 128).sum()) == 144
    assert corrupted(np.zeros((20, 20), np.uint8), "occlusion", 24).min() == 128
    dot = np.zeros((101, 101), np.uint8)
    dot[50, 50] = 255
    wide = corrupted(cv2.GaussianBlur(dot, (0, 0), 3) * 10, "blur", 4).astype(float)
    places = np.arange(101) - 50
    narrow = (cv2.GaussianBlur(dot, (0, 0), 3) * 10).astype(float)
    before, after = ((v.sum(0) @ places**2) / v.sum() for v in (narrow, wide))
    assert after - before == pytest.approx(16, rel=0.15)  # variances add: 4 squared


def test_a_rotation_turns_by_its_degrees() -> None:
    bar = np.zeros((101, 101), np.uint8)
    bar[48:53, 20:90] = 255
    turned = corrupted(bar, "rotation", 30).astype(float)
    y, x = np.mgrid[:101, :101]
    w = turned / turned.sum()
    x0, y0 = (w * x).sum(), (w * y).sum()
    angle = 0.5 * np.arctan2(2 * (w * (x - x0) * (y - y0)).sum(), (w * ((x - x0) ** 2 - (y - y0) ** 2)).sum())
    assert abs(np.degrees(angle)) == pytest.approx(30, abs=1)


def test_colours_stay_in_their_order() -> None:
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 200
    assert corrupted(red, "jpeg", 80)[..., 0].mean() > 180
    assert corrupted(red, "jpeg", 80)[..., 2].mean() < 20


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="no corruption 'fog'"):
        corrupted(GREY, "fog", 1)
    with pytest.raises(DataError, match="jpeg has a severity of 1 to 101"):
        corrupted(GREY, "jpeg", 0)


def test_a_model_under_corruption(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    predictor, samples = Predictor(make_checkpoint()), drawn.split("test")
    faces, labels = samples.faces(), samples.label_indices()
    seen: list[tuple[int, int]] = []
    found = robustness(predictor, faces, labels, ["noise", "jpeg"], progress=lambda *at: seen.append(at))
    assert seen[-1] == (28 * 11, 28 * 11)
    assert [r.corruption for r in found] == ["noise", "jpeg"]
    assert found[1].severities == (101, 80, 50, 30, 15, 5)
    assert found[0].scores[0].accuracy == found[1].scores[0].accuracy
    spoilt = [corrupted(face, "noise", 32, i) for i, face in enumerate(faces)]
    expected = score(predictor.probabilities(spoilt), labels, predictor.classes)
    assert found[0].accuracy[4] == expected.accuracy
    assert found[0].recall["sad"][4] == expected.per_class["sad"].recall

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        robustness(predictor, faces, labels, ["blur"], progress=stop)


def test_no_faces(make_checkpoint: Callable[..., Any]) -> None:
    [found] = robustness(Predictor(make_checkpoint()), [], np.zeros(0, dtype=np.int64), ["blur"])
    assert found.scores[-1].n == 0
    assert np.isnan(found.accuracy).all()


def test_as_many_faces_as_the_time_allows_by_hand() -> None:
    assert PICTURES == 1 + 8 * 5
    labels = np.repeat([0, 1, 2], [30, 200, 1000])
    # 10 ms a face: 180 s are 18,000 answers, 439 faces; at most 104 of each are 30 + 104 + 104 = 238,
    # 200 are 430, 209 are 30 + 200 + 209 = 439, and one more would be 440.
    assert most_within(labels, 10.0) == 209
    assert most_within(labels, 0.01) == 1000  # all of them
    assert most_within(labels, 1000.0) == 50  # the fewest that say anything
    assert most_within(labels, None) == 60  # 30 + 60 + 60 is three times fifty
    assert most_within(np.zeros(0, dtype=np.int64), 10.0) == 0


def test_each_share_has_wilsons_interval_and_its_faces(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    samples = drawn.split("test")
    [found] = robustness(Predictor(make_checkpoint()), samples.faces(), samples.label_indices(), ["blur"])
    told = found.as_json()
    assert told["n_of_class"] == dict.fromkeys(found.scores[0].classes, 4)
    for accuracy, bounds in zip(told["accuracy"], told["accuracy_interval"], strict=True):
        expected = binomtest(round(28 * accuracy), 28).proportion_ci(method="wilson")
        assert bounds == pytest.approx([expected.low, expected.high], abs=1e-9)
    expected = binomtest(round(4 * told["recall"]["sad"][2]), 4).proportion_ci(method="wilson")
    assert told["recall_interval"]["sad"][2] == pytest.approx([expected.low, expected.high], abs=1e-9)

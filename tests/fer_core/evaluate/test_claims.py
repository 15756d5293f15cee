"""Claims: each verdict with its arithmetic."""

import numpy as np
import pytest

from fer_core.errors import DataError
from fer_core.evaluate.claims import CLAIMS, Claim, binary_accuracy, judge


def of(recipe: str, value: float) -> Claim:
    return next(c for c in CLAIMS if c.recipe == recipe and c.value == value)


def test_binary_accuracy_against_counting_every_element() -> None:
    """1,000 samples of 7 classes, 85 found, 40 others wrongly said: counted in full."""
    truth = np.zeros((1000, 7), dtype=bool)
    truth[np.arange(1000), np.arange(1000) % 7] = True
    said = np.zeros_like(truth)
    said[np.arange(85), np.arange(85) % 7] = True
    said[np.arange(500, 540), (np.arange(500, 540) + 1) % 7] = True
    assert binary_accuracy(7, 85 / 1000, 85 / 125) == pytest.approx(float((truth == said).mean()), rel=1e-12)
    assert binary_accuracy(7, 0) == pytest.approx(6 / 7)


def test_the_86_percent_are_element_wise() -> None:
    found = judge(of("fer2013-resnet50-partial", 0.863))
    assert found.verdict == "cannot stand"
    assert found.doubts[0].name == "binary accuracy"
    assert "(7 - 1) / 7 = 0.857" in found.doubts[0].words
    assert "= 0.863, and 0.863 is claimed" in found.doubts[0].words
    assert found.interval == pytest.approx((0.855, 0.871), abs=1e-3)


def test_persons_and_copies_in_both_splits() -> None:
    plain, doubled = judge(of("kdef-vgg16", 0.7633)), judge(of("kdef-vgg16", 0.8714))
    assert [d.name for d in plain.doubts if d.fatal] == ["subject leakage"]
    assert [d.name for d in doubled.doubts if d.fatal] == ["subject leakage", "copies across the split"]
    fine = judge(Claim("x", "KDEF", 0.7, n=700 * 10, splitting="by subject", several_pictures_of_a_subject=True))
    assert fine.verdict == "can stand"


def test_twins_interval_and_our_reproduction() -> None:
    found = judge(of("fer2013-resnet50-fc", 0.64), ours=0.61, ours_n=3589)
    assert found.verdict == "to be doubted"
    words = {d.name: d.words for d in found.doubts}
    assert "(0.640 - 0.08) / (1 - 0.08) = 0.609" in words["twins across splits"]
    assert "measured on validation" in words
    assert found.interval == pytest.approx((0.624, 0.656), abs=1e-3)
    assert found.against == "Ours: 0.610 [0.594, 0.626] on 3,589 samples; the claimed 0.640 lies above its interval."


def test_over_fitting_and_few_samples() -> None:
    found = judge(of("fec-cnn-sweep", 0.35))
    assert "a gap of 53 points" in next(d.words for d in found.doubts if d.name == "over-fitted")
    assert any(d.name == "chosen on the same samples" for d in found.doubts)
    few = judge(Claim("paper", "set", 0.6, n=55, metric="accuracy"))
    assert few.doubts[0].words == "0.600 on 55 samples is [0.468, 0.719]."


def test_a_claim_of_a_user() -> None:
    assert judge(Claim("paper", "set", 0.853, n=10_000)).doubts[0].name == "binary accuracy"
    assert judge(Claim("paper", "set", 0.853, n=10_000, metric="accuracy")).verdict == "can stand"
    assert judge(Claim("paper", "set", 0.70, n=10_000, metric="binary accuracy")).verdict == "cannot stand"
    with pytest.raises(DataError, match=r"not 86\.3; 86\.3 % is 0\.863"):
        Claim("paper", "set", 86.3)
    with pytest.raises(DataError, match="2 classes or more"):
        Claim("paper", "set", 0.5, classes=1)


def test_the_baseline_of_one_linear_layer_and_the_efficientnet_are_no_other_networks() -> None:
    """Each claim of a network names a recipe, with its settings, that gives that very network."""
    by_source = {claim.source: claim for claim in CLAIMS}
    linear, dense = by_source["ResNet-50, one linear layer"], by_source["ResNet-50, fully connected"]
    assert (linear.recipe, linear.settings) == ("fer2013-resnet50-fc", ("model.arguments={hidden: []}",))
    assert (dense.recipe, dense.settings) == ("fer2013-resnet50-fc", ())
    assert by_source["EfficientNet on Facial Emotion Expressions"].recipe == "fec-efficientnet"


def test_every_claim_is_judged_and_every_doubt_has_words() -> None:
    assert len(CLAIMS) == 16
    for claim in CLAIMS:
        found = judge(claim)
        assert found.verdict in {"cannot stand", "to be doubted"}
        assert all(len(d.words) > 40 and d.words.endswith(".") for d in found.doubts)
        assert [d.fatal for d in found.doubts] == sorted((d.fatal for d in found.doubts), reverse=True)

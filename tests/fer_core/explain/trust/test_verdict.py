"""What is thought of methods whose figures are known."""

import numpy as np
import pytest

from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain.trust import CENTRE, RANDOM
from fer_core.explain.trust.verdict import Verdict, judged

N = 40
CHANCE = np.random.default_rng(0).normal(0, 0.05, N)


def verdict(n: int = N, class_specific: bool = True, **changes: float) -> Verdict:
    figures = {"road": 0.3, "deletion, blur": 0.2, "insertion, blur": 0.6, "randomised": 0.1, "stability": 0.9}
    own = {name: value + CHANCE[:n] for name, value in (figures | changes).items()}
    random = {
        name: np.full(n, value) for name, value in (("road", 0), ("deletion, blur", 0.4), ("insertion, blur", 0.4))
    }
    centre = random | {"road": np.full(n, 0.1)}
    return judged("m", own, {RANDOM: random, CENTRE: centre}, Resampling(300), class_specific=class_specific)


def test_a_method_that_passes_everything_is_sound() -> None:
    found = verdict()
    assert found.state == "sound"
    assert found.reasons == ()
    assert len(found.checks) == 6


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"road": 0.0}, "failed", "ROAD is not surely better than that of a random map: by"),
        ({"road": 0.05}, "doubtful", "ROAD is not surely better than that of a centre Gaussian"),
        ({"deletion, blur": 0.5}, "doubtful", "Deletion, blurred is not surely better"),
        ({"randomised": 0.8}, "failed", "With all weights shuffled the map stays much the same: rank correlation 0.8"),
        ({"stability": 0.2}, "doubtful", "does not move with a face shifted a little"),
    ],
)
def test_a_method_that_fails_one_check_says_which(changes: dict[str, float], state: str, reason: str) -> None:
    found = verdict(**changes)
    assert found.state == state
    assert any(reason in told for told in found.reasons)


def test_a_map_of_no_class_is_doubtful_and_few_faces_decide_nothing() -> None:
    assert verdict(class_specific=False).state == "doubtful"
    assert verdict(n=9).state == "undecided"
    assert verdict(n=9).as_json()["state"] == "undecided"


def test_a_map_that_becomes_constant_with_the_weights_is_gone() -> None:
    assert verdict(randomised=float("nan")).state == "sound"

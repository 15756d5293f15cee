"""Losses and class weights by hand."""

import math

import numpy as np
import pytest
import torch

from fer_core.errors import DataError
from training.losses import class_weights, loss_of
from training.recipe import LossSpec

CLASSES = ("angry", "happy", "sad")
LABELS = torch.tensor([0] * 6 + [1] * 3 + [2] * 1)
HALF_AND_QUARTERS = torch.tensor([[math.log(0.5), math.log(0.25), math.log(0.25)]] * 2)
FIRST_AND_SECOND = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])


def weights(**spec: object) -> list[float]:
    found = class_weights(LossSpec(**spec), LABELS, CLASSES)  # type: ignore[arg-type]
    assert found is not None
    assert found.dtype == torch.float32
    return found.tolist()


def test_balanced_by_hand() -> None:
    assert weights(class_weights="balanced") == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert sum(w * n for w, n in zip(weights(class_weights="balanced"), (6, 3, 1), strict=True)) == pytest.approx(10)


def test_effective_number_by_hand() -> None:
    # beta 0.5: (1 - 0.5) / (1 - 0.5^n) is 32/63, 4/7 and 1; brought to the sum of 3.
    raw = [0.5 / (1 - 0.5**n) for n in (6, 3, 1)]
    assert raw == pytest.approx([32 / 63, 4 / 7, 1])
    found = weights(class_weights="effective-number", effective_beta=0.5)
    assert found == pytest.approx([3 * r / sum(raw) for r in raw])
    assert weights(class_weights="effective-number", effective_beta=0) == pytest.approx([1, 1, 1])
    # Towards beta 1 the weights become those of the inverse number, 1/6 : 1/3 : 1.
    near = weights(class_weights="effective-number", effective_beta=1 - 1e-9)
    assert near == pytest.approx([3 * r / 1.5 for r in (1 / 6, 1 / 3, 1)], rel=1e-5)


def test_weights_by_name() -> None:
    assert weights(class_weights={"sadness": 4, "angry": 0.5}) == [0.5, 1, 4]
    assert class_weights(LossSpec(), LABELS, CLASSES) is None


@pytest.mark.parametrize("how", ["balanced", "effective-number"])
def test_a_class_without_samples(how: str) -> None:
    with pytest.raises(DataError, match=f"{how} needs samples of every class, but .* has none of fear"):
        class_weights(LossSpec(class_weights=how), LABELS, (*CLASSES, "fear"))  # type: ignore[arg-type]


def test_cross_entropy_by_hand() -> None:
    found = loss_of(HALF_AND_QUARTERS, FIRST_AND_SECOND, LossSpec())
    assert found.item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    weighted = loss_of(HALF_AND_QUARTERS, FIRST_AND_SECOND, LossSpec(), torch.tensor([3.0, 0.5, 7]))
    assert weighted.item() == pytest.approx((3 * math.log(2) + 0.5 * math.log(4)) / 2)  # by number, not by weight
    soft = torch.tensor([[0.5, 0.25, 0.25]] * 2)
    assert loss_of(HALF_AND_QUARTERS, soft, LossSpec()).item() == pytest.approx(1.5 * math.log(2))


def test_focal_loss_by_hand() -> None:
    spec = LossSpec(name="focal", focal_gamma=2)
    # (1 - 1/2)^2 log 2 and (1 - 1/4)^2 log 4.
    expected = (0.25 * math.log(2) + 0.5625 * math.log(4)) / 2
    assert loss_of(HALF_AND_QUARTERS, FIRST_AND_SECOND, spec).item() == pytest.approx(expected, rel=1e-5)
    weighted = loss_of(HALF_AND_QUARTERS, FIRST_AND_SECOND, spec, torch.tensor([3.0, 0.5, 7])).item()
    assert weighted == pytest.approx((3 * 0.25 * math.log(2) + 0.5 * 0.5625 * math.log(4)) / 2, rel=1e-5)
    soft = torch.tensor([[0.5, 0.5, 0]] * 2)
    assert loss_of(HALF_AND_QUARTERS, soft, spec).item() == pytest.approx(expected, rel=1e-5)


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    chance = np.random.default_rng(0)
    logits = torch.from_numpy(chance.normal(0, 3, (20, 5)))
    targets = torch.from_numpy(chance.dirichlet(np.ones(5), 20))
    plain = loss_of(logits, targets, LossSpec()).item()
    assert loss_of(logits, targets, LossSpec(name="focal", focal_gamma=0)).item() == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 5.0])
def test_a_certain_answer_has_a_slope(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0, 0], [-200, 0, 0]], requires_grad=True)
    loss_of(logits, torch.tensor([[1.0, 0, 0]] * 2), LossSpec(name="focal", focal_gamma=gamma)).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()

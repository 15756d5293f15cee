"""Mixup and CutMix: pixels and targets in the same shares."""

from typing import Any

import numpy as np
import pytest
import torch

from training.mixing import mix, rectangle
from training.recipe import AugmentSpec

N = 6
FACES = torch.arange(1.0, N + 1).view(N, 1, 1, 1).expand(N, 2, 20, 30).contiguous()  # face i has the value i + 1
TARGETS = torch.eye(N)


def mixed(seed: int, **spec: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return mix(FACES, TARGETS, AugmentSpec(**spec), np.random.default_rng(seed))


@pytest.mark.parametrize("spec", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 1.0, "cutmix": 1.0}])
def test_targets_have_the_shares_of_the_pixels(spec: dict[str, float]) -> None:
    """The mean of a face made of the values i and j, in the shares l and 1 - l, is l i + (1 - l) j: the target's."""
    values = torch.arange(1.0, N + 1)
    moved = 0
    for seed in range(30):
        pixels, targets = mixed(seed, **spec)
        torch.testing.assert_close(targets.sum(1), torch.ones(N))
        torch.testing.assert_close(pixels.mean((1, 2, 3)), targets @ values, rtol=1e-4, atol=1e-4)
        assert ((targets > 1e-6).sum(1) <= 2).all()
        moved += int((targets.diagonal() < 0.999).any())
    assert moved > 20


def test_mixup_adds_and_cutmix_replaces() -> None:
    pixels, targets = mixed(3, mixup=1.0)
    assert all(len(face.unique()) == 1 for face in pixels)
    kept = targets.diagonal()
    assert kept.max() - kept[kept < 0.999].min() < 1e-6 or kept.max() == 1  # one share for the whole batch
    pixels, _ = mixed(3, cutmix=1.0)
    assert all(set(face.unique().tolist()) <= set(range(1, N + 1)) for face in pixels)
    assert any(len(face.unique()) == 2 for face in pixels)


def test_shares_are_beta() -> None:
    """Of Beta(2, 2) the mean is 1/2 and the variance 1/20; a face that is mixed with itself keeps all of it."""
    shares = []
    for seed in range(600):
        _, targets = mixed(seed, mixup=2.0)
        kept = targets.diagonal()
        shares += kept[kept < 0.9999][:1].tolist()
    assert np.mean(shares) == pytest.approx(0.5, abs=0.04)
    assert np.var(shares) == pytest.approx(0.05, abs=0.01)


def test_nothing_is_mixed_unless_asked() -> None:
    for pixels, targets in (mixed(0), mixed(0, mixup=1.0, mix_probability=0)):
        assert pixels is FACES
        assert targets is TARGETS
    alone = mix(FACES[:1], TARGETS[:1], AugmentSpec(mixup=1.0), np.random.default_rng(0))
    assert torch.equal(alone[0], FACES[:1])


def test_as_many_batches_are_mixed_as_asked() -> None:
    share = np.mean([mixed(seed, cutmix=1.0, mix_probability=0.3)[0] is not FACES for seed in range(500)])
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 500) ** 0.5)


def test_what_was_given_is_left_alone_and_chance_repeats() -> None:
    before = FACES.clone()
    one, other = mixed(5, cutmix=1.0), mixed(5, cutmix=1.0)
    assert torch.equal(FACES, before)
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_rectangles_have_the_area_asked_for_or_are_cut_at_the_border() -> None:
    found = [rectangle(20, 30, 0.75, np.random.default_rng(seed)) for seed in range(300)]
    for top, bottom, left, right in found:
        assert 0 <= top <= bottom <= 20
        assert 0 <= left <= right <= 30
        assert (bottom - top) * (right - left) <= 150  # sides 10 and 15: a quarter of 600
    assert any((b - t) * (r - le) == 150 for t, b, le, r in found)
    assert any((b - t) * (r - le) < 150 for t, b, le, r in found)
    assert (
        rectangle(20, 30, 1.0, np.random.default_rng(0))[:2][0] == rectangle(20, 30, 1.0, np.random.default_rng(0))[1]
    )

"""RandAugment: each change by hand, and how often each is drawn."""

import math

import numpy as np
import pytest
import torch

from training.augment import augment
from training.randaugment import CHANGES, random_changes
from training.recipe import AugmentSpec

FACES = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (4, 3, 32, 32))).float()
WHOLE, HALF_BACK = torch.ones(4), torch.full((4,), -0.5)


def test_nothing_and_brightness_and_contrast() -> None:
    assert torch.equal(CHANGES["identity"](FACES, WHOLE), FACES)
    torch.testing.assert_close(CHANGES["brightness"](FACES, WHOLE), FACES * 1.9)
    torch.testing.assert_close(CHANGES["brightness"](FACES, HALF_BACK), FACES * 0.55)
    mean = FACES.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(CHANGES["contrast"](FACES, HALF_BACK), mean + 0.55 * (FACES - mean))


def test_sharpness_is_about_the_neighbours_mean() -> None:
    face = torch.zeros(1, 1, 5, 5)
    face[0, 0, 2, 2] = 90
    # The mean of the nine around each inner pixel is 10: the middle gets 10 + 1.9 * 80, its neighbours 10 - 1.9 * 10.
    found = CHANGES["sharpness"](face, torch.ones(1))
    assert found[0, 0, 2, 2].item() == pytest.approx(162)
    assert found[0, 0, 1, 1].item() == pytest.approx(-9)
    assert found[0, 0, 0, 0].item() == 0


def test_stretch_posterise_and_solarise() -> None:
    values = torch.tensor([10.0, 60, 110, 130]).view(1, 1, 2, 2)
    found = CHANGES["stretch"](values, torch.ones(1)).flatten()
    assert found.tolist() == pytest.approx([0, 50 * 255 / 120, 100 * 255 / 120, 255])
    blank = torch.full((1, 1, 2, 2), 9.0)
    assert torch.equal(CHANGES["stretch"](blank, torch.ones(1)), blank)
    assert CHANGES["posterise"](values, torch.ones(1)).flatten().tolist() == [0, 48, 96, 128]  # steps of 16
    assert CHANGES["posterise"](values, torch.full((1,), -0.5)).flatten().tolist() == [8, 60, 108, 128]  # steps of 4
    # At half the strength what is from 128 up is inverted.
    assert CHANGES["solarise"](values, torch.full((1,), 0.5)).flatten().tolist() == [10, 60, 110, 125]


def coordinates() -> torch.Tensor:
    row, column = np.mgrid[:33, :33] - 16.0
    return torch.from_numpy(np.stack([column, row])).float()[None]


@pytest.mark.parametrize(
    ("name", "strength", "x", "y"),
    [
        # Where the pixel at (4, 2) from the centre of 33 was taken from.
        ("translate-x", 1.0, 4 + 0.3 * 33, 2),
        ("translate-y", -0.5, 4, 2 - 0.15 * 33),
        ("shear-x", 1.0, 4 + 0.3 * 2, 2),
        ("shear-y", -1.0, 4, 2 - 0.3 * 4),
        ("rotate", 1.0, 4 * math.cos(math.pi / 6) - 2 * 0.5, 4 * 0.5 + 2 * math.cos(math.pi / 6)),
    ],
)
def test_moves_by_hand(name: str, strength: float, x: float, y: float) -> None:
    found = CHANGES[name](coordinates(), torch.tensor([strength]))[0, :, 16 + 2, 16 + 4]
    assert found.tolist() == pytest.approx([x, y], abs=1e-4)


def test_each_change_is_drawn_equally_often_in_both_directions() -> None:
    """A face of one value tells brightness, up and down; all other changes leave it, but for two."""
    faces = torch.full((6000, 1, 8, 8), 100.0)
    spec = AugmentSpec(random_ops=1, random_magnitude=5)
    found = random_changes(faces, spec, torch.Generator().manual_seed(0)).mean((1, 2, 3))
    share = 1 / len(CHANGES)
    for value, expected in ((145.0, share / 2), (55.0, share / 2), (100.0, 1 - share)):
        times = (found - value).abs().lt(0.01).float().mean().item()
        assert times == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 6000) ** 0.5)


def test_chance_repeats_and_the_range_is_kept() -> None:
    before = FACES.clone()
    spec = AugmentSpec(flip=0, random_ops=3, random_magnitude=10)
    one, other = (augment(FACES, spec, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, augment(FACES, spec, torch.Generator().manual_seed(4)))
    assert torch.equal(FACES, before)
    assert one.min() >= 0
    assert one.max() <= 255


def test_without_magnitude_little_happens() -> None:
    """Only the stretch has no strength; of these faces each channel has its full range already."""
    faces = FACES.clone()
    faces[:, :, 0, 0], faces[:, :, 0, 1] = 0, 255
    found = random_changes(faces, AugmentSpec(random_ops=4, random_magnitude=0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, faces, rtol=0, atol=1e-2)


def test_noise_has_the_deviation_asked_for() -> None:
    faces = torch.full((20, 1, 50, 50), 128.0)
    found = augment(faces, AugmentSpec(flip=0, noise=0.1), torch.Generator().manual_seed(0)) - 128
    assert found.std().item() == pytest.approx(25.5, rel=0.02)
    assert found.mean().item() == pytest.approx(0, abs=4 * 25.5 / 50_000**0.5)

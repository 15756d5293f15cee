"""Augmentation: measured on pictures that say where each of their pixels was."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.augment import augment
from training.recipe import AugmentSpec

NOTHING = {"flip": 0.0}
NOISE = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 3, 48, 48), dtype=np.uint8))


def changed(pixels: torch.Tensor, seed: int = 0, **strength: Any) -> torch.Tensor:
    return augment(pixels, AugmentSpec(**(NOTHING | strength)), torch.Generator().manual_seed(seed))


def coordinates(n: int, side: int = 48) -> torch.Tensor:
    """(n, 2, side, side): the first channel is the column, the second the row, from the centre, times two."""
    row, column = np.mgrid[:side, :side] * 2.0 - (side - 1)
    return torch.from_numpy(np.stack([column, row])).float().expand(n, 2, side, side)


def maps(moved: torch.Tensor) -> NDArray[np.float64]:
    """(n, 2, 3): for each face the affine map from a pixel of the result to where it was, in pixels from the centre.

    Fitted to the pixels that came from inside the picture; an exact fit shows that the map is affine.
    """
    n, _, side, _ = moved.shape
    here = coordinates(1, side)[0].numpy().reshape(2, -1).T / 2
    found = np.empty((n, 2, 3))
    for i in range(n):
        there = moved[i].numpy().reshape(2, -1).T.astype(np.float64) / 2
        inside = (np.abs(there) < side / 2 - 1).all(1)
        places = np.column_stack([here, np.ones(len(here))])[inside]
        solution, _, _, _ = np.linalg.lstsq(places, there[inside], rcond=None)
        assert np.abs(places @ solution - there[inside]).max() < 1e-3
        found[i] = solution.T
    return found


def test_nothing_changes_nothing() -> None:
    torch.testing.assert_close(changed(NOISE), NOISE.float(), rtol=0, atol=0)
    assert changed(NOISE).dtype == torch.float32


def test_the_same_chance_gives_the_same_faces() -> None:
    everything = {
        "flip": 0.5, "rotate_deg": 15, "shift": 0.08, "scale": 0.15, "contrast": 0.25, "brightness": 0.1, "erase": 0.3,
    }  # fmt: skip
    first = changed(NOISE, seed=4, **everything)
    torch.manual_seed(99)  # chance elsewhere does not matter
    assert torch.equal(changed(NOISE, seed=4, **everything), first)
    assert not torch.equal(changed(NOISE, seed=5, **everything), first)
    twice = changed(torch.cat([NOISE[:1]] * 2), seed=4, **everything)
    assert not torch.equal(twice[0], twice[1])  # each face has its own


def test_the_faces_given_are_left_alone() -> None:
    before = NOISE.clone()
    changed(NOISE, flip=1, erase=1, contrast=0.5, brightness=0.5, rotate_deg=30)
    assert torch.equal(NOISE, before)
    pixels = NOISE.float()
    changed(pixels, flip=1, erase=1)
    assert torch.equal(pixels, before.float())


def test_no_faces() -> None:
    empty = changed(NOISE[:0], flip=1, rotate_deg=10, erase=1, contrast=0.1)
    assert empty.shape == (0, 3, 48, 48)
    assert empty.dtype == torch.float32


def test_a_certain_flip_mirrors_exactly() -> None:
    torch.testing.assert_close(changed(NOISE, flip=1), NOISE.flip(3).float(), rtol=0, atol=0)


def test_flips_are_as_frequent_as_asked() -> None:
    faces = NOISE[:1].expand(2000, 3, 48, 48)
    mirrored = (changed(faces, flip=0.3) == NOISE[:1].flip(3)).all((1, 2, 3))
    kept = (changed(faces, flip=0.3) == NOISE[:1]).all((1, 2, 3))
    assert (mirrored ^ kept).all()
    assert mirrored.sum().item() == pytest.approx(600, abs=4 * (2000 * 0.3 * 0.7) ** 0.5)


def test_a_shift_moves_by_a_fraction_of_the_side() -> None:
    found = maps(changed(coordinates(300), shift=0.25))
    np.testing.assert_allclose(found[:, :, :2], np.tile(np.eye(2), (300, 1, 1)), atol=1e-4)
    for axis in (0, 1):
        moved_px = found[:, axis, 2]
        assert 11.5 < np.abs(moved_px).max() <= 12  # a quarter of 48
        assert abs(moved_px.mean()) < 4 * 12 / 3**0.5 / 300**0.5  # uniform: deviation 12 / sqrt(3)
        assert moved_px.std() == pytest.approx(12 / 3**0.5, rel=0.1)
    assert abs(np.corrcoef(found[:, 0, 2], found[:, 1, 2])[0, 1]) < 0.25  # each axis has its own


def test_a_known_pixel_moves_by_the_shift() -> None:
    one = torch.zeros(40, 3, 48, 48)
    one[:, :2] = coordinates(40)
    one[:, 2, 20, 30] = 255
    moved = changed(one, shift=0.1)
    for face, was in zip(moved, maps(moved[:, :2]), strict=True):
        # Bilinear weights of a single pixel have their centre where the pixel went: 30 - dx, 20 - dy.
        weight = face[2].double().numpy()
        row, column = np.mgrid[:48, :48]
        assert weight.sum() == pytest.approx(255, rel=1e-3)
        assert (weight * column).sum() / weight.sum() == pytest.approx(30 - was[0, 2], abs=1e-2)
        assert (weight * row).sum() / weight.sum() == pytest.approx(20 - was[1, 2], abs=1e-2)


def test_what_is_moved_in_repeats_the_border() -> None:
    face = torch.zeros(50, 1, 48, 48)
    face[:, :, :, :20], face[:, :, :, 20:] = 40, 90
    moved = changed(face, shift=0.3)
    torch.testing.assert_close(moved[:, 0, :, 0], torch.full((50, 48), 40.0))
    torch.testing.assert_close(moved[:, 0, :, -1], torch.full((50, 48), 90.0))


def test_rotations_are_about_the_centre_and_within_bounds() -> None:
    found = maps(changed(coordinates(300), rotate_deg=20))
    np.testing.assert_allclose(found[:, :, 2], 0, atol=1e-3)
    angle = np.degrees(np.arctan2(found[:, 1, 0], found[:, 0, 0]))
    assert 19 < np.abs(angle).max() <= 20
    assert angle.std() == pytest.approx(20 / 3**0.5, rel=0.1)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    np.testing.assert_allclose(found[:, :, :2], np.stack([cos, -sin, sin, cos], 1).reshape(-1, 2, 2), atol=1e-4)


def test_sizes_are_log_uniform_within_bounds() -> None:
    found = maps(changed(coordinates(300), scale=0.5))
    size = 1 / found[:, 0, 0]
    np.testing.assert_allclose(found[:, 1, 1], found[:, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-5)
    assert 1 / 1.5 - 1e-6 <= size.min() < 0.68
    assert 1.47 < size.max() <= 1.5 + 1e-6
    assert abs(np.log(size).mean()) < 4 * np.log(1.5) / 3**0.5 / 300**0.5


def test_everything_at_once_is_one_similarity() -> None:
    found = maps(changed(coordinates(200), flip=0.5, rotate_deg=15, shift=0.1, scale=0.2))
    determinant = np.linalg.det(found[:, :, :2])
    mirrored = determinant < 0
    assert 70 < mirrored.sum() < 130
    size = np.sqrt(np.abs(determinant))
    assert ((size >= 1 / 1.2 - 1e-5) & (size <= 1.2 + 1e-5)).all()
    turned = found[:, :, :2] / size[:, None, None]
    np.testing.assert_allclose(turned @ turned.transpose(0, 2, 1), np.tile(np.eye(2), (200, 1, 1)), atol=1e-4)
    # The mirror image is taken first: its columns run backwards, its rows do not.
    angle = np.degrees(np.arctan2(-turned[:, 0, 1], turned[:, 1, 1]))
    assert 13 < np.abs(angle).max() <= 15 + 1e-3
    assert (np.sign(turned[:, 0, 0]) == np.where(mirrored, -1, 1)).all()
    assert np.abs(found[:, :, 2]).max() <= 4.8 + 1e-3


def test_contrast_is_about_each_face_s_mean() -> None:
    before = NOISE.float()
    after = changed(NOISE, contrast=0.4)
    mean = before.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(after.mean((1, 2, 3), keepdim=True), mean, rtol=1e-4, atol=1e-2)
    factor = ((after - mean) * (before - mean)).sum((1, 2, 3)) / ((before - mean) ** 2).sum((1, 2, 3))
    assert ((factor >= 0.6) & (factor <= 1.4)).all()
    assert factor.std() > 0.05
    torch.testing.assert_close(after, mean + factor[:, None, None, None] * (before - mean), rtol=1e-4, atol=1e-2)


def test_brightness_is_added_in_shares_of_the_full_range() -> None:
    faces = NOISE[:1].expand(300, 3, 48, 48)
    added = changed(faces, brightness=0.2) - faces.float()
    per_face = added.mean((1, 2, 3))
    torch.testing.assert_close(added, per_face[:, None, None, None].expand_as(added), rtol=0, atol=1e-3)
    assert 49 < per_face.abs().max() <= 51.001  # a fifth of 255
    assert abs(per_face.mean()) < 4 * 51 / 3**0.5 / 300**0.5


def rectangles(before: torch.Tensor, after: torch.Tensor) -> list[tuple[int, int, int, int]]:
    """(top, left, height, width) of what was erased in each face; none has height 0."""
    found = []
    for a, b in zip(before.float(), after, strict=True):
        hit = (a != b).any(0).numpy()
        rows, columns = np.flatnonzero(hit.any(1)), np.flatnonzero(hit.any(0))
        if not len(rows):
            found.append((0, 0, 0, 0))
            continue
        top, left = int(rows[0]), int(columns[0])
        tall, wide = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
        assert hit[top : top + tall, left : left + wide].all()  # one rectangle, and all of it
        torch.testing.assert_close(
            b[:, top : top + tall, left : left + wide], a.mean().expand(a.shape[0], tall, wide), rtol=1e-5, atol=1e-3
        )
        found.append((top, left, tall, wide))
    return found


def test_what_is_erased() -> None:
    side = 200  # large, so that whole pixels matter little
    faces = torch.full((150, 1, side, side), 10.0)
    faces[:, :, :, ::2] = 200
    found = np.array(rectangles(faces, changed(faces, erase=1)))
    tall, wide = found[:, 2], found[:, 3]
    assert (tall > 0).all()
    # A side of x pixels covers x - 1 to x + 1 centres.
    assert ((tall + 1) * (wide + 1) >= 0.02 * side**2).all()
    assert ((tall - 1) * (wide - 1) <= 0.2 * side**2).all()
    assert (tall * wide).min() < 0.03 * side**2
    assert (tall * wide).max() > 0.18 * side**2
    assert ((tall - 1) / (wide + 1) <= 2).all()
    assert ((wide - 1) / (tall + 1) <= 2).all()
    assert max((tall / wide).max(), (wide / tall).max()) > 1.7
    centre = found[:, :2] + found[:, 2:] / 2
    np.testing.assert_allclose(centre.mean(0), side / 2, atol=15)


def test_erasing_is_as_frequent_as_asked() -> None:
    faces = NOISE[:1].expand(1000, 3, 48, 48)
    hit = (changed(faces, erase=0.3) != faces).any(3).any(2).any(1)
    assert hit.sum().item() == pytest.approx(300, abs=4 * (1000 * 0.3 * 0.7) ** 0.5)

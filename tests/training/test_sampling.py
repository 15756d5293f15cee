"""Which faces an epoch shows, how often, and what the training split is measured to be."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from fer_core.data import SampleTable
from fer_core.errors import DataError
from training.batches import Batches, balanced_order
from training.data import (
    Tensors,
    check_trainable,
    load_tensors,
    mean_and_std,
    with_noise_copies,
)
from training.recipe import AugmentSpec

LABELS = torch.tensor([0] * 40 + [1] * 15 + [3] * 5)  # class 2 has no sample


def order(seed: int) -> list[int]:
    return balanced_order(LABELS, torch.Generator().manual_seed(seed)).tolist()


def test_classes_are_shown_equally_often() -> None:
    """60 places for three classes: 20 of each, so that half of class 0 is left out and class 3 is shown four times."""
    found = order(0)
    assert Counter(LABELS[found].tolist()) == {0: 20, 1: 20, 3: 20}
    times = Counter(found)
    assert {times[i] for i in range(40)} == {0, 1}
    assert sorted(times[i] for i in range(40, 55)) == [1] * 10 + [2] * 5
    assert [times[i] for i in range(55, 60)] == [4] * 5
    runs = sum(a == b for a, b in zip(LABELS[found], LABELS[found][1:], strict=False))
    assert runs < 40  # in order of classes it would be 57, by chance it is a third of 59


def test_over_the_epochs_every_sample_is_shown_as_often_as_its_siblings() -> None:
    times = Counter(i for seed in range(300) for i in order(seed))
    assert [times[i] / 300 for i in range(40)] == pytest.approx([0.5] * 40, abs=4 * (0.25 / 300) ** 0.5)
    assert [times[i] / 300 for i in range(40, 55)] == pytest.approx([4 / 3] * 15, abs=4 * (2 / 9 / 300) ** 0.5)


def test_places_that_do_not_divide() -> None:
    found = balanced_order(torch.tensor([0, 0, 0, 1, 1, 2, 2, 2]), torch.Generator().manual_seed(0))
    assert len(found) == 8
    assert sorted(Counter(torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])[found].tolist()).values()) == [2, 3, 3]


def test_batches_are_balanced_by_seed_and_epoch() -> None:
    number = torch.arange(60)
    data = Tensors(number.view(-1, 1, 1, 1), number.view(-1, 1).float(), LABELS)

    def shown(seed: int, epoch: int) -> list[list[int]]:
        return [pixels.flatten().tolist() for pixels, _ in Batches(data, 10, seed, epoch, "balanced")]

    assert shown(1, 2) == shown(1, 2)
    assert shown(1, 2) != shown(1, 3)
    assert shown(1, 2) != shown(2, 2)
    assert Counter(LABELS[[i for batch in shown(1, 2) for i in batch]].tolist()) == {0: 20, 1: 20, 3: 20}


@pytest.mark.parametrize("sampling", ["shuffle", "balanced"])
def test_an_epoch_that_was_begun_goes_on(sampling: str) -> None:
    number = torch.arange(60)
    data = Tensors(number.view(-1, 1, 1, 1), number.view(-1, 1).float(), LABELS)
    whole = [pixels.flatten().tolist() for pixels, _ in Batches(data, 7, 0, 4, sampling)]
    for start in (0, 3, 8):
        rest = Batches(data, 7, 0, 4, sampling, start)
        assert [pixels.flatten().tolist() for pixels, _ in rest] == whole[start:]
        assert len(rest) == 8  # of the whole epoch


def test_mean_and_deviation_by_numpy() -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (5, 3, 8, 8)).astype(np.uint8)
    pixels[:, 1] //= 3
    mean, std = mean_and_std(torch.from_numpy(pixels))
    np.testing.assert_allclose(mean, pixels.mean((0, 2, 3)) / 255, atol=1e-6)
    np.testing.assert_allclose(std, pixels.std((0, 2, 3)) / 255, atol=1e-6)


def test_a_blank_channel_has_no_deviation() -> None:
    with pytest.raises(DataError, match="All pixels of the training split have the value 7 in one channel"):
        mean_and_std(torch.full((4, 1, 8, 8), 7, dtype=torch.uint8))


def test_noise_copies_have_parents() -> None:
    pixels = torch.full((3, 1, 40, 40), 128, dtype=torch.uint8)
    data = Tensors(pixels, torch.eye(3), torch.tensor([2, 0, 1]))
    found = with_noise_copies(data, AugmentSpec(noise_copies=2, copy_noise=0.1), seed=5)
    assert len(found) == 9
    assert found.parents is not None
    assert found.parents.tolist() == [0, 1, 2] * 3
    assert found.labels.tolist() == [2, 0, 1] * 3
    assert torch.equal(found.targets, torch.eye(3).repeat(3, 1))
    assert torch.equal(found.pixels[:3], pixels)
    copies = found.pixels[3:].double()
    # A tenth of 255 is 25.5; the mean of 9,600 pixels is off by 0.26.
    assert copies.mean().item() == pytest.approx(128, abs=1.1)
    assert copies.std().item() == pytest.approx(25.5, rel=0.05)
    assert len({tuple(copy.flatten().tolist()) for copy in copies}) == 6  # each has noise of its own
    again = with_noise_copies(data, AugmentSpec(noise_copies=2, copy_noise=0.1), seed=5)
    assert torch.equal(again.pixels, found.pixels)
    other = with_noise_copies(data, AugmentSpec(noise_copies=2, copy_noise=0.1), seed=6)
    assert not torch.equal(other.pixels, found.pixels)
    assert with_noise_copies(data, AugmentSpec(), seed=5) is data


def test_noise_stays_within_the_range() -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8).repeat_interleave(800).view(2, 1, 20, 40)
    data = Tensors(pixels, torch.eye(2), torch.tensor([0, 1]))
    copies = with_noise_copies(data, AugmentSpec(noise_copies=1, copy_noise=0.2), seed=0).pixels[2:].double()
    # Half of the noise is cut off at the border: what is left has the mean 51 / sqrt(2 pi).
    assert copies[0].mean().item() == pytest.approx(51 / (2 * np.pi) ** 0.5, rel=0.1)
    assert 255 - copies[1].mean().item() == pytest.approx(51 / (2 * np.pi) ** 0.5, rel=0.1)


def test_splits_from_which_nothing_can_be_learnt(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    data = load_tensors(few.split("train"), tiny_recipe())
    check_trainable(data, tiny_recipe().classes)
    one = Tensors(data.pixels[:1], data.targets[:1], data.labels[:1])
    with pytest.raises(DataError, match="The training split holds 1 sample; a step of training needs two"):
        check_trainable(one, tiny_recipe().classes)
    kept = (data.labels != 1) & (data.labels != 4)
    some = Tensors(data.pixels[kept], data.targets[kept], data.labels[kept])
    rest = r"--set 'classes=\[angry, fear, happy, surprise, neutral\]'"
    with pytest.raises(DataError, match=f"no sample of disgust, sad; .*{rest}"):
        check_trainable(some, tiny_recipe().classes)


def test_samples_without_a_label(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    labels = [None, None, *few.table["label"].to_pylist()[2:]]
    table = few.table.set_column(few.table.schema.get_field_index("label"), "label", pa.array(labels, pa.string()))
    with pytest.raises(DataError, match="2 of 42 samples have no label; label them or leave them out"):
        load_tensors(dataclasses.replace(few, table=table), tiny_recipe())

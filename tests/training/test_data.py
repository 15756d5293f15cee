"""What the network is taught, and which faces it is shown when."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8, FER7
from fer_core.preprocess import Preprocess
from training.batches import Batches, InOrder
from training.data import Tensors, labelled, load_tensors, soft_targets
from training.recipe import TargetSpec

# Four samples of three classes; nobody voted on the last.
LABELS = torch.tensor([0, 0, 1, 2])
VOTES = torch.tensor([[2.0, 2, 0], [4, 0, 0], [0, 3, 1], [0, 0, 0]])
SHARES = [[0.5, 0.5, 0], [1, 0, 0], [0, 0.75, 0.25], [0, 0, 0]]
ONE_HOT = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
# Of the votes for class 0, all (0.5 + 1) are on samples labelled 0; of those for class 1, 0.5 on samples labelled 0 and
# 0.75 on samples labelled 1; of those for class 2, all (0.25) on samples labelled 1.
TRANSLATION = [[1, 0, 0], [0.4, 0.6, 0], [0, 1, 0]]
TRANSLATED = [[0.7, 0.3, 0], [1, 0, 0], [0.3, 0.7, 0], [0, 0, 1]]


def taught(**spec: Any) -> np.ndarray:
    return soft_targets(LABELS, VOTES, TargetSpec(**spec)).numpy()


def test_labels_alone() -> None:
    np.testing.assert_array_equal(taught(), ONE_HOT)
    np.testing.assert_array_equal(taught(translate_votes=False), ONE_HOT)


def test_votes_alone() -> None:
    expected = [*SHARES[:3], ONE_HOT[3]]  # where nobody voted, the label stands
    np.testing.assert_allclose(taught(vote_weight=1, translate_votes=False), expected, atol=1e-6)


def test_votes_translated_into_the_labels_usage() -> None:
    np.testing.assert_allclose(np.array(SHARES[:3]) @ TRANSLATION, TRANSLATED[:3], atol=1e-12)
    np.testing.assert_allclose(taught(vote_weight=1), TRANSLATED, atol=1e-6)


def test_label_votes_and_uniform_distribution_mixed() -> None:
    # Sample 0: 0.5 (1, 0, 0) + 0.5 (0.7, 0.3, 0) = (0.85, 0.15, 0); a third of 0.3 to each, 0.7 of the rest.
    expected = [
        [0.85 * 0.7 + 0.1, 0.15 * 0.7 + 0.1, 0.1],
        [0.8, 0.1, 0.1],
        [0.15 * 0.7 + 0.1, 0.85 * 0.7 + 0.1, 0.1],
        [0.1, 0.1, 0.8],
    ]
    np.testing.assert_allclose(taught(vote_weight=0.5, label_smoothing=0.3), expected, atol=1e-6)


@pytest.mark.parametrize("translate", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_rows_sum_to_one(weight: float, translate: bool) -> None:
    chance = np.random.default_rng(3)
    votes = chance.poisson(1.5, (500, 7)) * (chance.random((500, 1)) < 0.8)  # a fifth has none
    votes[:, 1] = 0  # and nobody says disgust
    labels = torch.from_numpy(chance.integers(0, 7, 500))
    spec = TargetSpec(vote_weight=weight, translate_votes=translate, label_smoothing=0.1)
    found = soft_targets(labels, torch.from_numpy(votes).float(), spec)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert (found > 0.1 / 7 - 1e-6).all()
    silent = votes.sum(1) == 0
    expected = np.eye(7)[labels] * 0.9 + 0.1 / 7
    np.testing.assert_allclose(found[silent], expected[silent], atol=1e-6)
    assert silent.sum() > 50


def test_translation_against_a_loop() -> None:
    chance = np.random.default_rng(4)
    votes, labels = chance.poisson(1.5, (60, 4)).astype(float), chance.integers(0, 4, 60)
    votes[votes.sum(1) == 0, 0] = 1
    shares = votes / votes.sum(1, keepdims=True)
    table = np.zeros((4, 4))
    for share, label in zip(shares, labels, strict=True):
        for voted in range(4):
            table[voted, label] += share[voted]
    expected = [sum(share[v] * table[v] / table[v].sum() for v in range(4)) for share in shares]
    found = soft_targets(torch.from_numpy(labels), torch.from_numpy(votes).float(), TargetSpec(vote_weight=1))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def with_votes(samples: SampleTable) -> SampleTable:
    """Every angry face got eight votes for angry and two for "unknown", all others none."""
    votes = [[8, 0, 2] if label == "angry" else None for label in samples.table["label"].to_pylist()]
    table = samples.table.set_column(4, "votes", pa.array(votes, pa.list_(pa.float32())))
    return dataclasses.replace(samples, table=table, vote_classes=("anger", "sadness", "unknown"))


def test_a_split_as_tensors(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    samples = few.split("train")
    found = load_tensors(samples, tiny_recipe())
    assert len(found) == 28
    np.testing.assert_array_equal(found.pixels.numpy()[:, 0], np.stack(samples.faces()))
    assert found.pixels.dtype == torch.uint8
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 5, 6] * 4
    np.testing.assert_array_equal(found.targets.numpy(), np.eye(7)[found.labels])


def test_pixels_are_resized_but_not_normalised(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    how = Preprocess(size_px=16, channels=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    found = load_tensors(few.split("train"), tiny_recipe(preprocess=how.model_dump()))
    # 48 to 16 by area: the mean of each 3 x 3, rounded.
    mean = np.stack(few.split("train").faces()).reshape(28, 16, 3, 16, 3).mean((2, 4))
    for channel in range(3):
        np.testing.assert_allclose(found.pixels[:, channel].numpy(), mean, atol=0.51)


def test_classes_follow_the_recipe_and_not_the_data(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    found = load_tensors(few.split("train"), tiny_recipe(classes=AFFECTNET8.names))
    # angry, disgust, fear, happy, sad, surprise, neutral in AffectNet's order.
    assert found.labels.tolist() == [6, 5, 4, 1, 2, 3, 0] * 4
    assert found.targets.shape == (28, 8)


def test_votes_are_matched_by_name(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    spec = {"vote_weight": 1.0, "translate_votes": False, "label_smoothing": 0.07}
    found = load_tensors(with_votes(few.split("train")), tiny_recipe(classes=FER7.names[::-1], target=spec))
    expected = np.eye(7)[[6, 5, 4, 3, 2, 1, 0] * 4] * 0.93 + 0.01  # "unknown" is left out: angry is unanimous
    np.testing.assert_allclose(found.targets, expected, atol=1e-6)


def test_votes_that_there_are_not(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    """Taught its labels alone a network would be another one than the recipe's: that is said, not done in silence."""
    with pytest.raises(DataError, match=r"a share of 0\.4 .* --labels fer2013new\.csv.*--set target\.vote_weight=0"):
        labelled(few, tiny_recipe(target={"vote_weight": 0.4}))
    assert labelled(few, tiny_recipe()) is few
    voted = with_votes(few)
    assert labelled(voted, tiny_recipe(target={"vote_weight": 0.4})) is voted


def test_labels_of_ferplus_majority(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    """Of six faces three are kept: contempt is no class of FER7, two have no majority, or it says "not a face"."""
    names = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "nf"]
    said = [{"sad": 6, "fear": 4}, {"contempt": 9, "sad": 1}, {"sad": 5, "fear": 5}, {"nf": 8, "sad": 2}]
    said += [{"happy": 3, "neutral": 2, "sad": 1, "fear": 1}, {"neutral": 10}]
    samples = dataclasses.replace(few, table=few.table.slice(0, 6))
    votes = pa.array([[float(row.get(name, 0)) for name in names] for row in said], pa.list_(pa.float32()))
    table = samples.table.set_column(4, samples.table.schema.field("votes"), votes)
    samples = dataclasses.replace(samples, table=table, vote_classes=tuple(names))
    recipe = tiny_recipe(labels="ferplus-majority", target={"vote_weight": 1, "translate_votes": False})
    found = labelled(samples, recipe)
    assert found.table["sample_id"].to_pylist() == ["train-0", "train-4", "train-5"]
    assert found.table["label"].to_pylist() == ["sad", "happy", "neutral"]
    targets = load_tensors(found, recipe).targets
    np.testing.assert_allclose(targets[0], [0, 0, 0.4, 0, 0.6, 0, 0], atol=1e-6)
    np.testing.assert_allclose(targets[1], [0, 0, 1 / 7, 3 / 7, 1 / 7, 0, 2 / 7], atol=1e-6)
    assert labelled(samples, tiny_recipe()) is samples
    with pytest.raises(DataError, match="have no FER\\+ votes"):
        labelled(few, recipe)


def test_what_cannot_be_trained_on(few: SampleTable, tiny_recipe: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="holds no samples"):
        load_tensors(SampleTable.from_columns({}, FER7), tiny_recipe())
    with pytest.raises(DataError, match=r"label\(s\) fear, neutral, but the recipe's classes are angry, disgust"):
        load_tensors(few.split("train"), tiny_recipe(classes=["angry", "disgust", "happy", "sad", "surprise"]))


def numbered(n: int) -> Tensors:
    """Samples whose only pixel, target and label is their number."""
    number = torch.arange(n)
    return Tensors(number.view(-1, 1, 1, 1), number.view(-1, 1).float(), number)


def shown(batches: Any) -> list[list[int]]:
    found = []
    for pixels, others in batches:
        assert pixels.flatten().tolist() == others.flatten().tolist()  # pixels and targets belong together
        found.append(pixels.flatten().tolist())
    return found


def test_an_epoch_shows_every_sample_at_most_once() -> None:
    batches = Batches(numbered(103), 10, seed=0, epoch=0)
    found = shown(batches)
    assert [len(b) for b in found] == [10] * 10
    assert len(batches) == 10
    every = list(itertools.chain(*found))
    assert len(set(every)) == 100
    assert set(every) <= set(range(103))
    assert every != sorted(every)


def test_over_the_epochs_every_sample_is_shown_about_as_often() -> None:
    times = Counter(s for epoch in range(200) for b in shown(Batches(numbered(13), 5, 0, epoch)) for s in b)
    # Ten of thirteen are shown each time: 154 of 200 on the average, deviation 6.
    assert sum(times.values()) == 2000
    assert min(times.values()) > 154 - 30
    assert max(times.values()) < 154 + 30


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    data = numbered(64)
    first = shown(Batches(data, 16, seed=3, epoch=5))
    torch.manual_seed(1)
    torch.rand(7)
    assert shown(Batches(data, 16, seed=3, epoch=5)) == first
    again = Batches(data, 16, seed=3, epoch=5)
    assert shown(again) == shown(again) == first  # also when one object is gone through twice
    others = [shown(Batches(data, 16, seed, epoch)) for seed, epoch in ((3, 6), (4, 5), (5, 3), (0, 0))]
    assert first not in others
    assert len({str(o) for o in others}) == 4


def test_fewer_samples_than_a_batch() -> None:
    batches = Batches(numbered(3), 10, seed=0, epoch=0)
    assert len(batches) == 1
    assert sorted(shown(batches)[0]) == [0, 1, 2]


@pytest.mark.parametrize(("n", "sizes"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3]), (0, [])])
def test_in_order_shows_each_sample_exactly_once(n: int, sizes: list[int]) -> None:
    batches = InOrder(numbered(n), 4)
    found = shown(batches)
    assert [len(b) for b in found] == sizes
    assert len(batches) == len(sizes)
    assert list(itertools.chain(*found)) == list(range(n))

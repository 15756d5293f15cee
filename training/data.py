"""Samples as tensors that stay in memory, with what the network is taught about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.data.labelling import under_labels
from fer_core.errors import DataError
from fer_core.labels import ClassSet, class_set
from training.recipe import AugmentSpec, Recipe, TargetSpec


@dataclass(frozen=True)
class Tensors:
    """One split, ready to train on.

    Attributes:
        pixels: uint8 (N, C, S, S), resized by the recipe's preprocessing, not normalised.
        targets: float32 (N, K), rows sum to 1.
        labels: int64 (N,).
        parents: int64 (N,), the number of the sample that a row is a copy of, its own where it is none; None where
            there are no copies. Whoever divides the rows keeps those of one parent together.
    """

    pixels: torch.Tensor
    targets: torch.Tensor
    labels: torch.Tensor
    parents: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Tensors:
        return (
            self  # nobody writes to it, and who copies a module that holds it (the moving average) has no use for two
        )

    def to(self, device: torch.device) -> Tensors:
        """The same on another device."""
        parents = self.parents if self.parents is None else self.parents.to(device)
        return Tensors(self.pixels.to(device), self.targets.to(device), self.labels.to(device), parents)


def soft_targets(labels: torch.Tensor, votes: torch.Tensor, spec: TargetSpec) -> torch.Tensor:
    """What the network is taught: label, annotators' distribution and uniform distribution, mixed.

    Args:
        labels: int64 (N,).
        votes: float32 (N, K) counts; a row of zeros means that nobody voted, and the label stands alone.
        spec: the shares.

    Returns:
        float32 (N, K), rows sum to 1.
    """
    classes = votes.shape[1]
    target = torch.nn.functional.one_hot(labels, classes).float()
    total = votes.sum(1, keepdim=True)
    voted = votes / total.clamp(min=1e-9)
    if spec.translate_votes:
        table = voted.T @ target  # votes for class i among the samples labelled j
        voted = voted @ (table / table.sum(1, keepdim=True).clamp(min=1e-9))
        voted = torch.where(voted.sum(1, keepdim=True) > 0, voted / voted.sum(1, keepdim=True).clamp(min=1e-9), voted)
    target = torch.where(total > 0, torch.lerp(target, voted, spec.vote_weight), target)
    return torch.lerp(target, torch.full_like(target, 1 / classes), spec.label_smoothing)


def labelled(samples: SampleTable, recipe: Recipe) -> SampleTable:
    """The samples under the labels that the recipe asks for; without those that have none of its classes then.

    Raises:
        DataError: votes are asked for, as labels or as targets, and the samples have none: taught its labels alone, the
            network would be another one than the recipe's.
    """
    found = under_labels(samples, recipe.labels, recipe.classes)
    weight = recipe.target.vote_weight
    if weight and not recipe.svm and samples.table["votes"].null_count == len(samples):
        raise DataError(
            f"{recipe.name} gives votes a share of {weight:g} in what is taught (target.vote_weight), and these "
            "samples have none. With FER2013, name FER+'s file: --labels fer2013new.csv. To teach the labels alone: "
            "--set target.vote_weight=0."
        )
    return found


def load_tensors(samples: SampleTable, recipe: Recipe) -> Tensors:
    """A split of a sample table as tensors; its targets know nothing of the recipe's teachers.

    Raises:
        DataError: no samples, or a label that the recipe's classes lack.
    """
    if not len(samples):
        raise DataError("The split holds no samples; choose another split or data set.")
    classes = class_set(recipe.classes)
    labels = label_indices(samples, classes)
    votes = torch.from_numpy(samples.vote_matrix(classes))
    return Tensors(recipe.preprocess.stack(samples.faces()), soft_targets(labels, votes, recipe.target), labels)


def mean_and_std(pixels: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels of all faces, in units of the full range (0..1).

    Args:
        pixels: uint8 (N, C, H, W), N at least 1.

    Returns:
        Per channel, rounded to six decimals; the deviation is that of the population.

    Raises:
        DataError: a channel in which every pixel is the same.
    """
    value = torch.arange(256, dtype=torch.float64)
    means, stds = [], []
    for channel in pixels.unbind(1):
        share = torch.bincount(channel.flatten(), minlength=256).double().cpu() / channel.numel()
        mean = float((share * value).sum())
        std = float((share * (value - mean) ** 2).sum()) ** 0.5
        if not std:
            raise DataError(
                f"All pixels of the training split have the value {mean:g} in one channel, so that there is no "
                "deviation to divide by. Look at the pictures, or give preprocess.std as numbers."
            )
        means.append(round(mean / 255, 6))
        stds.append(round(std / 255, 6))
    return tuple(means), tuple(stds)


def with_noise_copies(data: Tensors, spec: AugmentSpec, seed: int) -> Tensors:
    """The split and its copies with Gaussian noise, `spec.noise_copies` of each face after all the faces themselves.

    A copy has its parent's label and target, and its number in `parents`. The noise depends on the seed alone.
    """
    if not spec.noise_copies:
        return data
    generator = torch.Generator().manual_seed(seed)
    number = torch.arange(len(data))
    pixels, numbers = [data.pixels], [number]
    for _ in range(spec.noise_copies):
        copy = torch.empty_like(data.pixels)
        for i, face in enumerate(data.pixels):  # one after the other: as floats all would take four times the memory
            noise = torch.randn(face.shape, generator=generator) * (255 * spec.copy_noise)
            copy[i] = (face + noise).round().clamp(0, 255)
        pixels.append(copy)
        numbers.append(number)
    times = 1 + spec.noise_copies
    return Tensors(
        torch.cat(pixels), data.targets.repeat(times, 1), data.labels.repeat(times), parents=torch.cat(numbers)
    )


def check_trainable(data: Tensors, classes: Sequence[str]) -> None:
    """Refuses a training split from which nothing can be learnt.

    Raises:
        DataError: fewer than two samples, or a class without any: the network would learn never to name it.
    """
    if len(data) < 2:
        raise DataError("The training split holds 1 sample; a step of training needs two at least, and a class more.")
    counts = torch.bincount(data.labels.cpu(), minlength=len(classes)).tolist()
    empty = [name for name, count in zip(classes, counts, strict=True) if not count]
    if empty:
        rest = ", ".join(name for name in classes if name not in empty)
        raise DataError(
            f"The training split has no sample of {', '.join(empty)}; a network would learn never to answer that. "
            f"Add samples, or leave the class out: --set 'classes=[{rest}]'."
        )


def chosen_samples(labels: NDArray[np.int64], at_most: int, seed: int) -> NDArray[np.int64]:
    """Numbers of the samples to learn from, in order: all, or `at_most` of them, as many of each class as there are."""
    if not at_most or len(labels) <= at_most:
        return np.arange(len(labels))
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(labels))
    rank = np.empty(len(labels), dtype=np.int64)  # how many of its class stand before it
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return np.sort(order[np.argsort(rank[order], kind="stable")][:at_most])


def label_indices(samples: SampleTable, classes: ClassSet) -> torch.Tensor:
    """int64 (N,), the number of each sample's class.

    Raises:
        DataError: a sample has no label, or one that the classes lack.
    """
    names = samples.table["label"].to_pylist()
    if None in names:
        raise DataError(
            f"{names.count(None)} of {len(names)} samples have no label; label them or leave them out before training."
        )
    unknown = sorted({str(n) for n in names if n not in classes.names})
    if unknown:
        raise DataError(
            f"The data has the label(s) {', '.join(unknown)}, but the recipe's classes are "
            f"{', '.join(classes.names)}. Set `classes` in the recipe or map the labels."
        )
    return torch.tensor([classes.names.index(name) for name in names])

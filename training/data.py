"""Samples as tensors that stay in memory, and the batches drawn from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.errors import DataError, RecipeError
from fer_core.labels import ClassSet, class_set
from fer_core.predict import get_predictor
from training.recipe import Recipe, TargetSpec


@dataclass(frozen=True)
class Tensors:
    """One split, ready to train on.

    Attributes:
        pixels: uint8 (N, C, S, S), resized by the recipe's preprocessing, not normalised.
        targets: float32 (N, K), rows sum to 1.
        labels: int64 (N,).
    """

    pixels: torch.Tensor
    targets: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


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


def load_tensors(samples: SampleTable, recipe: Recipe) -> Tensors:
    """A split of a sample table as tensors; its targets know nothing of the recipe's teachers.

    Raises:
        DataError: no samples, or a label that the recipe's classes lack.
    """
    if not len(samples):
        raise DataError("The split holds no samples; choose another split or data set.")
    classes = class_set(recipe.classes)
    labels = _label_indices(samples, classes)
    votes = torch.from_numpy(samples.vote_matrix(classes))
    return Tensors(recipe.preprocess.stack(samples.faces()), soft_targets(labels, votes, recipe.target), labels)


def taught(data: Tensors, samples: SampleTable, recipe: Recipe) -> Tensors:
    """The same split with the probabilities of the recipe's teachers mixed into its targets.

    Args:
        data: what `load_tensors` made of `samples`.
        samples: N samples.
        recipe: without teachers `data` comes back as it is.

    Raises:
        CheckpointError: a teacher is missing or broken.
        RecipeError: a teacher that lacks one of the recipe's classes.
    """
    spec = recipe.target
    if not spec.teachers:
        return data
    faces = samples.faces()
    answers = torch.stack([_answers(name, faces, recipe.classes) for name in spec.teachers]).mean(0)
    return replace(data, targets=torch.lerp(data.targets, answers, spec.teacher_weight))


def _answers(teacher: str, faces: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]) -> torch.Tensor:
    predictor = get_predictor(teacher)
    lacking = [name for name in classes if name not in predictor.classes.names]
    if lacking:
        raise RecipeError(f"The teacher {teacher!r} lacks the class(es) {', '.join(lacking)}; choose another teacher.")
    columns = [predictor.classes.names.index(name) for name in classes]
    answers = torch.from_numpy(predictor.probabilities(faces)[:, columns]).float()
    return answers / answers.sum(1, keepdim=True)


def _label_indices(samples: SampleTable, classes: ClassSet) -> torch.Tensor:
    names = samples.table["label"].to_pylist()
    unknown = sorted({str(n) for n in names if n not in classes.names})
    if unknown:
        raise DataError(
            f"The data has the label(s) {', '.join(unknown)}, but the recipe's classes are "
            f"{', '.join(classes.names)}. Set `classes` in the recipe or map the labels."
        )
    return torch.tensor([classes.names.index(name) for name in names])


class Batches:
    """Batches of one epoch, in an order that depends on seed and epoch alone.

    Iterating gives (pixels, targets) on the device of the data; what does not fill a last batch is left out, unless
    there is less than one batch in all.
    """

    def __init__(self, data: Tensors, batch_size: int, seed: int, epoch: int) -> None:
        self.data = data
        self.batch_size = min(batch_size, len(data))
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.data) // self.batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.data), generator=generator).to(self.data.labels.device)
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield self.data.pixels[chosen], self.data.targets[chosen]


class InOrder:
    """Batches for evaluation: every sample once, in order; gives (pixels, labels)."""

    def __init__(self, data: Tensors, batch_size: int) -> None:
        self.data = data
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.data) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for i in range(0, len(self.data), self.batch_size):
            yield self.data.pixels[i : i + self.batch_size], self.data.labels[i : i + self.batch_size]

"""Batches drawn from tensors in memory: in chance's order to train on, in the table's own to evaluate."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from training.data import Tensors


class Batches:
    """Batches of one epoch, in an order that depends on seed and epoch alone.

    Iterating gives (pixels, targets) on the device of the data; what does not fill a last batch is left out, unless
    there is less than one batch in all.

    Args:
        data: what is drawn from.
        batch_size: faces at once.
        seed: decides the order, with `epoch`.
        epoch: from 0.
        sampling: as `Recipe.sampling`.
        start: batches that were shown before, by a run that was interrupted; they are left out, and counted.
    """

    def __init__(
        self, data: Tensors, batch_size: int, seed: int, epoch: int, sampling: str = "shuffle", start: int = 0
    ) -> None:
        self.data = data
        self.batch_size = min(batch_size, len(data))
        self.seed = seed
        self.epoch = epoch
        self.sampling = sampling
        self.start = start

    def __len__(self) -> int:
        return len(self.data) // self.batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.sampling == "balanced":
            order = balanced_order(self.data.labels.cpu(), generator)
        else:
            order = torch.randperm(len(self.data), generator=generator)
        order = order.to(self.data.labels.device)
        for i in range(self.start, len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield self.data.pixels[chosen], self.data.targets[chosen]


def balanced_order(labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """As many places as there are samples, shared out evenly among the classes that there are.

    Of a class, each sample is shown k or k + 1 times, whichever way its places divide; which ones, and all order, is
    chance. Where the places do not divide by the classes, the first classes have one more.

    Args:
        labels: int64 (N,).
        generator: source of chance.

    Returns:
        int64 (N,), numbers of samples.
    """
    there = labels.bincount().nonzero().flatten()
    shown = []
    for place, label in enumerate(there):
        members = (labels == label).nonzero().flatten()
        places = len(labels) // len(there) + (place < len(labels) % len(there))
        rounds = [torch.randperm(len(members), generator=generator) for _ in range(math.ceil(places / len(members)))]
        shown.append(members[torch.cat(rounds)[:places]])
    order = torch.cat(shown)
    return order[torch.randperm(len(order), generator=generator)]


class InOrder:
    """Batches for evaluation: every sample of a part once, in order; gives (pixels, labels).

    A part without samples, which a process has where there are fewer samples than processes, is one empty batch: the
    process takes part in the evaluation all the same.

    Args:
        data: what is evaluated.
        batch_size: faces at once.
        part: of the data; all by default.
    """

    def __init__(self, data: Tensors, batch_size: int, part: slice = slice(None)) -> None:
        self.data = data
        self.batch_size = batch_size
        self.first, self.end, _ = part.indices(len(data))

    def __len__(self) -> int:
        return max(min(1, len(self.data)), math.ceil((self.end - self.first) / self.batch_size))

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for i in range(len(self)):
            begin = self.first + i * self.batch_size
            chosen = slice(begin, min(begin + self.batch_size, self.end))
            yield self.data.pixels[chosen], self.data.labels[chosen]

"""What other checkpoints teach a network: their answers to each face, or to each picture as it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import CheckpointError, RecipeError
from fer_core.models.ensemble import Member, Seen
from training.asking import ask
from training.data import Tensors
from training.distributed.group import ALONE, Group
from training.recipe import Recipe


def taught(
    data: Tensors, samples: SampleTable, recipe: Recipe, folder: Path | None = None, group: Group = ALONE
) -> Tensors:
    """The same split with the probabilities of the recipe's teachers mixed into its targets.

    Args:
        data: what `load_tensors` made of `samples`, perhaps with copies of each face after them all.
        samples: N samples.
        recipe: its teachers can teach it (`check_teachers`); without any, or with those that see variants, `data`
            comes back as it is.
        folder: the run's, as for `ask`; None: for no run.
        group: the processes that share the faces; all of them call.

    Raises:
        CheckpointError: a teacher is missing or broken.
    """
    spec = recipe.target
    if not spec.teachers or spec.teachers_see != "faces":
        return data
    answers = ask(spec.teachers, samples, recipe.classes, folder, group).to(data.targets.device)
    copies = len(data) // len(samples)
    return replace(data, targets=torch.lerp(data.targets, answers.repeat(copies, 1), spec.teacher_weight))


class Teachers:
    """The recipe's teachers, asked in every step about the very pictures that the network is shown.

    No module: what a run optimises, averages and keeps is the network alone. Each teacher looks once, at the picture
    resized to its own size, without the mirror image, at its card's temperature.

    Args:
        recipe: names at least one teacher, and they can teach it (`check_teachers`).
        device: where the pictures will lie.

    Raises:
        CheckpointError: a teacher is missing or broken.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.weight = recipe.target.teacher_weight
        self._members = [_seen(name, recipe).to(device) for name in recipe.target.teachers]
        self._columns = [
            [open_checkpoint(name).card.classes.index(c) for c in recipe.classes] for name in recipe.target.teachers
        ]

    def __deepcopy__(self, _memo: dict[int, Any]) -> Teachers:
        return self  # nobody changes it, and who copies a module that holds it (the moving average) needs no other

    def mixed_in(self, pixels: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The targets with the mean of the teachers' probabilities in their share.

        Args:
            pixels: (N, C, S, S) in 0..255, as the network is shown them.
            targets: float (N, K), rows sum to 1.

        Returns:
            float32 (N, K), rows sum to 1.
        """
        with torch.no_grad():
            answers = [
                member(pixels / 255).float()[:, c] for member, c in zip(self._members, self._columns, strict=True)
            ]
        mean = torch.stack([a / a.sum(1, keepdim=True) for a in answers]).mean(0)
        return torch.lerp(targets, mean, self.weight)


def check_teachers(recipe: Recipe) -> None:
    """Refuses a recipe one of whose teachers is not here, or does not know all of its classes.

    Raises:
        CheckpointError: one is missing or broken; the message says how to do without it.
        RecipeError: the message names the classes that it lacks.
    """
    for teacher in recipe.target.teachers:
        _check(teacher, recipe.classes)


def _check(teacher: str, classes: Sequence[str]) -> None:
    try:
        knows = open_checkpoint(teacher).card.classes
    except CheckpointError as error:
        raise CheckpointError(
            f"{error} The recipe learns from it (target.teachers): train it first, or learn without it: "
            "--set 'target.teachers=[]'."
        ) from error
    lacking = [name for name in classes if name not in knows]
    if lacking:
        raise RecipeError(f"The teacher {teacher!r} lacks the class(es) {', '.join(lacking)}; choose another teacher.")


def _seen(teacher: str, recipe: Recipe) -> Seen:
    checkpoint = open_checkpoint(teacher)
    card = checkpoint.card
    member = Member(architecture=card.architecture, preprocess=card.preprocess, temperature=card.temperature)
    network = checkpoint.load().to(memory_format=torch.channels_last)
    return Seen(member, network, recipe.preprocess.channels).eval().requires_grad_(False)

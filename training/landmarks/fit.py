"""The landmark network's training: every batch has taught faces, drawn faces, and pictures without a face."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.data.schematic import SchematicSpec, draw_face
from fer_core.data.schematic.spoiling import no_face
from fer_core.regions.landmark_net import SIDE_PX, LandmarkNet
from training.landmarks.changes import changed, spoilt

Grey = NDArray[np.uint8]
Tell = Callable[[int, LandmarkNet, float, float], None]
_GREY = np.array((0.299, 0.587, 0.114))  # ITU-R BT.601
_TOLD_EVERY = 100
_NO_FACE_ERROR = 1.0  # what the network is to expect of a picture without a face: the distance of two eyes


@dataclass(frozen=True)
class Faces:
    """Crops whose points are known: pixels (N, 48, 48) uint8 and five (N, 5, 2) fractions of the sides."""

    pixels: Grey
    five: NDArray[np.float32]


@dataclass(frozen=True)
class Plan:
    """How long and how fast; a batch has `taught` + `drawn` + `without` pictures.

    The rate stays the same and the weights are averaged instead, so that training may be stopped after any step.
    """

    steps: int = 5300
    taught: int = 48
    drawn: int = 10
    without: int = 6
    rate: float = 2e-3
    average_decay: float = 0.998
    seed: int = 0


def drawn_faces(subjects: int, seed: int) -> Faces:
    """Schematic faces of every expression, one each of every person, covered now and then."""
    spec = SchematicSpec(seed=seed, subjects=subjects, per_subject_and_class=1, size_px=SIDE_PX)
    faces = [draw_face(spec, i) for i in range(subjects * 7)]
    grey = [np.rint(face.image @ _GREY).astype(np.uint8) for face in faces]
    return Faces(np.stack(grey), np.stack([face.landmarks[:5] / SIDE_PX for face in faces]))


def pictures_without(n: int, seed: int) -> Grey:
    """(n, 48, 48) in turn: stripes, waves that cross, an even slope of light; then textures, nearly blank, text."""
    chance = np.random.default_rng((seed, 11))
    made = [_pattern(i // 2, chance) if i % 2 else np.rint(no_face(SIDE_PX, i // 2, chance) @ _GREY) for i in range(n)]
    return np.stack(made).clip(0, 255).astype(np.uint8)


def _pattern(kind: int, chance: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX] / SIDE_PX
    angle = chance.uniform(0, np.pi, 2)
    along = rows * np.cos(angle)[:, None, None] + columns * np.sin(angle)[:, None, None]
    waves = np.sin(
        2 * np.pi * (along * chance.uniform(1, 12, 2)[:, None, None] + chance.uniform(0, 1, 2)[:, None, None])
    )
    shapes = (np.sign(waves[0]), waves[0] * waves[1], along[0], np.sign(waves[0] * waves[1]))
    grain = chance.uniform(0, 15) * chance.normal(0, 1, rows.shape)
    return np.asarray(chance.uniform(60, 190) + chance.uniform(0, 90) * shapes[kind % 4] + grain)


def fit(taught: Faces, drawn: Faces, plan: Plan | None = None, tell: Tell | None = None) -> LandmarkNet:
    """Trains the network on the CPU.

    Args:
        taught: the teacher's faces.
        drawn: schematic faces.
        plan: how long and how fast.
        tell: called every hundred steps with the step, the average of the weights so far, and the means of the points'
            error and of the doubt's loss since the last call.

    Returns:
        The average of the weights over the last steps, in evaluation mode.
    """
    plan = plan or Plan()
    torch.manual_seed(plan.seed)
    generator = torch.Generator().manual_seed(plan.seed)
    network = LandmarkNet().to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), plan.rate, weight_decay=1e-4, fused=True)
    nothing = pictures_without(300, plan.seed)
    told: list[tuple[float, float]] = []
    for step in range(1, plan.steps + 1):
        pixels, five = _batch((taught, drawn, nothing), plan, generator)
        with torch.autocast("cpu", torch.bfloat16):
            points, doubt = network(pixels.contiguous(memory_format=torch.channels_last))
        error, loss = _losses(points, doubt, five)
        optimiser.zero_grad()
        torch.autograd.backward(error + 0.1 * loss)
        optimiser.step()
        _follow(average, network, min(plan.average_decay, step / (step + 10)))
        told.append((error.item(), loss.item()))
        if tell and step % _TOLD_EVERY == 0:
            tell(step, average, *np.mean(told, 0).tolist())
            told.clear()
    return average


def _batch(
    pictures: tuple[Faces, Faces, Grey], plan: Plan, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of a batch, those without a face last, and the points of the others."""
    taught, drawn, nothing = pictures
    half = plan.without // 2
    rows = _some(len(taught.pixels), plan.taught, generator)
    others = _some(len(drawn.pixels), plan.drawn, generator)
    pixels = torch.from_numpy(np.concatenate([taught.pixels[rows], drawn.pixels[others]]))[:, None]
    five = torch.from_numpy(np.concatenate([taught.five[rows], drawn.five[others]]))
    faces, points = changed(pixels, five, generator)
    made = spoilt(pixels[_some(len(pixels), plan.without - half, generator)], generator)
    blank = torch.from_numpy(nothing[_some(len(nothing), half, generator)])[:, None].float()
    return torch.cat([faces, made, blank]), points


def _some(n: int, drawn: int, generator: torch.Generator) -> NDArray[np.int64]:
    return np.asarray(torch.randint(n, (drawn,), generator=generator).numpy(), np.int64)


def _losses(points: torch.Tensor, doubt: torch.Tensor, five: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean distance over that of the eyes, and the exponential distribution's loss of the errors that are expected."""
    n = len(five)
    eyes = (five[:, 1] - five[:, 0]).norm(dim=1)
    # Smooth near zero, where the teacher's own points are not exact.
    apart = ((points[:n] - five).square().sum(2) + 1e-6).sqrt().mean(1) / eyes
    errors = torch.cat([apart.detach(), torch.full((len(doubt) - n,), _NO_FACE_ERROR)])
    return apart.mean(), (errors * (-doubt).exp() + doubt).mean()


def _follow(average: LandmarkNet, network: LandmarkNet, decay: float) -> None:
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    kept, now = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
    with torch.no_grad():
        torch._foreach_lerp_(list(kept), list(now), 1 - decay)

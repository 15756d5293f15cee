"""Random changes of a batch of faces whose points move with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from fer_core.regions.landmark_net import IN_MIRROR


@dataclass(frozen=True)
class Range:
    """How far faces are changed.

    Attributes:
        turn_deg: largest turn to either side.
        shift: largest shift to either side, of the crop's side.
        zoom: largest factor by which a face is enlarged, or made smaller.
    """

    turn_deg: float
    shift: float
    zoom: float


FACES = Range(35.0, 0.13, 1.35)
_COVERED = 0.25  # share of the faces that a grey or noisy rectangle covers in part


def changed(
    pixels: torch.Tensor, five: torch.Tensor, generator: torch.Generator, how: Range = FACES
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each face turned, moved, zoomed, mirrored by chance, and in another light, with its points.

    Args:
        pixels: (N, 1, S, S) uint8.
        five: (N, 5, 2) fractions of the sides.
        generator: source of chance.
        how: how far.

    Returns:
        (N, 1, S, S) float32 in 0..255 and (N, 5, 2).
    """
    moved, points = _moved(pixels.float(), five, generator, how)
    return _lit(_covered(moved, generator), generator).clamp(0, 255), points


def _moved(
    faces: torch.Tensor, five: torch.Tensor, generator: torch.Generator, how: Range
) -> tuple[torch.Tensor, torch.Tensor]:
    n = len(faces)
    turn, size, dx, dy = (torch.rand(4, n, generator=generator) * 2 - 1).unbind()
    mirror = torch.rand(n, generator=generator) < 0.5
    angle, zoom = turn * math.radians(how.turn_deg), torch.exp(size * math.log(how.zoom))
    cos, sin, sign = angle.cos() / zoom, angle.sin() / zoom, 1 - 2 * mirror.float()
    # From a place in the new picture to the one in the old, both in -1..1, as grid_sample wants it.
    move = torch.stack((cos * sign, -sin * sign, sin, cos), 1).view(n, 2, 2)
    shift = 2 * how.shift * torch.stack((dx, dy), 1)
    grid = functional.affine_grid(torch.cat([move, shift[..., None]], 2), list(faces.shape), align_corners=False)
    found = functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    past = (grid.abs() > 1).any(3) & (torch.rand(n, 1, 1, generator=generator) < 0.3)
    old = five * 2 - 1 - shift[:, None]
    points = (torch.linalg.solve(move, old.mT).mT + 1) / 2
    swapped = points[:, list(IN_MIRROR)]
    return found.masked_fill(past[:, None], 0), torch.where(mirror[:, None, None], swapped, points)


def _covered(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    n, _, height, width = faces.shape
    tall, wide, top, left, chance, grey = torch.rand(6, n, 1, 1, generator=generator).unbind()
    rows, columns = torch.arange(height)[:, None] / height, torch.arange(width) / width
    tall, wide = 0.1 + 0.35 * tall, 0.1 + 0.35 * wide
    hit = (
        (rows >= top - tall / 2) & (rows < top + tall / 2) & (columns >= left - wide / 2) & (columns < left + wide / 2)
    )
    hit &= chance < _COVERED
    return torch.where(hit[:, None], 255 * grey[:, None], faces)


def _lit(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Another gain and gamma, light from a side, blur and noise."""
    n, _, height, width = faces.shape
    gain, gamma, across, down, blur, noise, chance = torch.rand(7, n, 1, 1, 1, generator=generator).unbind()
    faces = 255 * (faces / 255).clamp(0, 1) ** torch.exp((gamma - 0.5) * 1.4) * (0.5 + 0.9 * gain)
    rows, columns = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    faces = faces * (1 + 0.35 * ((across * 2 - 1) * columns + (down * 2 - 1) * rows))
    faces = torch.where(blur < 0.25, functional.avg_pool2d(faces, 3, 1, 1, count_include_pad=False), faces)
    grain = torch.randn(faces.shape, generator=generator)
    return faces + torch.where(chance < 0.5, 18 * noise, 0.0) * grain


def spoilt(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pictures without a face in their middle, made of faces: upside down, a part enlarged, moved out, or shuffled.

    Args:
        pixels: (N, 1, S, S) uint8, in turn spoilt in these four ways.
        generator: source of chance.

    Returns:
        (N, 1, S, S) float32 in 0..255.
    """
    faces = pixels.float()
    n, _, height, width = faces.shape
    kind = torch.arange(n) % 4
    turn, zoom, side, along, sign = torch.rand(5, n, generator=generator).unbind()
    angle = torch.where(kind == 0, math.radians(110) + turn * math.radians(140), torch.zeros(n))
    size = torch.where(kind == 1, 0.2 + 0.15 * zoom, torch.ones(n))
    far = torch.where(sign < 0.5, -1.0, 1.0) * (1.0 + 0.6 * side)  # in -1..1: half the picture's side or more
    near = (along * 2 - 1) * 0.6
    first = torch.rand(n, generator=generator) < 0.5
    shift = torch.stack((torch.where(first, far, near), torch.where(first, near, far)), 1)
    part = torch.stack((along * 2 - 1, side * 2 - 1), 1) * 0.6
    place = torch.where((kind == 2)[:, None], shift, torch.where((kind == 1)[:, None], part, torch.zeros(n, 2)))
    cos, sin = angle.cos() * size, angle.sin() * size
    move = torch.stack((cos, -sin, place[:, 0], sin, cos, place[:, 1]), 1).view(n, 2, 3)
    grid = functional.affine_grid(move, list(faces.shape), align_corners=False)
    found = functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    block = height // 6
    tiles = faces.unfold(2, block, block).unfold(3, block, block).flatten(2, 3)
    order = torch.rand(n, tiles.shape[2], generator=generator).argsort(1)
    mixed = tiles[torch.arange(n)[:, None], 0, order].flatten(2).mT
    mixed = functional.fold(mixed, (height // block * block, width // block * block), block, stride=block)
    shuffled = functional.interpolate(mixed, (height, width))
    return _lit(torch.where((kind == 3)[:, None, None, None], shuffled, found), generator).clamp(0, 255)

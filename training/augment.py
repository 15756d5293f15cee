"""Augmentation of a whole batch of tensors at once, on the device where the batch lies."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from training.randaugment import random_changes
from training.recipe import AugmentSpec


def augment(pixels: torch.Tensor, spec: AugmentSpec, generator: torch.Generator) -> torch.Tensor:
    """A random variant of each face.

    Args:
        pixels: (N, C, H, W), uint8 or float, 0..255.
        spec: how strong; see `AugmentSpec`.
        generator: source of chance, on the device of `pixels`; the same state gives the same faces.

    Returns:
        float32 (N, C, H, W), around 0..255; what is moved in from outside repeats the border.
    """
    faces = pixels.float()
    if not len(faces):
        return faces
    if spec.random_ops:
        faces = random_changes(faces, spec, generator)
    faces = _affine(faces, spec, generator)
    if spec.contrast or spec.brightness:
        factor = 1 + spec.contrast * _uniform(faces, generator)
        light = 255 * spec.brightness * _uniform(faces, generator)
        mean = faces.mean((1, 2, 3), keepdim=True)
        faces = (faces - mean) * factor + mean + light
    if spec.erase:
        faces = _erase(faces, spec.erase, generator)
    if spec.noise:
        noise = torch.randn(faces.shape, generator=generator, device=faces.device)
        faces = faces + 255 * spec.noise * noise
    return faces


def _uniform(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """(N, 1, 1, 1), uniform in -1..1."""
    return torch.rand(len(faces), 1, 1, 1, generator=generator, device=faces.device) * 2 - 1


def _affine(faces: torch.Tensor, spec: AugmentSpec, generator: torch.Generator) -> torch.Tensor:
    n, device = len(faces), faces.device
    turn, size, dx, dy = (torch.rand(4, n, generator=generator, device=device) * 2 - 1).unbind()
    mirror = torch.rand(n, generator=generator, device=device) < spec.flip
    if not (spec.rotate_deg or spec.shift or spec.scale):
        return torch.where(mirror[:, None, None, None], faces.flip(3), faces)
    angle = turn * math.radians(spec.rotate_deg)
    zoom = torch.exp(-size * math.log1p(spec.scale))
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    sign = 1 - 2 * mirror.float()
    rows = (cos * sign, -sin, 2 * spec.shift * dx, sin * sign, cos, 2 * spec.shift * dy)
    grid = functional.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def _erase(faces: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    n, _, height, width = faces.shape
    chance, area, shape, x, y = torch.rand(5, n, generator=generator, device=faces.device).unbind()
    area = 0.02 + 0.18 * area
    aspect = torch.exp((2 * shape - 1) * math.log(2))
    tall, wide = (area * aspect).sqrt() * height, (area / aspect).sqrt() * width
    top, left = y * (height - tall), x * (width - wide)
    rows = torch.arange(height, device=faces.device)[None, :, None]
    columns = torch.arange(width, device=faces.device)[None, None, :]
    low, high = top[:, None, None], (top + tall)[:, None, None]
    first, last = left[:, None, None], (left + wide)[:, None, None]
    hit = (rows >= low) & (rows < high) & (columns >= first) & (columns < last)
    hit &= (chance < probability)[:, None, None]
    return torch.where(hit[:, None], faces.mean((1, 2, 3), keepdim=True), faces)

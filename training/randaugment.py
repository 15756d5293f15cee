"""RandAugment for a whole batch of tensors: a few changes of one strength for each face, drawn from a list.

Cubuk et al. 2020, arXiv 1909.13719. Of their list the change of colour is left out, because faces may be grey, and
equalisation, which has to sort the pixels of each face for itself; `stretch` is what they call autocontrast.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from training.recipe import AugmentSpec

# Faces (M, C, H, W) in 0..255 and signed strengths (M,) in -1..1, 0 being no change where a change has a direction.
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def random_changes(faces: torch.Tensor, spec: AugmentSpec, generator: torch.Generator) -> torch.Tensor:
    """Each face after `random_ops` changes drawn from `CHANGES`, any of them more than once.

    Args:
        faces: float (N, C, H, W) in 0..255.
        spec: `random_ops` and `random_magnitude`.
        generator: source of chance, on the device of the faces.

    Returns:
        float (N, C, H, W) in 0..255.
    """
    faces = faces.clone()
    n, device = len(faces), faces.device
    for _ in range(spec.random_ops):
        drawn = torch.randint(len(CHANGES), (n,), generator=generator, device=device)
        sign = torch.rand(n, generator=generator, device=device).sub(0.5).sign()
        strength = sign * (spec.random_magnitude / 10)
        for number, change in enumerate(CHANGES.values()):
            chosen = (drawn == number).nonzero().flatten()
            if len(chosen):
                faces[chosen] = change(faces[chosen], strength[chosen]).clamp(0, 255)
    return faces


def _per_face(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)


def _moved(faces: torch.Tensor, matrix: list[list[torch.Tensor | float]]) -> torch.Tensor:
    """Each face where (x, y) of the result, in -1..1, is taken from matrix (x, y, 1); the border is repeated."""
    like = torch.zeros(len(faces), device=faces.device)
    theta = torch.stack([torch.stack([like + cell for cell in row], 1) for row in matrix], 1)
    grid = functional.affine_grid(theta, list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def _rotated(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """By up to 30 degrees."""
    angle = strength * math.radians(30)
    return _moved(faces, [[angle.cos(), -angle.sin(), 0.0], [angle.sin(), angle.cos(), 0.0]])


def _sheared_x(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Rows by up to 0.3 of their distance from the middle."""
    return _moved(faces, [[1.0, 0.3 * strength, 0.0], [0.0, 1.0, 0.0]])


def _sheared_y(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return _moved(faces, [[1.0, 0.0, 0.0], [0.3 * strength, 1.0, 0.0]])


def _shifted_x(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """By up to 0.3 of the side; the coordinates of a side are two."""
    return _moved(faces, [[1.0, 0.0, 0.6 * strength], [0.0, 1.0, 0.0]])


def _shifted_y(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return _moved(faces, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.6 * strength]])


def _brighter(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Times 0.1 to 1.9."""
    return faces * _per_face(1 + 0.9 * strength)


def _contrasted(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """The distance from the face's mean times 0.1 to 1.9."""
    mean = faces.mean((1, 2, 3), keepdim=True)
    return mean + (faces - mean) * _per_face(1 + 0.9 * strength)


def _sharpened(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """The distance from the mean of each pixel's 3x3 neighbours times 0.1 to 1.9."""
    blurred = functional.avg_pool2d(functional.pad(faces, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return blurred + (faces - blurred) * _per_face(1 + 0.9 * strength)


def _stretched(faces: torch.Tensor, _strength: torch.Tensor) -> torch.Tensor:
    """From darkest to brightest over the full range, each channel for itself; a blank one stays."""
    low, high = faces.amin((2, 3), keepdim=True), faces.amax((2, 3), keepdim=True)
    return torch.where(high > low, (faces - low) * 255 / (high - low).clamp(min=1e-6), faces)


def _posterised(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Eight bits down to four."""
    step = _per_face(2 ** (4 * strength.abs()).round())
    return (faces / step).floor() * step


def _solarised(faces: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """What is brighter than a threshold, from 256 down to 0, inverted."""
    return torch.where(faces >= _per_face(256 * (1 - strength.abs())), 255 - faces, faces)


def _kept(faces: torch.Tensor, _strength: torch.Tensor) -> torch.Tensor:
    return faces


CHANGES: dict[str, Change] = {
    "identity": _kept,
    "rotate": _rotated,
    "shear-x": _sheared_x,
    "shear-y": _sheared_y,
    "translate-x": _shifted_x,
    "translate-y": _shifted_y,
    "brightness": _brighter,
    "contrast": _contrasted,
    "sharpness": _sharpened,
    "stretch": _stretched,
    "posterise": _posterised,
    "solarise": _solarised,
}

"""Mixup and CutMix: each face of a batch with another one of it, and their targets in the same shares."""

from __future__ import annotations

import numpy as np
import torch

from training.recipe import AugmentSpec


def mix(
    pixels: torch.Tensor, targets: torch.Tensor, spec: AugmentSpec, chance: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch mixed with itself in another order.

    Mixup (Zhang et al. 2018, arXiv 1710.09412) adds two faces in the shares l and 1 - l; CutMix (Yun et al. 2019,
    arXiv 1905.04899) sets a rectangle of the share 1 - l of one face into the other. l is of the distribution
    Beta(alpha, alpha), one for the whole batch. A rectangle may reach over the border; the targets follow the pixels
    that were set in truth.

    Args:
        pixels: float (N, C, H, W).
        targets: float (N, K), rows sum to 1.
        spec: `mixup`, `cutmix` and `mix_probability`.
        chance: decides everything, whatever the device.

    Returns:
        Pixels and targets of the same shapes; where nothing is mixed those that were given.
    """
    ways = [name for name in ("mixup", "cutmix") if getattr(spec, name)]
    if not ways or len(pixels) < 2 or chance.random() >= spec.mix_probability:
        return pixels, targets
    way = ways[int(chance.integers(len(ways)))]
    alpha = getattr(spec, way)
    kept = float(chance.beta(alpha, alpha))
    order = torch.from_numpy(chance.permutation(len(pixels))).to(pixels.device)
    if way == "mixup":
        pixels = torch.lerp(pixels[order], pixels, kept)
    else:
        top, bottom, left, right = rectangle(pixels.shape[2], pixels.shape[3], kept, chance)
        others = pixels[order]
        pixels = pixels.clone()
        pixels[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
        kept = 1 - (bottom - top) * (right - left) / (pixels.shape[2] * pixels.shape[3])
    return pixels, torch.lerp(targets[order], targets, kept)


def rectangle(height: int, width: int, kept: float, chance: np.random.Generator) -> tuple[int, int, int, int]:
    """(top, bottom, left, right), pixels, of a rectangle of the share 1 - kept, centred anywhere, cut at the border."""
    share = (1 - kept) ** 0.5
    tall, wide = int(height * share), int(width * share)
    top, left = int(chance.integers(height)) - tall // 2, int(chance.integers(width)) - wide // 2
    return max(top, 0), min(top + tall, height), max(left, 0), min(left + wide, width)

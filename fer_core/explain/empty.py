"""Pictures without what a face shows: what stands in for pixels that are taken away."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch

BLUR = 0.1  # standard deviation of the blur, as a fraction of the side: features go, light and shade stay


def mean_of(inputs: torch.Tensor) -> torch.Tensor:
    """(N, C, 1, 1) each face's own mean, so that its light is not counted as evidence."""
    return inputs.mean((2, 3), keepdim=True)


def blurred(inputs: torch.Tensor, sigma: float = BLUR) -> torch.Tensor:
    """(N, C, S, S) each face out of focus.

    Args:
        inputs: (N, C, S, S).
        sigma: of the Gaussian, as a fraction of the side. Edges are mirrored.
    """
    by_px = sigma * inputs.shape[-1]
    planes = inputs.float().cpu().numpy().reshape(-1, *inputs.shape[2:])
    soft = [cv2.GaussianBlur(plane, (0, 0), by_px, borderType=cv2.BORDER_REFLECT_101) for plane in planes]
    out = np.stack(soft).reshape(inputs.shape) if soft else np.empty(tuple(inputs.shape), np.float32)
    return torch.from_numpy(np.asarray(out, np.float32)).to(inputs.device, inputs.dtype)


def evened(inputs: torch.Tensor) -> torch.Tensor:
    """(N, C, S, S) each face's own mean everywhere."""
    return mean_of(inputs).expand_as(inputs)


EMPTY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"blur": blurred, "mean": evened}
"""What pixels are replaced by, by name."""

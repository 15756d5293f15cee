"""A small network that finds five points in tight 48x48 crops, where detectors of faces fail or are not there.

Each point is the mean place of a map of 12 x 12 weights (integral regression: Sun et al. 2018, arXiv 1711.08229), so
that a face that moves moves its points. A further output is the error that the network expects of itself, learned from
the error that it made (as in Kendall and Gal 2017, arXiv 1703.04977); of a picture without a face it expects a large
one. Beside each face its mirror image is looked at and the mean is given, so that a mirrored face has mirrored points.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

SIDE_PX = 48
FOLDER = Path(__file__).resolve().parent / "landmarks"
WEIGHTS = FOLDER / "model.safetensors"
IN_MIRROR = (1, 0, 2, 4, 3)  # the five points of `fer_core.faces.LANDMARKS` in a mirror

_AT_ONCE = 256
_FLAT = 6.0  # deviation in 0..255 below which a picture's contrast is not raised to that of the others


def _block(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class LandmarkNet(nn.Module):
    """Five points and the error that is expected of them; 0.1 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(_block(1, 16, 2), _block(16, 40, 2), _block(40, 40))
        self.coarse = nn.Sequential(_block(40, 72, 2), _block(72, 72))
        self.maps = nn.Sequential(nn.Conv2d(112, 40, 1, bias=False), nn.BatchNorm2d(40), nn.ReLU(), nn.Conv2d(40, 5, 1))
        self.doubt = nn.Sequential(nn.Linear(72, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (N, 5, 2), fractions of the sides, and log errors (N,), of pixels (N, 1, 48, 48) in 0..255.

        The error is the mean distance from the true points over the distance between the eyes.
        """
        x = pixels.float()
        spread = x.std((1, 2, 3), keepdim=True).clamp_min(_FLAT)
        fine = self.fine((x - x.mean((1, 2, 3), keepdim=True)) / spread)
        coarse = self.coarse(fine)
        wide = functional.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=False)
        weights = self.maps(torch.cat([fine, wide], 1)).float().flatten(2).softmax(2)
        height, width = fine.shape[-2:]
        weights = weights.view(-1, 5, height, width)
        x_at = (torch.arange(width, device=x.device) + 0.5) / width
        y_at = (torch.arange(height, device=x.device) + 0.5) / height
        points = torch.stack([(weights.sum(2) * x_at).sum(2), (weights.sum(3) * y_at).sum(2)], 2)
        return points, self.doubt(coarse.mean((2, 3))).float().squeeze(1)


@functools.cache
def shipped() -> LandmarkNet:
    """The network with the weights that come with FERScope.

    Raises:
        CheckpointError: they are missing or damaged.
    """
    from fer_core.checkpoint import read_weights

    network = LandmarkNet()
    network.load_state_dict({name: values.float() for name, values in read_weights(WEIGHTS).items()})
    return network.eval()


def find_five(pixels: NDArray[np.uint8], network: LandmarkNet | None = None) -> tuple[
    NDArray[np.float64], NDArray[np.float64]
]:  # fmt: skip
    """The five points of tight crops.

    Args:
        pixels: (N, 48, 48) grey. N may be 0.
        network: default: `shipped`.

    Returns:
        (N, 5, 2) fractions of the sides, in the order of `fer_core.faces.LANDMARKS`, and (N,) the error that the
        network expects: mean distance from the true points over the distance between the eyes.

    Raises:
        CheckpointError: as `shipped`.
    """
    network = network or shipped()
    points, errors = [np.empty((0, 5, 2))], [np.empty(0)]
    for start in range(0, len(pixels), _AT_ONCE):
        faces = torch.from_numpy(np.ascontiguousarray(pixels[start : start + _AT_ONCE]))[:, None]
        with torch.inference_mode():
            five, doubt = network(faces)
            mirrored, again = network(faces.flip(3))
        back = mirrored[:, list(IN_MIRROR)] * torch.tensor((-1.0, 1.0)) + torch.tensor((1.0, 0.0))
        points.append(((five + back) / 2).double().numpy())
        errors.append(((doubt + again) / 2).exp().double().numpy())
    return np.concatenate(points), np.concatenate(errors)

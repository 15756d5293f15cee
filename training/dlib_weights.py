"""Reads the weights of dlib's network for face recognition from dlib's own file format.

A file holds a network's layers in the order of their work, each as its name, a tensor and settings
(dlib/dnn/layers.h). A whole number is a byte that says how many bytes follow, and those, the lowest first; a tensor is
the version 2, four sizes, and float32 values, the lowest byte first (dlib/cuda/gpu_data.h, tensor.h).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.merged import set_merged

_CONVOLUTION, _AFFINE = b"\x05con_4", b"\x07affine_"  # the name's length stands before it


def load_dlib(model: nn.Module, file: Path) -> None:
    """Fills a network's convolutions and normalisations with a file's weights; any other layer stays as it is.

    dlib has merged the statistics of its normalisations into scale and shift, and its convolutions have shifts too: all
    that becomes weight and bias of the normalisation, whose statistics are set to mean 0 and variance 1 (less its
    epsilon). So the network answers as dlib's does, as long as it is not trained: see
    `training.merged.restore_statistics`.

    Args:
        model: convolutions without bias, each followed by a normalisation, in the file's order.
        file: `dlib_face_recognition_resnet_model_v1.dat`.

    Raises:
        ValueError: the file holds another network, or is damaged.
        OSError: it cannot be read.
    """
    data = file.read_bytes()
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    if data.count(_AFFINE) != len(norms):
        raise ValueError(f"{data.count(_AFFINE)} normalisations, where the network has {len(norms)}")
    position = 0
    with torch.no_grad():
        for convolution, norm in zip(convolutions, norms, strict=True):
            values, position = _tensor(data, _CONVOLUTION, position, convolution.weight.numel() + norm.num_features)
            weight, shift = values[: -norm.num_features], values[-norm.num_features :]
            convolution.weight.copy_(weight.view_as(convolution.weight))
            values, position = _tensor(data, _AFFINE, position, 2 * norm.num_features)
            scale, offset = values.chunk(2)
            set_merged(norm, scale, offset + scale * shift)


def _tensor(data: bytes, name: bytes, start: int, size: int) -> tuple[torch.Tensor, int]:
    """The tensor after the next layer of a name, and where it ends."""
    position = data.find(name, start)
    if position < 0:
        raise ValueError(f"no layer {name[1:].decode()} after byte {start:,}")
    position += len(name)
    numbers = []
    for _ in range(5):
        number, position = _whole_number(data, position)
        numbers.append(number)
    if numbers != [2, size, 1, 1, 1]:
        raise ValueError(f"the sizes {numbers} at byte {position:,}, where {[2, size, 1, 1, 1]} fit the network")
    end = position + 4 * size
    if end > len(data):
        raise ValueError(f"it ends after {len(data):,} bytes, in the middle of a layer")
    return torch.from_numpy(np.frombuffer(data[position:end], "<f4").astype(np.float32)), end


def _whole_number(data: bytes, position: int) -> tuple[int, int]:
    end = position + 1 + (data[position] & 0x0F)
    return int.from_bytes(data[position + 1 : end], "little"), end

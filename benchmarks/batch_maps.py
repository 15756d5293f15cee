"""Grad-CAM over a data set in batches, against the package `grad-cam` called picture by picture.

    python -m benchmarks.batch_maps [--checkpoint NAME] [--faces 256] [--threads 1]

Both explain the same prepared faces and the same classes, in turns within one run. The package's maps are cut at zero
and stretched to 0..1; ours are compared with them after the same. The goal is at least 10 times as many faces a second.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from benchmarks.timing import Figure, interleaved_ms
from fer_core.checkpoint import open_checkpoint
from fer_core.explain import default_layer, explain_batch, saliency_layers
from fer_core.workspace import DEFAULT_CHECKPOINT

GOAL = 10.0
TOLERANCE = 1e-4


def _one_by_one(model: nn.Module, layer: nn.Module, faces: torch.Tensor, targets: list[int]) -> NDArray[np.float32]:
    """(N, S, S) the package's maps, 0..1."""
    with GradCAM(model, [layer]) as cam:
        return np.concatenate([cam(faces[i : i + 1], [ClassifierOutputTarget(t)]) for i, t in enumerate(targets)])


def measured(checkpoint: str, n: int, threads: int) -> tuple[float, float, float]:
    """Faces a second of the package, of ours, and the largest difference of two maps."""
    opened = open_checkpoint(checkpoint)
    model, how = opened.load(), opened.card.preprocess
    torch.set_num_threads(threads)
    faces = torch.randn(n, how.channels, how.size_px, how.size_px, generator=torch.Generator().manual_seed(0))
    faces = nn.functional.avg_pool2d(faces, 7, 1, 3) * 4  # blobs: of plain noise most maps are empty
    with torch.no_grad():
        targets = model(faces).argmax(1).tolist()
    layer = default_layer(saliency_layers(model, how.channels, how.size_px)).name
    package = model.get_submodule(layer)
    times = interleaved_ms(
        {
            "package": lambda: _one_by_one(model, package, faces, targets),
            "ours": lambda: explain_batch(model, faces, targets, layer=layer),
        },
        rounds=5,
        warm_up=1,
    )
    theirs = _one_by_one(model, package, faces, targets)
    size = (how.size_px, how.size_px)
    raw = np.maximum(explain_batch(model, faces, targets, layer=layer), 0)
    same = scale_cam_image(scale_cam_image(raw, size))
    return n / times["package"] * 1e3, n / times["ours"] * 1e3, float(np.abs(theirs - same).max())


def figures() -> list[Figure]:
    """The shipped model on one thread."""
    package, ours, apart = measured(DEFAULT_CHECKPOINT, 256, 1)
    shown = f"{ours / package:.1f} times as many ({ours:.0f} to {package:.0f} a second), maps {apart:.0e} apart"
    what = "Grad-CAM maps in batches, against the package picture by picture"
    return [Figure(what, shown, f"at least {GOAL:.0f} times", ours / package >= GOAL and apart <= TOLERANCE)]


def main() -> None:
    """Prints both speeds, their ratio, and how far maps are apart."""
    parser = argparse.ArgumentParser(description="Grad-CAM in batches against the package picture by picture.")
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--faces", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    package, ours, apart = measured(given.checkpoint, given.faces, given.threads)
    print(f"{given.faces} faces, {given.threads} thread(s), medians of 5 rounds in turns")
    print(f"package, one by one: {package:.0f} faces/s; in batches: {ours:.0f} faces/s; ratio {ours / package:.1f}")
    print(f"largest difference of two maps (0..1): {apart:.1e}")


if __name__ == "__main__":
    main()

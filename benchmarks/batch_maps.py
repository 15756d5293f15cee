"""Grad-CAM over a data set in batches, against the package `grad-cam` called picture by picture.

    python -m benchmarks.batch_maps [--checkpoint NAME] [--faces 256] [--threads 2]

Both explain the same faces and the same classes, in turns within one run; ours prepares them too, the package is given
them prepared. Its maps are cut at zero and stretched to 0..1; ours are compared with them after the same. The goal is
at least 10 times as many faces a second.
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
from fer_core.explain import Explainer
from fer_core.workspace import DEFAULT_CHECKPOINT

GOAL = 10.0
TOLERANCE = 1e-4


def _one_by_one(model: nn.Module, layer: nn.Module, faces: torch.Tensor, targets: list[int]) -> NDArray[np.float32]:
    """(N, S, S) the package's maps, 0..1."""
    with GradCAM(model, [layer]) as cam:
        return np.concatenate([cam(faces[i : i + 1], [ClassifierOutputTarget(t)]) for i, t in enumerate(targets)])


def _blobs(n: int, side: int) -> list[NDArray[np.uint8]]:
    """Soft pictures: of plain noise most maps are empty."""
    noise = torch.randn(n, 1, side, side, generator=torch.Generator().manual_seed(0))
    soft = nn.functional.avg_pool2d(noise, 7, 1, 3)[:, 0]
    return list((128 + 350 * soft).clamp(0, 255).to(torch.uint8).numpy())


def measured(checkpoint: str, n: int, threads: int) -> tuple[float, float, float]:
    """Faces a second of the package, of ours, and the largest difference of two maps."""
    opened = open_checkpoint(checkpoint)
    model, explainer, how = opened.load(), Explainer(opened), opened.card.preprocess
    torch.set_num_threads(threads)
    crops = _blobs(n, how.size_px)
    faces = how(crops)
    targets = explainer.logits(faces).argmax(1).tolist()
    layer = model.get_submodule(explainer.default_layer.name)
    times = interleaved_ms(
        {
            "package": lambda: _one_by_one(model, layer, faces, targets),
            "ours": lambda: explainer.explain_faces(crops, targets),
        },
        rounds=5,
        warm_up=1,
    )
    theirs = _one_by_one(model, layer, faces, targets)
    raw = np.maximum(explainer.explain_faces(crops, targets).raw, 0)
    same = scale_cam_image(scale_cam_image(raw, (how.size_px, how.size_px)))
    return n / times["package"] * 1e3, n / times["ours"] * 1e3, float(np.abs(theirs - same).max())


def figures() -> list[Figure]:
    """The shipped model on two threads."""
    package, ours, apart = measured(DEFAULT_CHECKPOINT, 256, 2)
    shown = f"{ours / package:.1f} times as many ({ours:.0f} to {package:.0f} a second), maps {apart:.0e} apart"
    what = "Grad-CAM maps in batches, against the package picture by picture"
    return [Figure(what, shown, f"at least {GOAL:.0f} times", ours / package >= GOAL and apart <= TOLERANCE)]


def main() -> None:
    """Prints both speeds, their ratio, and how far maps are apart."""
    parser = argparse.ArgumentParser(description="Grad-CAM in batches against the package picture by picture.")
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--faces", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    package, ours, apart = measured(given.checkpoint, given.faces, given.threads)
    print(f"{given.faces} faces, {given.threads} thread(s), medians of 5 rounds in turns")
    print(f"package, one by one: {package:.0f} faces/s; in batches: {ours:.0f} faces/s; ratio {ours / package:.1f}")
    print(f"largest difference of two maps (0..1): {apart:.1e}")


if __name__ == "__main__":
    main()

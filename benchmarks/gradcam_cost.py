"""What one Grad-CAM map costs, against one forward and one backward pass of the same network.

    OMP_NUM_THREADS=2 python -m benchmarks.gradcam_cost [--checkpoint NAME] [--rounds 200]

The two are measured in turn within one run, so that another program's load falls on both. Without a checkpoint the
compact network has random weights, which changes no time. The goal is a ratio of at most 1.5 at the default layer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from fer_core.checkpoint import open_checkpoint
from fer_core.explain import default_layer, explain_batch, saliency_layers
from fer_core.models import create_model

GOAL = 1.5


def _ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def _in_turn(ours: Callable[[], object], reference: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Medians of both in milliseconds, and the median of the ratios within a round."""
    for _ in range(10):
        ours()
        reference()
    pairs = [(_ms(ours), _ms(reference)) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def _forward_and_backward(model: nn.Module, face: torch.Tensor) -> None:
    model.zero_grad(set_to_none=True)
    model(face)[0, 3].backward()


def main() -> None:
    """Prints a line for each number of threads and each layer measured."""
    parser = argparse.ArgumentParser(description="Cost of a Grad-CAM map against one forward and one backward pass.")
    parser.add_argument("--checkpoint", help="name of a checkpoint; otherwise the compact network, random weights")
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    model, channels, side = create_model("compact", num_classes=7, in_channels=1).eval(), 1, 48
    if given.checkpoint:
        checkpoint = open_checkpoint(given.checkpoint)
        how = checkpoint.card.preprocess
        model, channels, side = checkpoint.load(), how.channels, how.size_px
    face = torch.randn(1, channels, side, side)
    layers = saliency_layers(model, channels, side)
    print(f"input {channels} x {side} x {side}, one face, {given.rounds} rounds, medians")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for layer in (default_layer(layers), layers[0]):
            ours, reference, ratio = _in_turn(
                lambda name=layer.name: explain_batch(model, face, [3], method="gradcam", layer=name),  # type: ignore[misc]
                lambda: _forward_and_backward(model, face),
                given.rounds,
            )
            goal = f", goal {GOAL}: {'met' if ratio <= GOAL else 'missed'}" if layer is layers[-1] else ""
            print(
                f"{threads} thread(s), layer {layer.name}: Grad-CAM {ours:.2f} ms, "
                f"forward + backward {reference:.2f} ms, ratio {ratio:.2f}{goal}"
            )


if __name__ == "__main__":
    main()

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

from benchmarks.timing import Figure
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


def _cost(network: tuple[nn.Module, int, int], layer: str, threads: int, rounds: int) -> tuple[float, float, float]:
    model, channels, side = network
    face = torch.randn(1, channels, side, side)
    torch.set_num_threads(threads)
    return _in_turn(
        lambda: explain_batch(model, face, [3], method="gradcam", layer=layer),
        lambda: _forward_and_backward(model, face),
        rounds,
    )


def _network(checkpoint: str | None) -> tuple[nn.Module, int, int]:
    """A network with the channels and the side of its input."""
    if checkpoint is None:
        return create_model("compact", num_classes=7, in_channels=1).eval(), 1, 48
    opened = open_checkpoint(checkpoint)
    return opened.load(), opened.card.preprocess.channels, opened.card.preprocess.size_px


def figures() -> list[Figure]:
    """The default layer of the compact network, on one thread and on two."""
    network = _network(None)
    layer = default_layer(saliency_layers(*network)).name
    one, two = (_cost(network, layer, threads, 200)[2] for threads in (1, 2))
    measured = f"{one:.2f} (one thread), {two:.2f} (two)"
    what = "Grad-CAM against one forward and one backward pass"
    return [Figure(what, measured, f"at most {GOAL}", max(one, two) <= GOAL)]


def main() -> None:
    """Prints a line for each number of threads and each layer measured."""
    parser = argparse.ArgumentParser(description="Cost of a Grad-CAM map against one forward and one backward pass.")
    parser.add_argument("--checkpoint", help="name of a checkpoint; otherwise the compact network, random weights")
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    network = _network(given.checkpoint)
    layers = saliency_layers(*network)
    print(f"input {network[1]} x {network[2]} x {network[2]}, one face, {given.rounds} rounds, medians")
    for threads in (1, 2):
        for layer in (default_layer(layers), layers[0]):
            ours, reference, ratio = _cost(network, layer.name, threads, given.rounds)
            goal = f", goal {GOAL}: {'met' if ratio <= GOAL else 'missed'}" if layer is layers[-1] else ""
            print(
                f"{threads} thread(s), layer {layer.name}: Grad-CAM {ours:.2f} ms, "
                f"forward + backward {reference:.2f} ms, ratio {ratio:.2f}{goal}"
            )


if __name__ == "__main__":
    main()

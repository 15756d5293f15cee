"""Occlusion: how far the score falls when a square of the face is hidden."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.explain.empty import mean_of
from fer_core.explain.methods import Method, Option, Settings, register_method
from fer_core.explain.progress import Bars
from fer_core.explain.record import Pass


def _cells(side: int, settings: Settings) -> int:
    return min(side, int(settings["cells"]))


def _run(p: Pass, settings: Settings) -> NDArray[np.float32]:
    """Squares do not overlap, so that the map's own size says how fine it is."""
    side = p.inputs.shape[2]
    cells = _cells(side, settings)
    ends = np.linspace(0, side, cells + 1).round().astype(int).tolist()
    blank = mean_of(p.inputs)
    found = np.empty((len(p.inputs), cells, cells), np.float32)
    for cell in Bars.tqdm(range(cells * cells)):
        row, column = divmod(cell, cells)
        hidden = p.inputs.clone()
        hidden[:, :, ends[row] : ends[row + 1], ends[column] : ends[column + 1]] = blank
        with torch.no_grad():
            logits = p.model(hidden).float().cpu()
        found[:, row, column] = [
            float(score(own) - score(other)) for score, own, other in zip(p.scores, p.logits, logits, strict=True)
        ]
    return found


register_method(
    Method(
        name="occlusion",
        title="Occlusion",
        summary="How far the score falls when a square is filled with the face's mean grey, in logits. Negative where "
        "it rises. The only map here that is an intervention; squares are hidden one at a time.",
        cost="A forward pass per square, 144 by default, no backward pass.",
        passes=lambda _channels: (145, 0),
        class_specific=True,
        signed=True,
        uses_gradients=False,
        reference="Zeiler and Fergus 2014, Visualizing and understanding convolutional networks, arXiv 1311.2901",
        run=_run,
        options=(Option("cells", int, 12, 2, 64, "Squares to a side; at most one per pixel."),),
        input_map_hw=lambda side, settings: (_cells(side, settings),) * 2,
    )
)

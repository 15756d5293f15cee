"""Integrated gradients: what each pixel adds to the score on the way from an empty picture to the face.

Written here rather than taken from captum, because a map must meet completeness to 1 %, which captum leaves to the
caller, and must go through the lock and the scores of `record`; what is left is the sum below.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.explain.empty import mean_of
from fer_core.explain.methods import Method, Option, Settings, register_method
from fer_core.explain.progress import Bars
from fer_core.explain.record import Pass, Score

TOLERANCE = 0.01
_DOUBLINGS = 4
# A thousandth of a logit is no difference; without it a face whose score is that of the empty picture never ends.
_SMALL = 1e-3


def _run(p: Pass, settings: Settings) -> NDArray[np.float32]:
    blank = mean_of(p.inputs)
    with torch.no_grad():
        empty = _total_each(p.model(blank.expand_as(p.inputs)), p.scores)
    wanted = _total_each(p.logits.to(empty.device), p.scores) - empty
    steps = int(settings["steps"])
    found = _attributions(p, blank, range(len(p.inputs)), steps)
    for _ in range(_DOUBLINGS):
        missed = ((found.sum((1, 2)) - wanted).abs() > TOLERANCE * wanted.abs() + _SMALL).nonzero().flatten().tolist()
        if not missed:
            break
        steps *= 2
        found[missed] = _attributions(p, blank, missed, steps)
    return np.asarray(found.float().cpu().numpy(), np.float32)


def _attributions(p: Pass, blank: torch.Tensor, rows: range | list[int], steps: int) -> torch.Tensor:
    """(n, S, S) float64: the mean gradient at the middles of `steps` equal parts of the way, times the way.

    One step of all faces at a time, so that memory does not grow with the steps.
    """
    chosen = list(rows)
    start, scores = blank[chosen], [p.scores[row] for row in chosen]
    way = p.inputs[chosen] - start
    total = torch.zeros_like(way, dtype=torch.float64)
    for step in Bars.tqdm(range(steps)):
        point = (start + way * ((step + 0.5) / steps)).requires_grad_()
        score = _total_each(p.model(point.clone()), scores).sum()  # a first layer may change its input in place
        total += torch.autograd.grad(score, point)[0]
    return (total / steps * way).sum(1)


def _total_each(logits: torch.Tensor, scores: list[Score] | tuple[Score, ...]) -> torch.Tensor:
    return torch.stack([score(row) for score, row in zip(scores, logits, strict=True)])


register_method(
    Method(
        name="integrated",
        title="Integrated gradients",
        summary="What each pixel adds to the score between a picture of the face's mean grey and the face; the map "
        "sums to the difference of the two scores, to 1 %. Negative values speak against the class.",
        cost="64 forward and backward passes through the whole network, up to 1,024 where fewer miss the sum.",
        passes=lambda _channels: (66, 64),
        class_specific=True,
        signed=True,
        uses_gradients=False,  # of a layer
        reference="Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks, arXiv 1703.01365",
        run=_run,
        options=(
            Option("steps", int, 64, 8, 512, "Parts of the way; doubled up to four times where the sum is missed."),
        ),
        input_map_hw=lambda side, _settings: (side, side),
    )
)

"""The table of interventions: what each group of faces loses with each region, beside its control."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.bootstrap import USUAL, Interval, Resampling, intervals, resampled_means
from fer_core.regions.attribution import Group
from fer_core.regions.intervention import Interventions
from fer_core.regions.masks import REGIONS
from fer_core.regions.table import UNKNOWN, GroupRow, groups_told


@dataclass(frozen=True)
class EffectRow(GroupRow):
    """One region of one group under one fill; differences are paired, face by face.

    Attributes:
        fill: one of `FILLS`.
        region: one of `REGIONS`.
        n: faces that have the region (and, for a swap, a partner).
        drop: mean fall of the explained logit.
        drop_interval: its bootstrap interval.
        control: mean fall with the region's shape at a random place.
        control_interval: its bootstrap interval.
        effect: drop less control.
        effect_interval: its bootstrap interval.
        n_labelled: faces of these that have a label.
        accuracy: of the unchanged faces, 0..1.
        accuracy_drop: how much of it is lost.
        accuracy_drop_interval: its bootstrap interval.
        accuracy_control: how much is lost with the control.
        accuracy_control_interval: its bootstrap interval.
        drives: whether the drop, and the drop less control, lie above zero with an error of 5 % over all eight regions
            together (Bonferroni).
    """

    fill: str
    region: str
    n: int
    drop: float
    drop_interval: Interval
    control: float
    control_interval: Interval
    effect: float
    effect_interval: Interval
    n_labelled: int
    accuracy: float
    accuracy_drop: float
    accuracy_drop_interval: Interval
    accuracy_control: float
    accuracy_control_interval: Interval
    drives: bool


def effect_table(
    found: Interventions, groups: Sequence[Group] | None = None, how: Resampling = USUAL
) -> list[EffectRow]:
    """A row for every group, fill and region, in this order.

    Args:
        found: of N faces.
        groups: default: `groups_of` the faces.
        how: the bootstrap.

    Returns:
        NaN with n = 0 where a group has no such face; intervals are NaN below two faces.
    """
    return [
        _row(found, group, (f, r), how)
        for group in groups_told(found, groups)
        for f in range(len(found.fills))
        for r in range(len(REGIONS))
    ]


def _row(found: Interventions, group: Group, place: tuple[int, int], how: Resampling) -> EffectRow:
    f, r = place
    drop, control = found.drop[f, r, group.rows], found.control[f, r, group.rows]
    logits = np.stack([drop, control, drop - control], 1)
    before = found.right_before[group.rows]
    right, control_right = found.right[f, r, group.rows], found.control_right[f, r, group.rows]
    answers = np.stack([before, before - right, before - control_right], 1)
    means, spread, n, strict = _summed(logits, how)
    rates, rate_spread, n_labelled, _ = _summed(answers, how)
    return EffectRow(
        **group.told(),
        fill=found.fills[f],
        region=REGIONS[r],
        n=n,
        drop=means[0],
        drop_interval=spread[0],
        control=means[1],
        control_interval=spread[1],
        effect=means[2],
        effect_interval=spread[2],
        n_labelled=n_labelled,
        accuracy=rates[0],
        accuracy_drop=rates[1],
        accuracy_drop_interval=rate_spread[1],
        accuracy_control=rates[2],
        accuracy_control_interval=rate_spread[2],
        drives=strict[0][0] > 0 and strict[2][0] > 0,
    )


_Summed = tuple[list[float], list[Interval], int, list[Interval]]


def _summed(values: NDArray[np.float32], how: Resampling) -> _Summed:
    """Means, intervals, number, and intervals at the stricter confidence, of the columns of the rows without NaN."""
    known = values[np.isfinite(values).all(1)].astype(np.float64)
    k = values.shape[1]
    if not len(known):
        return [math.nan] * k, [UNKNOWN] * k, 0, [UNKNOWN] * k
    if len(known) == 1:
        return known[0].tolist(), [UNKNOWN] * k, 1, [UNKNOWN] * k
    draws = resampled_means(known, how)
    strict = 1 - (1 - how.confidence) / len(REGIONS)
    return known.mean(0).tolist(), intervals(draws, how.confidence), len(known), intervals(draws, strict)

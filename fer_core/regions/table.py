"""The table of regions by group: shares and densities with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.bootstrap import USUAL, Interval, Resampling, intervals, plain, resampled_means
from fer_core.regions.attribution import Attribution, Explained, Group, groups_of
from fer_core.regions.masks import REGIONS
from fer_core.regions.resolution import claims

UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class GroupRow:
    """What is told of a group of faces.

    Attributes:
        group: title of the group; see `Group.title`.
        label: true class, or None for all.
        outcome: as in `Group`.
        predicted: as in `Group`.
    """

    group: str
    label: str | None
    outcome: str
    predicted: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes None."""
        return {name: plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class RegionRow(GroupRow):
    """One region of one group.

    Attributes:
        region: one of `REGIONS`.
        n: faces whose map has any weight.
        share: mean share of the map, 0..1.
        share_interval: its bootstrap interval.
        density: mean share over mean area. A ratio of means: a mean of ratios would be ruled by the few faces of whose
            region hardly a pixel is seen. An even map has 1.
        density_interval: its bootstrap interval.
        prior_density: mean share over the centre prior's mean share. A map of the middle has 1.
        prior_density_interval: its bootstrap interval.
        claim: whether the map is fine enough to speak of the region; see `claims`.
        reason: why not; empty where it is.
    """

    region: str
    n: int
    share: float
    share_interval: Interval
    density: float
    density_interval: Interval
    prior_density: float
    prior_density_interval: Interval
    claim: bool
    reason: str


def region_table(
    attribution: Attribution, groups: Sequence[Group] | None = None, how: Resampling = USUAL
) -> list[RegionRow]:
    """A row for every group and region, groups first.

    Args:
        attribution: of N faces.
        groups: default: `groups_of` the attribution.
        how: the bootstrap.

    Returns:
        NaN with n = 0 for a group without faces; intervals are NaN below two faces.
    """
    told = claims(attribution.boxes, attribution.size_px, attribution.map_hw)
    rows = []
    for group in groups_told(attribution, groups):
        columns = _columns(attribution, group.rows, how)
        for k, region in enumerate(REGIONS):
            cells = {name: values[k] for name, values in columns.items()}
            rows.append(RegionRow(**group.told(), region=region, claim=told[k].allowed, reason=told[k].reason, **cells))
    return rows


def groups_told(faces: Explained, groups: Sequence[Group] | None) -> Sequence[Group]:
    """The groups; None: `groups_of` the faces."""
    return groups_of(faces.labels, faces.predicted, faces.classes) if groups is None else groups


def _columns(attribution: Attribution, rows: NDArray[np.int64], how: Resampling) -> dict[str, list[Any]]:
    """The figures of a group by their names in `RegionRow`, a list over `REGIONS` each."""
    rows = rows[np.isfinite(attribution.share[rows, 0])]
    values = np.hstack([attribution.share[rows], attribution.area[rows], attribution.prior[rows]])
    k, n = len(REGIONS), len(rows)
    means = values.mean(0) if n else np.full(3 * k, np.nan)
    draws = resampled_means(values, how)
    found: dict[str, list[Any]] = {"n": [n] * k}
    for name, below in (("share", None), ("density", slice(k, 2 * k)), ("prior_density", slice(2 * k, 3 * k))):
        found[name] = _ratio(means[:k], None if below is None else means[below]).tolist()
        spread = _ratio(draws[:, :k], None if below is None else draws[:, below])
        found[f"{name}_interval"] = intervals(spread, how.confidence) if n > 1 else [UNKNOWN] * k
    return found


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if below is None:
        return above
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))

"""Everything that is said of a model's regions on one data set, for the terminal, a file and the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fer_core.evaluate.bootstrap import USUAL, Interval, Resampling
from fer_core.explain.layers import LayerInfo
from fer_core.explain.members import member_note
from fer_core.regions.action_units import UnitRow, unit_table
from fer_core.regions.attribution import Attribution
from fer_core.regions.effects import EffectRow, effect_table
from fer_core.regions.intervention import Interventions
from fer_core.regions.masks import REGIONS
from fer_core.regions.resolution import Claim, claims, layer_for, together
from fer_core.regions.table import GroupRow, RegionRow, region_table


@dataclass(frozen=True, eq=False)
class RegionReport:
    """Regions of one model on one data set.

    Attributes:
        attribution: where the maps lie.
        rows: the table of them.
        effects: the table of interventions; empty where none was made.
        units: beside the action units.
        claims: for each region whether the map is fine enough.
        finer: a layer whose map could speak of every region; None where the map already can, or where no layer could.
    """

    attribution: Attribution
    rows: tuple[RegionRow, ...]
    effects: tuple[EffectRow, ...]
    units: tuple[UnitRow, ...]
    claims: tuple[Claim, ...]
    finer: LayerInfo | None

    @property
    def refused(self) -> tuple[Claim, ...]:
        """Regions that the map is too coarse for, or that no face has."""
        return tuple(claim for claim in self.claims if not claim.allowed)

    def as_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes None."""
        found = self.attribution
        return {
            "model": found.model,
            "n": len(found),
            "method": found.method,
            "layer": found.layer,
            "explained": found.explained,
            "map_hw": list(found.map_hw),
            "sources": found.source_shares(),
            "without_evidence": found.without_evidence,
            "refused": {claim.region: claim.reason for claim in self.refused},
            "finer_layer": self.finer and self.finer.name,
            "regions": [row.as_json() for row in self.rows],
            "interventions": [row.as_json() for row in self.effects],
            "action_units": [row.as_json() for row in self.units],
        }

    def as_text(self) -> str:
        """For the terminal: one line a class with each region's density, and what drives it."""
        found = self.attribution
        rows, columns = found.map_hw
        used = ", ".join(f"{name} {share:.1%}".replace("%", " %") for name, share in found.source_shares().items())
        lines = [
            f"{found.model}, {found.method} at {found.layer} ({rows} x {columns} cells), {len(found):,} faces",
            f"explained: the {_WHOSE[found.explained]}; regions from: {used or 'no face'}",
            f"maps without evidence: {found.without_evidence:,}",
            *filter(None, [member_note(found.layer)]),
            "density: share of the map over share of the picture, with 95 % interval; ~ the map is too coarse for it",
            *_density_lines(self.rows),
        ]
        if self.refused:
            lines.append(f"too coarse: {together(claim.reason for claim in self.refused)}")
        if self.finer:
            lines.append(f"{self.finer.name} has {self.finer.map_hw[0]} x {self.finer.map_hw[1]} cells: fine enough")
        if self.effects:
            lines += [
                "",
                "fall of the logit with the region less fall with its shape elsewhere; * drives the answer",
            ]
            lines += _effect_lines(self.effects)
        return "\n".join([*lines, "", *_unit_lines(self.units)])


_WHOSE = {"predicted": "predicted class", "label": "label"}


def report(
    explained: Attribution,
    layers: Sequence[LayerInfo],
    interventions: Interventions | None = None,
    how: Resampling = USUAL,
) -> RegionReport:
    """Makes every table of what was measured.

    Args:
        explained: as from `attribute`.
        layers: of the network, to propose one.
        interventions: as from `intervene`, of the same faces; None: not tried.
        how: the bootstrap.
    """
    rows = region_table(explained, how=how)
    effects = effect_table(interventions, how=how) if interventions is not None else []
    told = claims(explained.boxes, explained.size_px, explained.map_hw)
    coarse = any(not claim.allowed for claim in told)
    finer = layer_for(layers, explained.boxes, explained.size_px) if coarse else None
    return RegionReport(explained, tuple(rows), tuple(effects), tuple(unit_table(rows, effects)), tuple(told), finer)


def figure(mean: float, interval: Interval, digits: int = 2) -> str:
    """`1.23 [1.20, 1.26]`; `n/a` without a face.

    >>> figure(1.234, (1.2, 1.26))
    '1.23 [1.20, 1.26]'
    """
    if math.isnan(mean):
        return "n/a"
    ends = "" if math.isnan(interval[0]) else f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"
    return f"{mean:.{digits}f}{ends}"


def _density_lines(rows: Sequence[RegionRow]) -> list[str]:
    head = f"{'':<10}{'n':>6}  " + "".join(f"{region:<20}" for region in REGIONS)
    return [head, *_lines(rows, lambda row: f"{row.n:>6,}", _density)]


def _density(row: RegionRow) -> str:
    return figure(row.density, row.density_interval) + ("" if row.claim else "~")


def _effect_lines(rows: Sequence[EffectRow]) -> list[str]:
    return _lines(rows, lambda row: f"{row.fill:<6}", _effect)


def _effect(row: EffectRow) -> str:
    return figure(row.effect, row.effect_interval) + ("*" if row.drives else "")


_Row = TypeVar("_Row", bound=GroupRow)


def _lines(rows: Sequence[_Row], second: Callable[[_Row], str], cell: Callable[[_Row], str]) -> list[str]:
    """A line for each group of all outcomes: its title, a second column, and a cell for each region."""
    by_line = [rows[start : start + len(REGIONS)] for start in range(0, len(rows), len(REGIONS))]
    return [
        f"{own[0].group:<10}{second(own[0])}  " + "".join(f"{cell(row):<20}" for row in own)
        for own in by_line
        if own[0].outcome == "all"
    ]


def _unit_lines(rows: Sequence[UnitRow]) -> list[str]:
    lines = []
    for row in rows:
        said = [f"action units {'+'.join(map(str, row.units)) or 'none'} in {_named(row.expected)}"]
        said.append(f"maps mark {_named(row.marked)}")
        if row.drives is not None:
            said.append(f"driven by {_named(row.drives)}")
        lines.append(f"{row.label}: " + "; ".join(said))
    return lines


def _named(regions: Sequence[str]) -> str:
    return ", ".join(regions) or "no region"

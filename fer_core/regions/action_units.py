"""Where action units say that an expression shows, beside where a model looks.

The combinations are the prototypes of EMFACS (Friesen and Ekman 1983), the places those in which the manual of FACS
(Ekman, Friesen and Hager 2002) describes the change of appearance; both tables are `fer_core.data.schematic.units`,
which draws by them. They are what is expected of a posed, full expression. FACS says nothing of cheeks, forehead or
hair that a photograph of many people may give away as well, and observers disagree with the prototypes often
(Barrett et al. 2019, doi:10.1177/1529100619832930).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fer_core.data.schematic.units import PROTOTYPES, UNITS
from fer_core.regions.effects import EffectRow
from fer_core.regions.masks import REGIONS
from fer_core.regions.table import RegionRow


@dataclass(frozen=True)
class UnitRow:
    """One expression: what is expected of it, and what a model does with it.

    Attributes:
        label: the class.
        units: numbers of the action units of its prototype.
        expected: regions in which those are seen, in the order of `REGIONS`.
        marked: regions that the maps mark: denser than an even map and than the centre prior, both intervals above 1,
            and large enough for the map to speak of.
        drives: regions that every fill tried says to drive the answer; None where none was tried.
    """

    label: str
    units: tuple[int, ...]
    expected: tuple[str, ...]
    marked: tuple[str, ...]
    drives: tuple[str, ...] | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


def units_of(label: str) -> tuple[int, ...]:
    """Numbers of the action units of an expression's prototype; empty for neutral and for what has none."""
    return tuple(sorted(PROTOTYPES.get(label, {})))


def expected_regions(label: str) -> tuple[str, ...]:
    """Regions in which an expression's action units are seen, in the order of `REGIONS`."""
    seen = {region for unit in units_of(label) for region in UNITS[unit][1]}
    return tuple(region for region in REGIONS if region in seen)


def is_marked(row: RegionRow) -> bool:
    """Whether maps mark the region; see `UnitRow.marked`."""
    lows = (row.density_interval[0], row.prior_density_interval[0])
    return row.claim and all(math.isfinite(low) and low > 1 for low in lows)


def unit_table(rows: Sequence[RegionRow], effects: Sequence[EffectRow] = ()) -> list[UnitRow]:
    """A row for every class that the tables hold, in their order; faces of all outcomes.

    Args:
        rows: as from `region_table`.
        effects: as from `effect_table`; empty where nothing was tried.
    """
    labels = dict.fromkeys(row.label for row in rows if row.label is not None and row.outcome == "all")
    found = []
    for label in labels:
        own = [row for row in rows if row.label == label and row.outcome == "all"]
        tried = [row for row in effects if row.label == label and row.outcome == "all"]
        found.append(
            UnitRow(
                label=label,
                units=units_of(label),
                expected=expected_regions(label),
                marked=tuple(row.region for row in own if is_marked(row)),
                drives=driving(tried) if effects else None,
            )
        )
    return found


def driving(rows: Sequence[EffectRow]) -> tuple[str, ...]:
    """Regions of one group that every fill says to drive the answer; see `EffectRow.drives`."""
    told = {region: [row.drives for row in rows if row.region == region] for region in REGIONS}
    return tuple(region for region, answers in told.items() if answers and all(answers))

"""The tables of docs/regions.md, from reports of `python -m fer_core regions --json`.

    python -m benchmarks.region_tables COARSE.json FINE.json

COARSE.json has the interventions; FINE.json has maps fine enough for every region. Both are of the same faces.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fer_core.regions import REGIONS
from fer_core.regions.report import figure

Row = dict[str, Any]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _header(cells: list[str]) -> list[str]:
    return [_line(cells), _line(["---"] * len(cells))]


def _classes(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["label"] for row in rows if row["label"] is not None))


def density_table(report: Row) -> list[str]:
    """Density by class and region; in brackets where the map is too coarse to tell."""
    rows = [row for row in report["regions"] if row["outcome"] == "all" and row["label"] is not None]
    lines = _header(["class", "n", *REGIONS])
    for name in _classes(rows):
        own = {row["region"]: row for row in rows if row["label"] == name}
        cells = [figure(own[r]["density"], own[r]["density_interval"], 1) for r in REGIONS]
        marked = [cell if own[r]["claim"] else f"({cell})" for r, cell in zip(REGIONS, cells, strict=True)]
        lines.append(_line([name, f"{own['eyes']['n']:,}", *marked]))
    return lines


def effect_table(report: Row, fill: str) -> list[str]:
    """Fall of the logit less its control; bold where every fill says that the region drives the answer."""
    rows = [row for row in report["interventions"] if row["outcome"] == "all" and row["label"] is not None]
    driven = {row["label"]: row["drives"] for row in report["action_units"]}
    lines = _header(["class", *REGIONS])
    for name in _classes(rows):
        own = {row["region"]: row for row in rows if row["label"] == name and row["fill"] == fill}
        cells = [figure(own[r]["effect"], own[r]["effect_interval"]) for r in REGIONS]
        told = [f"**{cell}**" if r in driven[name] else cell for r, cell in zip(REGIONS, cells, strict=True)]
        lines.append(_line([name, *told]))
    return lines


def accuracy_table(report: Row, fill: str) -> list[str]:
    """Points of top-1 that are lost with each region, beside those lost with its shape elsewhere."""
    rows = [row for row in report["interventions"] if row["outcome"] == "all" and row["fill"] == fill]
    own = {row["region"]: row for row in rows if row["label"] is None}
    lines = _header(["all classes", *REGIONS])
    for title, key in (("with the region", "accuracy_drop"), ("with its shape elsewhere", "accuracy_control")):
        cells = [figure(100 * own[r][key], tuple(100 * end for end in own[r][f"{key}_interval"]), 1) for r in REGIONS]
        lines.append(_line([title, *cells]))
    return lines


def disagreement(coarse: Row, fine: Row) -> list[str]:
    """What drives, what maps mark besides or miss, and what action units expect."""
    finer = {row["label"]: row["marked"] for row in fine["action_units"]}
    titles = ["class", "drives"]
    for report in (coarse, fine):
        titles += [f"{report['method']} marks, does not drive", f"{report['method']} misses"]
    lines = _header([*titles, "action units in"])
    for row in coarse["action_units"]:
        parts = [row["drives"]]
        for marked in (row["marked"], finer[row["label"]]):
            parts += [[r for r in marked if r not in row["drives"]], [r for r in row["drives"] if r not in marked]]
        lines.append(_line([row["label"], *(", ".join(part) or "none" for part in (*parts, row["expected"]))]))
    return lines


def main() -> None:
    """Prints all of them."""
    coarse, fine = (json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:3])
    for title, lines in (
        (f"{coarse['method']} at {coarse['layer']}", density_table(coarse)),
        (f"{fine['method']} at {fine['layer']}", density_table(fine)),
        ("mean grey", effect_table(coarse, "mean")),
        ("accuracy, mean grey", accuracy_table(coarse, "mean")),
        ("disagreement", disagreement(coarse, fine)),
    ):
        print(f"\n### {title}\n")
        print("\n".join(lines))


if __name__ == "__main__":
    main()

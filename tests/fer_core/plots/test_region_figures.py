"""Figures of regions: the numbers that went in are the numbers that are drawn."""

from __future__ import annotations

from typing import Any

import pytest

from fer_core.plots.regions import class_order, density_heatmap, effect_dots, trust_dots


def row(label: str, region: str, density: float | None, *, claim: bool = True) -> dict[str, Any]:
    interval = [None, None] if density is None else [density - 0.1, density + 0.2]
    return {
        "label": label, "region": region, "n": 1234, "density": density, "density_interval": interval, "claim": claim,
        "reason": "" if claim else "A cell is larger.",
    }  # fmt: skip


ROWS = [
    row("angry", "eyes", 2.0), row("angry", "mouth", 0.5), row("fear", "eyes", 1.0, claim=False),
    row("fear", "mouth", None), row("disgust", "eyes", 8.0), row("disgust", "mouth", 0.01),
]  # fmt: skip


def test_disgust_and_fear_stand_first() -> None:
    assert class_order(["angry", "disgust", "fear", "happy"]) == ["disgust", "fear", "angry", "happy"]
    assert class_order(["happy", "contempt"]) == ["happy", "contempt"]


def test_heat_map_in_numbers() -> None:
    heat, dots = density_heatmap(ROWS).data
    assert list(heat.y) == ["disgust", "fear", "angry"]
    assert list(heat.x) == ["eyes", "mouth"]
    assert [list(line) for line in heat.z] == [[2, -2], [0, None], [1, -1]]  # powers of two, cut at a quarter and four
    assert [list(line) for line in heat.text] == [["8.00", "0.01"], ["(1.00)", "n/a"], ["2.00", "0.50"]]
    told = {(label, region): text for label, region, text in dots.customdata}
    assert told["angry", "eyes"] == "angry, eyes: 2.00 [1.90, 2.20], n = 1,234"
    assert told["fear", "eyes"].endswith("<br>A cell is larger.")
    assert told["fear", "mouth"] == "fear, mouth: n/a, n = 1,234"


def brightness(colour: str) -> float:
    """Relative luminance of `#RRGGBB`, 0..1, as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_figures_can_be_read_on_every_colour_of_the_scale() -> None:
    heat = density_heatmap(ROWS).data[0]
    ink = brightness(heat.textfont.color)
    for _, colour in heat.colorscale:
        assert (brightness(colour) + 0.05) / (ink + 0.05) >= 4.5  # WCAG 2 AA; between the ends it is brighter


def test_effects_in_numbers() -> None:
    rows = [
        {"region": "eyes", "n": 9, "drives": True, "drop": 0.5, "drop_interval": [0.4, 0.7], "control": 0.1,
         "control_interval": [0.0, 0.3]},
        {"region": "chin", "n": 0, "drives": False, "drop": None, "drop_interval": [None, None], "control": None,
         "control_interval": [None, None]},
    ]  # fmt: skip
    region, control = effect_dots(rows).data
    assert list(region.x) == [0.5, None]
    assert list(region.marker.symbol) == ["circle", "circle-open"]
    assert region.error_x.array[0] == pytest.approx(0.2)
    assert region.error_x.arrayminus[0] == pytest.approx(0.1)
    assert list(region.error_x.array)[1] == 0
    assert control.customdata[0] == "0.10 [0.00, 0.30], n = 9"
    assert region.customdata[1] == "n/a, n = 0"


def test_trust_in_numbers() -> None:
    figures = {
        "gradcam": {"road": {"mean": 0.2, "interval": [0.1, 0.4], "n": 50}, "stability": {}},
        "random map": {"road": {"mean": 0.0, "interval": [-0.1, 0.1], "n": 50}},
        "other": {},
    }
    (dots,) = trust_dots(figures, "road", "ROAD").data
    assert list(dots.y) == ["gradcam", "random map"]
    assert list(dots.x) == [0.2, 0.0]
    assert dots.marker.color[0] != dots.marker.color[1]
    assert dots.error_x.array[0] == pytest.approx(0.2)

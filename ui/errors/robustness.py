"""Robustness: what noise, blur, JPEG, light, rotation and occlusion do, class by class."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from fer_core.evaluate.probing import ROBUSTNESS
from fer_core.evaluate.results import load_result
from ui.evaluation.kept import Evaluated
from ui.tasks import running, start_task

_NAMES = {"jpeg": "JPEG"}


def show_robustness(found: Evaluated) -> None:
    """The view."""
    kept = load_result(found.predictions.about, ROBUSTNESS)
    if kept is None:
        st.info(
            "It has not been measured yet how this checkpoint bears noise, blur, JPEG, light, rotation and occlusion. "
            "At most fifty faces of each class are classified under each of them at five strengths.",
            icon=":material/blur_on:",
        )
        _offer(found, "Measure robustness")
        return
    from fer_core.plots.compare import robustness_curves

    st.caption(
        f"{kept[0]['n']:,} faces, at most fifty of each class, drawn at random; the first point of each curve is the "
        "picture as it is. Pixels are those of the stored crop. The grey line is top-1 of these faces."
    )
    for left, right in zip(kept[::2], [*kept[1::2], None][: -(-len(kept) // 2)], strict=True):
        for column, curve in zip(st.columns(2, gap="large"), (left, right), strict=True):
            if curve is not None:
                figure = robustness_curves(
                    curve["severities"], {n: _numbers(v) for n, v in curve["recall"].items()},
                    _numbers(curve["accuracy"]), curve["unit"],
                )  # fmt: skip
                column.markdown(f"**{_NAMES.get(curve['corruption'], curve['corruption'].capitalize())}**")
                column.plotly_chart(
                    figure, key=f"robustness {curve['corruption']}", config={"displaylogo": False},
                    alt=f"Recall of each class against {curve['unit']}",
                )  # fmt: skip
    _offer(found, "Measure again")


def _numbers(values: list[Any]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _offer(found: Evaluated, label: str) -> None:
    data_set = found.where.shown.data_set
    if st.button(label, key="robustness", icon=":material/play_arrow:", disabled=running(data_set.name)):
        start_task(["robustness", *found.as_options()], f"Robustness of {found.card.name}", data_set.name)

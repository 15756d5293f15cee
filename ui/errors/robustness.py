"""Robustness: what noise, blur, JPEG, light, rotation and occlusion do, class by class."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.evaluate.probing import ROBUSTNESS
from fer_core.evaluate.results import load_result
from fer_core.evaluate.robustness import PICTURES, most_within
from ui.evaluation.kept import Evaluated
from ui.tasks import running, start_task

_NAMES = {"jpeg": "JPEG"}
_SIZES = (50, 100, 200, 500, 1000)


def show_robustness(found: Evaluated) -> None:
    """The view."""
    kept = load_result(found.predictions.about, ROBUSTNESS)
    if kept is None or "n_of_class" not in kept[0]:  # those of earlier have no intervals
        st.info(
            "It has not been measured yet how this checkpoint bears noise, blur, JPEG, light, rotation and occlusion. "
            "Some faces of each class, drawn at random, are classified under each of them at five strengths.",
            icon=":material/blur_on:",
        )
        _offer(found, "Measure robustness")
        return
    from fer_core.plots.compare import robustness_curves

    classes = ", ".join(f"{name} {n:,}" for name, n in kept[0]["n_of_class"].items())
    st.caption(
        f"n = {kept[0]['n']:,} faces, drawn at random ({classes}); bars are Wilson's 95 % intervals. The faces are the "
        "same at every strength, so that a fall along a line is surer than two bars that overlap suggest. One end of "
        "each line is the picture as it is. Pixels are those of the stored crop. The grey line is top-1 of these faces."
    )
    for i in range(0, len(kept), 2):
        for column, curve in zip(st.columns(2, gap="large"), kept[i : i + 2], strict=False):
            column.markdown(f"**{_NAMES.get(curve['corruption'], curve['corruption'].capitalize())}**")
            column.plotly_chart(
                robustness_curves(curve), key=f"robustness {curve['corruption']}", config={"displaylogo": False},
                alt=f"Recall of each class against {curve['unit']}",
            )  # fmt: skip
    _offer(found, "Measure again")


def _offer(found: Evaluated, label: str) -> None:
    """A button, and how many faces it takes: as a start what three minutes allow."""
    labels, latency_ms = found.predictions.labels, found.predictions.about.latency_ms
    largest = int(np.bincount(labels).max(initial=1))
    fits = most_within(labels, latency_ms)
    sizes = sorted({fits, largest, *(size for size in _SIZES if size < largest)})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        each = int(
            st.selectbox(
                "Faces of each class, at most", sizes, index=sizes.index(fits), key="faces of each", width=320,
                format_func=lambda size: _words(labels, size, latency_ms),
            )
        )  # fmt: skip
        name = found.where.shown.data_set.name
        if st.button(label, key="robustness", icon=":material/play_arrow:", disabled=running(name)):
            asked = ["robustness", *found.as_options(), "--each", str(each)]
            start_task(asked, f"Robustness of {found.card.name}", name)


def _words(labels: NDArray[np.int64], size: int, latency_ms: float | None) -> str:
    """`200: 1,056 faces, about 3 min`."""
    n = int(np.minimum(np.bincount(labels), size).sum())
    if latency_ms is None:
        return f"{size:,}: {n:,} faces"
    minutes = n * PICTURES * latency_ms / 60_000
    return f"{size:,}: {n:,} faces, about {max(1, round(minutes)):,} min"

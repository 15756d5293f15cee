"""Calibration: is the model as sure as it is right, and what a temperature would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from fer_core.errors import DataError
from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.reliability import brier, classwise_ece, reliability
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once
from ui.evaluation.tables import show_table
from ui.tasks import running, start_task

if TYPE_CHECKING:
    from fer_core.evaluate.calibration import Temperature

_MOST = 50_000  # samples that a temperature is fitted on, drawn at random: enough for three digits of it


def show_calibration(found: Evaluated) -> None:
    """The view."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        _show_diagram(found)
    with right:
        _show_figures(found.predictions)
        _show_temperature(found)


def _show_diagram(found: Evaluated) -> None:
    from fer_core.plots.calibration import reliability_diagram

    adaptive = st.segmented_control(
        "Bins", ("equal width", "equal number"), default="equal width", required=True, key="bins", bind="query-params"
    )
    predictions = found.predictions
    bins = reliability(predictions.confidence, predictions.right, adaptive=adaptive == "equal number")
    st.plotly_chart(
        reliability_diagram({found.card.name: bins}), key="reliability", config={"displaylogo": False},
        alt=f"Share that is right against confidence; ECE {bins.ece:.3f}",
    )  # fmt: skip
    st.caption(
        "15 bins of the confidence. Above the diagonal the model is right more often than it says, below it less "
        "often. ECE is the mean distance from the diagonal over samples; it depends on the bins."
    )


def _show_figures(predictions: Predictions) -> None:
    by_class, mean = classwise_ece(predictions.probabilities, predictions.labels)
    score = brier(predictions.probabilities, predictions.labels)
    ece = reliability(predictions.confidence, predictions.right).ece
    rows = [
        {"figure": "ECE of the top class", "value": Interval(ece, float("nan"), float("nan"))},
        {"figure": "class-wise ECE, mean over classes", "value": Interval(mean, float("nan"), float("nan"))},
        {"figure": "Brier's score (0 to 2)", "value": Interval(score.score, float("nan"), float("nan"))},
        *(
            {"figure": f"class-wise ECE of {name}", "value": Interval(float(value), float("nan"), float("nan"))}
            for name, value in zip(predictions.classes.names, by_class, strict=True)
        ),
    ]
    show_table(rows, "calibration")


def _show_temperature(found: Evaluated) -> None:
    """What a temperature fitted here would do; saved into the checkpoint on request."""
    st.markdown("**Temperature**")
    now = found.card.temperature
    st.caption(f"The card has {now:.3f}{f', fitted on {how}' if (how := found.card.temperature_fitted_on) else ''}.")
    try:
        fitted = once(found.predictions, "temperature", lambda: _fitted(found.predictions))
    except DataError as error:
        st.info(str(error))
        return
    st.markdown(
        f"The best for these samples is **{fitted.value:.3f}**. With a temperature fitted on one half and measured on "
        f"the other: log-loss {fitted.log_loss_before:.4f} at 1, {fitted.log_loss_after:.4f} at it; ECE "
        f"{fitted.ece_before:.4f} and {fitted.ece_after:.4f}."
    )
    name = found.where.shown.data_set.name
    if found.where.split != "validation":
        st.caption("It is kept only where it was fitted on validation.")
    elif st.button(
        "Fit it on all of validation and save it", key="save temperature", icon=":material/save:",
        disabled=running(name),
        help=f"Changes the card of {found.card.name}; of a shipped checkpoint, that of a copy in the workspace, which "
        "then goes before it. Deleting the copy brings the shipped one back.",
    ):  # fmt: skip
        start_task(["calibrate", *found.as_options(), "--save"], f"Temperature of {found.card.name}", name)


def _fitted(predictions: Predictions) -> Temperature:
    from fer_core.evaluate.calibration import cross_fit_temperature

    rows = np.random.default_rng(0).permutation(len(predictions))[:_MOST]
    return cross_fit_temperature(predictions.logits[:, rows], predictions.labels[rows])

"""Together: how far models agree, how each is calibrated, and what several of them give as one."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import streamlit as st

from fer_core.errors import DataError, FERScopeError
from fer_core.evaluate.compare import agreement, ensemble, fit_weights
from fer_core.evaluate.compare.leaderboard import Standing, leaderboard
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.reliability import reliability
from ui.compare.board import RATES, figures_of
from ui.compare.entries import Entry, offer_missing
from ui.evaluation.kept import Where
from ui.evaluation.tables import show_table
from ui.page import ink

_MATRICES = {
    "share": ("same answer", "Share of samples on which two models say the same class."),
    "kappa": ("Cohen's kappa", "Agreement beyond what chance would give (Cohen 1960)."),
    "errors": ("same errors", "Of the samples that either has wrong, the share that both have wrong."),
}

_NOTHING = 0.005  # a member of less weight would cost its time and change no answer


def show_together(where: Where, found: dict[str, Entry]) -> None:
    """The view."""
    if len(found) < 2:
        st.info("Two models or more are needed; pick another one above, or let it be evaluated.")
        offer_missing(where, found)
        return
    tables = tuple(entry.predictions for entry in found.values())
    left, right = st.columns(2, gap="large")
    with left:
        _show_agreement(tables)
    with right:
        _show_calibration(found)
    _show_ensembles(where, found)


def _show_agreement(tables: tuple[Predictions, ...]) -> None:
    from fer_core.plots.compare import agreement_map

    st.subheader("Agreement")
    what = str(
        st.segmented_control(
            "Of", list(_MATRICES), default="share", required=True, format_func=lambda k: _MATRICES[k][0],
            key="agreement", bind="query-params",
        )
    )  # fmt: skip
    found = _agreement(tables)
    st.plotly_chart(
        agreement_map(getattr(found, what), found.models, ink()), key="agreements", config={"displaylogo": False},
        alt=f"Agreement of {len(found.models)} models",
    )  # fmt: skip
    st.caption(f"{_MATRICES[what][1]} In percent; n = {len(tables[0]):,}.")


@functools.lru_cache(maxsize=8)
def _agreement(tables: tuple[Predictions, ...]) -> Any:
    return agreement(tables)


def _show_calibration(found: dict[str, Entry]) -> None:
    from fer_core.plots.calibration import reliability_diagram

    st.subheader("Calibration")
    bins = {name: reliability(e.predictions.confidence, e.predictions.right) for name, e in found.items()}
    st.plotly_chart(
        reliability_diagram(bins), key="reliability", config={"displaylogo": False},
        alt="Share that is right against confidence, one line a model",
    )  # fmt: skip
    st.caption("15 bins of the confidence; on the diagonal a model is as sure as it is right.")


def _show_ensembles(where: Where, found: dict[str, Entry]) -> None:
    st.subheader("As one")
    tables = tuple(entry.predictions for entry in found.values())
    made = [_mean(tables)]
    weights: dict[str, float] = {}
    try:
        weights = dict(zip(found, _weights(_on_validation(where, found)), strict=True))
        made.append(_mean(tables, tuple(weights.values())))
    except DataError as error:
        st.caption(f"No weighted mean: {error}")
    rows = [figures_of(standing) for standing in _standings((*tables, *made))]
    show_table(rows, "ensembles", rates=RATES, wide=True)
    said = "; ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    st.caption(
        "The mean of the models' probabilities, all alike or with the weights of the lowest log-loss on validation"
        + (f" ({said})." if said else ".")
        + (
            " The weights were fitted on these very samples, which flatters them."
            if where.split == "validation"
            else ""
        )
    )
    _offer_to_keep(found, weights)


def _offer_to_keep(found: dict[str, Entry], weights: dict[str, float]) -> None:
    """Makes the mean a checkpoint of its own, to be explained, used before a camera, exported."""
    members = {name: entry.checkpoint for name, entry in found.items() if entry.checkpoint is not None}
    if len(members) < len(found):
        return
    with st.popover("Keep as a checkpoint", icon=":material/merge:"):
        name = st.text_input("Name", placeholder="both", key="ensemble name", max_chars=100)
        weighted = st.toggle("With the weights", value=False, disabled=not weights, key="ensemble weighted")
        if not st.button("Make it", key="make ensemble", type="primary"):
            return
        from fer_core.ensembles import free_folder, save_ensemble

        chosen = {one: weights[one] if weighted else 1.0 for one in members}
        kept = [one for one, weight in chosen.items() if weight >= _NOTHING]
        try:
            made = save_ensemble(
                free_folder(name.strip()), [members[one] for one in kept], [chosen[one] for one in kept]
            )
        except FERScopeError as error:
            st.error(str(error))
            return
        st.success(f"{made.card.name} is made: {made.card.summary}. Its answers can be asked for above.")


@functools.lru_cache(maxsize=8)
def _standings(tables: tuple[Predictions, ...]) -> list[Standing]:
    return leaderboard(tables)


@functools.lru_cache(maxsize=16)
def _mean(tables: tuple[Predictions, ...], weights: tuple[float, ...] | None = None) -> Predictions:
    return ensemble(tables, weights).named("mean" if weights is None else "mean, weighted on validation")


@functools.lru_cache(maxsize=8)
def _weights(tables: tuple[Predictions, ...]) -> list[float]:
    return [float(weight) for weight in fit_weights(tables)]


def _on_validation(where: Where, found: dict[str, Entry]) -> tuple[Predictions, ...]:
    """What the models answered on the validation split of the same data set.

    Raises:
        DataError: one has not answered it.
    """
    validation = replace(where, split="validation")
    tables = []
    for name, entry in found.items():
        table = None if entry.checkpoint is None else validation.predictions(entry.checkpoint.card)
        if table is None:
            raise DataError(f"{name} has not answered the validation split; evaluate it there first.")
        tables.append(table)
    return tuple(tables)

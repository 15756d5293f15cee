"""Leaderboard: every model on one split, each figure with its interval, and what its answers cost."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from fer_core.errors import FERScopeError
from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.compare.leaderboard import Standing, leaderboard
from fer_core.evaluate.cost import Cost, Latency
from fer_core.evaluate.locked import looks
from fer_core.evaluate.predictions import Predictions
from ui.compare.entries import Entry, cost_of, latency_of, offer_missing
from ui.evaluation.kept import Where
from ui.evaluation.tables import show_table

if TYPE_CHECKING:
    from training.tracking.trained import TrainedModel

RATES = ("top-1", "top-1 without twins", "balanced accuracy", "recall disgust", "recall fear")
_COSTS = {
    "latency": "time of one face on this machine (ms)",
    "multiply-adds": "multiply-adds of one face (millions)",
    "parameters": "parameters (millions)",
    "size": "size of the weights (MB)",
}


def show_board(where: Where, found: dict[str, Entry], runs: Mapping[str, TrainedModel]) -> None:
    """The view.

    Args:
        where: data set and split.
        found: the models that have answered it.
        runs: the recorded runs by the hash of their weights.
    """
    if found:
        standings = _standings(tuple(entry.predictions for entry in found.values()))
        rows = [_row(standing, where, runs) for standing in standings]
        show_table(rows, "leaderboard", rates=RATES, wide=True)
        st.caption(
            "95 % intervals: Wilson's for shares of samples, BCa of 2,000 paired bootstrap draws for the rest. Without "
            "twins: without the samples that stand in the train split pixel for pixel. Run: the recorded run that the "
            "model is of, where there is one."
            + (
                " Looks: how often this test split was opened for the model on this machine; each is logged with its "
                "reason, and counted on the run's record."
                if where.split == "test"
                else ""
            )
        )
        _show_cost(standings, found)
    offer_missing(where, found, runs)


def _row(standing: Standing, where: Where, runs: Mapping[str, TrainedModel]) -> dict[str, Any]:
    """The figures with the run, where there are any, and of a test split how often it was looked at."""
    row = figures_of(standing)
    first: dict[str, Any] = {"model": row.pop("model")}
    if runs:
        first["run"] = runs[standing.model_hash].run if standing.model_hash in runs else ""
    first["n"] = row.pop("n")
    if where.split == "test":
        first["looks at test"] = len(looks(standing.model_hash, where.data_hash))
    return first | row


@functools.lru_cache(maxsize=8)
def _standings(tables: tuple[Predictions, ...]) -> list[Standing]:
    return leaderboard(tables)


def _costs(found: dict[str, Entry]) -> dict[str, Cost]:
    """By model hash; a checkpoint that is deleted or cannot be built has none."""
    costs = {}
    for entry in found.values():
        if entry.checkpoint is not None:
            try:
                sha256 = entry.checkpoint.card.weights_sha256
                costs[sha256] = cost_of(str(entry.checkpoint.folder), sha256)
            except FERScopeError as error:
                st.warning(f"{entry.name}: {error}")
    return costs


def _latencies(found: dict[str, Entry]) -> dict[str, Latency]:
    """By model hash, for those that are asked for."""
    there = [entry.checkpoint for entry in found.values() if entry.checkpoint is not None]
    if st.button("Measure latency", key="measure latency", icon=":material/timer:", help="A few seconds a checkpoint"):
        st.session_state["latency asked"] = True
    if not st.session_state.get("latency asked"):
        return {}
    times = {}
    for checkpoint in there:
        try:
            times[checkpoint.card.weights_sha256] = latency_of(str(checkpoint.folder), checkpoint.card.weights_sha256)
        except FERScopeError as error:
            st.warning(f"{checkpoint.folder.name}: {error}")
    return times


def figures_of(standing: Standing) -> dict[str, Any]:
    """A row of the leaderboard without what it costs."""
    costs = {"parameters", "multiply-adds", "size (MB)", "latency (ms)"}
    return {name: value for name, value in standing.row().items() if name not in costs}


def _show_cost(standings: list[Standing], found: dict[str, Entry]) -> None:
    """What the models cost, and which are worth it."""
    from fer_core.plots.compare import accuracy_against_latency

    st.subheader("Accuracy against cost")
    costs, latencies = _costs(found), _latencies(found)
    show_table([_cost_row(standing, costs, latencies) for standing in standings], "costs")
    st.caption(
        "Latency: median of one face with its preprocessing on this machine, both mirror images where the card asks "
        "for them; in brackets its 95 % interval. A checkpoint that was deleted has answers, but no cost."
    )
    what = str(
        st.segmented_control(
            "Cost", list(_COSTS), default="multiply-adds", required=True, key="cost", bind="query-params"
        )
    )
    if what == "latency" and not latencies:
        st.caption("The latency has not been measured yet; the button above does it.")
        return
    priced = [_cost(what, costs.get(s.model_hash), latencies.get(s.model_hash)) for s in standings]
    models = {s.model: (cost, s.accuracy) for s, cost in zip(standings, priced, strict=True) if cost}
    if not models:
        st.caption("No checkpoint of these models is here any more.")
        return
    st.plotly_chart(
        accuracy_against_latency(models, _COSTS[what]), key="front", config={"displaylogo": False},
        alt=f"Top-1 against {_COSTS[what]}",
    )  # fmt: skip
    st.caption(_front_in_words(models))


def _front_in_words(models: Mapping[str, tuple[float, Interval]]) -> str:
    """Which models are worth their cost."""
    from fer_core.plots.compare import on_front

    front = on_front([cost for cost, _ in models.values()], [worth.value for _, worth in models.values()])
    best = [name for name, yes in zip(models, front, strict=True) if yes]
    if len(best) == 1 < len(models):
        return f"{best[0]} is at least as cheap as every other model, and at least as often right."
    return "No model on the dotted line is beaten by another one in both cost and top-1."


def _cost_row(standing: Standing, costs: dict[str, Cost], latencies: dict[str, Latency]) -> dict[str, Any]:
    cost, latency = costs.get(standing.model_hash), latencies.get(standing.model_hash)
    return {
        "model": standing.model,
        "parameters (M)": cost and round(cost.parameters / 1e6, 2),
        "multiply-adds (M)": cost and round(cost.macs / 1e6),
        "size (MB)": cost and round(cost.size_bytes / 1e6, 1),
        "latency (ms)": latency and "{:.1f} [{:.1f}, {:.1f}]".format(latency.median_ms, *latency.interval),
    }


def _cost(what: str, cost: Cost | None, latency: Latency | None) -> float | None:
    if what == "latency":
        return None if latency is None else latency.median_ms
    if cost is None:
        return None
    return {"multiply-adds": cost.macs, "parameters": cost.parameters, "size": cost.size_bytes}[what] / 1e6

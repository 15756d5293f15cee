"""Curves: loss, accuracy and rate of runs over one another, live; and which of them over-fit."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import streamlit as st

from training.jobs.states import Status
from training.jobs.table import every
from training.overfitting import Overfitting, overfitting
from training.tracking.reading import WITHIN
from training.tracking.shown import Curves, ShownRun, curves_of, runs_gone, runs_here
from ui.page import sentences
from ui.train.wishes import wish
from ui.waking import wake_worker

_AT_ONCE = 8  # as many as there are colours
_EVERY_S = 2.0


def show_curves() -> None:
    """The view."""
    known = {run.key: run for run in _known()}
    if not known:
        st.info("No run has begun yet; its curves will be here.", icon=":material/show_chart:")
        if st.button("New run", type="primary", icon=":material/add:", key="first curves"):
            wish(show="New run")
        return
    chosen = st.multiselect(
        "Runs", list(known), default=[next(iter(known))], key="runs", bind="query-params", max_selections=_AT_ONCE,
        format_func=lambda key: _title(known[key]), help="Up to eight, over one another.",
    )  # fmt: skip
    if not chosen:
        st.info("Choose one or more runs.", icon=":material/show_chart:")
        return
    st.session_state["runs live"] = _live([known[key] for key in chosen])
    st.fragment(_drawn, run_every=_EVERY_S if st.session_state["runs live"] else None)([known[key] for key in chosen])


def _known() -> list[ShownRun]:
    """All runs, the newest first; those of this machine also where the record does not answer."""
    here = runs_here()
    gone: list[ShownRun] = []
    with sentences(), st.spinner("Asking for the recorded runs"):
        gone = runs_gone(here)
    return sorted([*here, *gone], key=lambda run: -run.at)


def _title(run: ShownRun) -> str:
    return run.name if run.folder is not None else f"{run.name} (recorded, {run.key[:6]})"


def _live(chosen: Sequence[ShownRun]) -> bool:
    """Whether one of the runs may get further."""
    names = {run.name for run in chosen if run.folder is not None}
    return any(job.spec.run in names and not job.status.over for job in every())


def _drawn(chosen: list[ShownRun]) -> None:
    with sentences():  # those of the page do not see what a fragment that is drawn again by itself raises
        _draw(chosen)


def _draw(chosen: list[ShownRun]) -> None:
    live = _live(chosen)
    if st.session_state["runs live"] and not live:
        st.rerun()
    if live:
        wake_worker()
    _show_state(chosen)
    found = {_title(run): curves for run, curves in zip(chosen, curves_of(chosen).values(), strict=True)}
    starts = {
        name: start
        for name, curves in found.items()
        if (start := overfitting(curves.get("val_loss", []), curves.get("train_loss", []))) is not None
    }
    for name, start in starts.items():
        st.warning(f"**{name}**: {start.as_text()}", icon=":material/trending_up:")
    if not any(found.values()):
        st.info("Nothing is measured yet; the first point comes after some steps.", icon=":material/hourglass_empty:")
        return
    _plot(found, starts)
    st.caption(
        "Training (dashed) is measured on the faces as they were shown, augmented and against the recipe's own "
        "targets, as a mean over the epoch; validation (solid) on plain faces after it, with the weights that are "
        "shipped. So validation may well be the better one. The thin line is training within an epoch: each point is "
        "the mean over the steps since the one before, ten at least and of five seconds at least. "
        "The mean over an epoch is drawn at its end and so lags behind it."
    )
    st.download_button(
        "CSV", lambda: as_csv(found), "curves.csv", "text/csv", icon=":material/download:", on_click="ignore"
    )


def _show_state(chosen: Sequence[ShownRun]) -> None:
    """How far those are that run."""
    names = {run.name for run in chosen}
    for job in every(Status.RUNNING):
        progress = job.progress() if job.spec.run in names else None
        if progress is not None:
            st.progress(progress.share, text=f"{job.spec.run}: {progress.as_text()}")


def _plot(found: Mapping[str, Curves], starts: Mapping[str, Overfitting]) -> None:
    from fer_core.plots.curves import learning_curves, rate_curves

    thin = {
        kind: {name: curves.get(f"{WITHIN}{kind}", []) for name, curves in found.items()}
        for kind in ("train_loss", "train_accuracy", "learning_rate")
    }
    marks = {name: start.epoch for name, start in starts.items()}
    names = ", ".join(found)
    left, right = st.columns(2)
    for place, kind in ((left, "loss"), (right, "accuracy")):
        pairs = {n: (c.get(f"train_{kind}", []), c.get(f"val_{kind}", [])) for n, c in found.items()}
        figure = learning_curves(
            pairs, kind, percent=kind == "accuracy", marks=marks if kind == "loss" else None,
            within=thin[f"train_{kind}"],
        )  # fmt: skip
        place.plotly_chart(
            figure, key=f"{kind} curves", config={"displaylogo": False},
            alt=f"{kind.capitalize()} of training and validation by epoch: {names}",
        )  # fmt: skip
    nothing: list[tuple[float, float]] = []
    balanced = {n: (nothing, c.get("val_balanced_accuracy", [])) for n, c in found.items()}
    left.plotly_chart(
        learning_curves(balanced, "balanced accuracy", percent=True), key="balanced curves",
        config={"displaylogo": False}, alt=f"Balanced accuracy of validation by epoch: {names}",
    )  # fmt: skip
    rates = {n: c.get("learning_rate", []) for n, c in found.items()}
    figure = rate_curves(rates, "learning rate", thin["learning_rate"])
    right.plotly_chart(figure, key="rate curves", config={"displaylogo": False}, alt=f"Learning rate by epoch: {names}")


def as_csv(found: Mapping[str, Curves]) -> str:
    """All curves, a line for each point: run, curve, epoch (of the machine's load: measurement), value.

    The epoch is a fraction where the curve's name begins with `steps/`.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["run", "curve", "epoch", "value"])
    writer.writerows((run, name, *point) for run, curves in found.items() for name, c in curves.items() for point in c)
    return out.getvalue()

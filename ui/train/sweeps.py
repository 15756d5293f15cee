"""Sweeps: which values of a recipe's keys do best, of those that were tried?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from training.sweep.results import SweepResult, importance, sweep_result
from training.sweep.starting import cancel_sweep, delete_sweep, go_on
from training.sweep.storage import nothing_kept, open_storage, storage_url
from training.sweep.study import open_sweep, sweep_names
from ui.page import sentences
from ui.telling import tell_next
from ui.train.handing import handing_in
from ui.train.new_sweep import MOST_TRIALS, ask_sweep
from ui.waking import wake_worker
from ui.wording import plural

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_EVERY_S = 5.0


@st.cache_resource(show_spinner=False)
def _storage(url: str) -> RDBStorage:  # noqa: ARG001  (another one for another place)
    return open_storage()


def show_sweeps(data: str | None) -> None:
    """The view; `data` is the data set of the workspace that a new sweep learns from."""
    names = [] if nothing_kept() else sweep_names(_storage(storage_url()))
    with st.expander("**Start a sweep**", expanded=not names):
        ask_sweep(data)
    if not names:
        st.info("No sweep is here yet; what it finds will be here.", icon=":material/tune:")
        return
    name = st.selectbox("Sweep", names, key="sweep", bind="query-params")
    open_now = _open(sweep_result(name, _storage(storage_url())))
    st.session_state["live sweep"] = open_now
    st.fragment(_draw, run_every=_EVERY_S if open_now else None)(name)


def _open(result: SweepResult) -> bool:
    return bool(result.count("waiting") or result.count("running"))


def _draw(name: str) -> None:
    with sentences():  # the page's own do not reach into a fragment
        _show(name)


def _show(name: str) -> None:
    result = sweep_result(name, _storage(storage_url()))
    if _open(result):
        wake_worker()
    if st.session_state["live sweep"] and not _open(result):
        st.rerun()
    _show_head(result)
    if not any(trial.drawn for trial in result.trials):
        st.info("No trial has begun yet.", icon=":material/hourglass_empty:")
        return
    _show_figures(result)
    st.dataframe(
        [
            {"trial": t.number, "state": t.state, result.metric: t.value, **t.drawn, "epochs told": len(t.curve),
             "run": t.run, "why": t.error}
            for t in result.trials
        ],
        hide_index=True,
    )  # fmt: skip
    st.caption(
        "The best of many trials on the validation split is better there than it will be elsewhere, since it was "
        "chosen for it. Its figure on the test split is what counts, once, after the sweep."
    )


def _show_head(result: SweepResult) -> None:
    wanted = "low" if result.direction == "minimize" else "high"
    st.markdown(f"**{result.recipe}** on **{result.data}**; {result.metric} is to be {wanted}.")
    columns = st.columns(6)
    for column, state in zip(columns, ("complete", "pruned", "fail", "running", "waiting"), strict=False):
        column.metric(state, result.count(state))  # type: ignore[arg-type]
    best = None if result.best is None else result.trials[result.best]
    columns[5].metric("best", "none yet" if best is None else f"{best.value:.4f}", help=best.run if best else None)
    broken_off = result.count("broken off")
    if broken_off:
        st.caption(f"{broken_off} trials were cancelled or broken off; Go on takes them up again.")
    with st.container(horizontal=True):
        _buttons(result)


def _buttons(result: SweepResult) -> None:
    """What can be done with a sweep now."""
    if _open(result) and st.button("Cancel", icon=":material/cancel:", key="cancel sweep",
                                   help="Go on takes up again what is open."):  # fmt: skip
        with sentences():
            cancelled = cancel_sweep(result.name)
            tell_next(f"{len(cancelled)} trials are cancelled.", ":material/cancel:")
            st.rerun()
    with st.popover("Go on", icon=":material/play_arrow:", key="go on?"):
        st.markdown(
            "With more trials, or with those that were cancelled or broken off; data, priority and limits as before."
        )
        there = len(result.trials)
        trials = st.number_input("Trials in all", there, there + MOST_TRIALS, key=f"go on trials {result.name}")
        if st.button("Go on", icon=":material/play_arrow:", key="go on"):
            with sentences(), handing_in() as progress:
                handed = go_on(result.name, int(trials), progress)
                wake_worker(now=True)
                tell_next(f"{len(handed)} trials of {result.name} are in the queue.", ":material/play_arrow:")
                st.rerun()
    with st.popover("Delete", icon=":material/delete:", key="delete sweep?"):
        st.markdown("The sweep, its jobs and the states of its runs are deleted; checkpoints and records stay.")
        if st.button(f"Delete {result.name}", icon=":material/delete:", key="delete sweep"):
            with sentences():
                delete_sweep(result.name)
                st.rerun()


def _show_figures(result: SweepResult) -> None:
    from fer_core.plots.sweep import key_importance, parallel_coordinates, sweep_history

    complete = [t.value if t.state == "complete" else None for t in result.trials]
    pruned = [t.value if t.state == "pruned" else None for t in result.trials]
    ended = len([value for value in complete if value is not None])
    st.plotly_chart(
        sweep_history(complete, pruned, result.metric, result.direction), key="sweep history",
        alt=f"{result.metric} of each of {plural(ended, 'complete trial')} in their order, and the best so far",
    )  # fmt: skip
    done = [t for t in result.trials if t.value is not None]
    if done:
        space = open_sweep(result.name, _storage(storage_url())).plan.spec.space
        logarithmic = [key for key, axis in space.items() if axis.log]
        figure = parallel_coordinates(
            [t.drawn for t in done], [t.value or 0.0 for t in done], result.metric, result.direction, logarithmic
        )
        st.plotly_chart(
            figure, key="sweep coordinates", alt=f"A line a trial through {', '.join(space)} and {result.metric}"
        )
    shares = importance(result.name, storage=_storage(storage_url()))
    if shares:
        most = max(shares, key=shares.__getitem__)
        st.plotly_chart(
            key_importance(shares), key="sweep importance",
            alt=f"How much each key matters to {result.metric}; most does {most}, {shares[most]:.0%}",
        )  # fmt: skip
    else:
        st.caption("Which keys matter is told when eight trials are complete.")

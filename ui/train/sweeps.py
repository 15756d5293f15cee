"""Sweeps: which values of a recipe's keys do best, of those that were tried?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
import yaml

from fer_core.errors import FERScopeError
from training.recipe import list_recipes
from training.recipe.loading import recipe_values
from training.recipe.sweeping import load_sweep
from training.sweep.results import SweepResult, importance, sweep_result
from training.sweep.starting import TrialJobs, cancel_sweep, start_sweep
from training.sweep.storage import nothing_kept, open_storage, storage_url
from training.sweep.study import Plan, open_sweep, sweep_names
from ui.waking import wake_worker

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_EVERY_S = 5.0
_EXAMPLE = "space:\n  optimiser.learning_rate: {low: 0.001, high: 0.3, log: true}\n  batch_size: [64, 128]\n"


@st.cache_resource(show_spinner=False)
def _storage(url: str) -> RDBStorage:  # noqa: ARG001  (another one for another place)
    return open_storage()


def show_sweeps(data: str | None) -> None:
    """The view; `data` is the data set of the workspace that a new sweep learns from."""
    names = [] if nothing_kept() else sweep_names(_storage(storage_url()))
    with st.expander("**Start a sweep**, or go on with one", expanded=not names):
        _ask(data)
    if not names:
        st.info("No sweep is here yet; what it finds will be here.", icon=":material/tune:")
        return
    name = st.selectbox("Sweep", names, key="sweep", bind="query-params")
    open_now = _open(sweep_result(name, _storage(storage_url())))
    st.session_state["sweep live"] = open_now
    st.fragment(_draw, run_every=_EVERY_S if open_now else None)(name)


def _open(result: SweepResult) -> bool:
    return bool(result.count("waiting") or result.count("running"))


def _ask(data: str | None) -> None:
    if data is None:
        st.caption("A sweep learns from a data set; add one on the Datasets page.")
        return
    recipes = list_recipes()
    left, middle, right = st.columns([2, 2, 1])
    recipe = left.selectbox("Recipe", recipes, index=recipes.index("fec-cnn-sweep"), key="sweep recipe")
    name = middle.text_input(
        "Name", recipe, max_chars=94, key=f"sweep name {recipe}",
        help="The name of a sweep that is here goes on with it, where all else is the same.",
    )  # fmt: skip
    trials = right.number_input("Trials in all", 1, 10_000, 20, key="sweep trials")
    section = recipe_values(recipe).get("sweep")
    text = st.text_area(
        "What is varied", yaml.safe_dump(section, sort_keys=False, default_flow_style=None) if section else _EXAMPLE,
        height=180, key=f"sweep space {recipe}",
        help="YAML: by key of the recipe a list of choices, or {low, high, step, log}; metric, sampler and pruning.",
    )  # fmt: skip
    if st.button("Start", type="primary", icon=":material/play_arrow:", key="sweep start"):
        try:
            _start(name, recipe, text, data, int(trials))
        except FERScopeError as error:
            st.error(str(error), icon=":material/error:")


def _start(name: str, recipe: str, text: str, data: str, trials: int) -> None:
    values, spec = load_sweep(recipe, [f"sweep={text}"])
    plan = Plan(recipe=values, sweep=spec.model_dump(mode="json"), data=data)
    handed = start_sweep(name, plan, trials, TrialJobs(data=data))
    wake_worker(now=True)
    st.toast(f"{len(handed)} trials of {name} are in the queue on {data}.", icon=":material/play_arrow:")


def _draw(name: str) -> None:
    result = sweep_result(name, _storage(storage_url()))
    if _open(result):
        wake_worker()
    if st.session_state["sweep live"] and not _open(result):
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
    if _open(result) and st.button("Cancel", icon=":material/cancel:", key="sweep cancel",
                                   help="The same sweep, started again, goes on with what is open."):  # fmt: skip
        cancelled = cancel_sweep(result.name)
        st.toast(f"{len(cancelled)} trials are cancelled.", icon=":material/cancel:")


def _show_figures(result: SweepResult) -> None:
    from fer_core.plots.sweep import key_importance, parallel_coordinates, sweep_history

    complete = [t.value if t.state == "complete" else None for t in result.trials]
    pruned = [t.value if t.state == "pruned" else None for t in result.trials]
    st.plotly_chart(sweep_history(complete, pruned, result.metric, result.direction), key="sweep history")
    done = [t for t in result.trials if t.value is not None]
    if done:
        space = open_sweep(result.name, _storage(storage_url())).plan.spec.space
        logarithmic = [key for key, axis in space.items() if axis.log]
        figure = parallel_coordinates(
            [t.drawn for t in done], [t.value or 0.0 for t in done], result.metric, result.direction, logarithmic
        )
        st.plotly_chart(figure, key="sweep coordinates")
    shares = importance(result.name, storage=_storage(storage_url()))
    if shares:
        st.plotly_chart(key_importance(shares), key="sweep importance")
    else:
        st.caption("Which keys matter is told when eight trials are complete.")

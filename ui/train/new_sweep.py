"""The form of a sweep: which recipe, what is varied and how, and what its jobs may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import streamlit as st

from fer_core.errors import RecipeError
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes
from training.recipe import Recipe, list_recipes, load_recipe
from training.recipe.fields import as_yaml
from training.recipe.loading import recipe_values
from training.recipe.own import own_recipe_file, own_recipes
from training.recipe.sweeping import SweepSpec, load_sweep, parse_sweep
from training.sweep.starting import TrialJobs, check_sweep, start_sweep
from training.sweep.study import Plan
from ui.page import sentences
from ui.telling import tell_next
from ui.train.handing import handing_in
from ui.train.job import ask_limits, ask_which
from ui.train.kept import sweep_key
from ui.train.space import ask_space, combinations
from ui.train.wishes import wish
from ui.waking import wake_worker

MOST_TRIALS = 1000  # at once: each is put into the queue by itself, which takes a fifth of a second
_OWN = "own: "
_FIRST = "fec-cnn-sweep"  # the published one


@dataclass(frozen=True)
class _Source:
    """A recipe, and what it says itself of how it is to be swept.

    Attributes:
        name: of the recipe, or the path of one's own.
        title: as it is called.
        section: its section `sweep`; empty where it has none.
    """

    name: str
    title: str
    section: dict[str, Any]


def ask_sweep(data: str | None) -> None:
    """Draws the form and starts what it asks for; `data` is the data set of the workspace that is learnt from."""
    if data is None:
        st.caption("A sweep learns from a data set; add one on the Datasets page.")
        return
    left, middle, right = st.columns([2, 2, 1])
    with left:
        source = _pick()
    if source is None:
        return
    name = middle.text_input("Name", source.title, max_chars=94, key=f"sweep name {source.title}")
    trials = right.number_input("Trials in all", 1, MOST_TRIALS, 20, key="sweep trials")
    told = st.container()
    key = sweep_key(source.title)
    try:
        changes = _ask_changes(key)
        recipe = load_recipe(source.name, changes)
        section = _ask_section(recipe, source.section, key)
    except RecipeError as error:
        told.error(str(error), icon=":material/error:")
        return
    jobs = _ask_jobs(data)
    if st.button(
        "Start", type="primary", icon=":material/play_arrow:", key="start sweep", disabled=not section["space"]
    ):
        with told, sentences():
            _start(name, int(trials), source.name, [*changes, f"sweep={as_yaml(section)}"], jobs)


def _pick() -> _Source | None:
    options = [*list_recipes(), *(f"{_OWN}{name}" for name in own_recipes())]
    title = str(st.selectbox("Recipe", options, index=options.index(_FIRST), key="sweep recipe"))
    own = title.removeprefix(_OWN)
    try:
        name = title if own == title else str(own_recipe_file(own))
        section = recipe_values(name).get("sweep") or {}
        return _Source(name, own, section if isinstance(section, dict) else {})
    except RecipeError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _ask_changes(key: str) -> list[str]:
    """What differs from the recipe in every trial."""
    text = st.text_input(
        "Changes that hold for every trial", key=f"{key} changes", placeholder="epochs=10; optimiser.name=adam",
        help="key=value, with a semicolon between two.",
    )  # fmt: skip
    return [change.strip() for change in text.split(";") if change.strip()]


def _ask_section(recipe: Recipe, section: dict[str, Any], key: str) -> dict[str, Any]:
    """The section `sweep`, as plain values."""
    begin = parse_sweep(section, f"{recipe.name}: sweep") if section else None
    space = ask_space(recipe, begin.space if begin else {}, key)
    count = combinations(space)
    if space and count is not None:
        st.caption(f"{count:,} different trials can be drawn.")
    return {"space": space, **_ask_search(begin or SweepSpec.model_construct(space={}), key)}


def _ask_search(begin: SweepSpec, key: str) -> dict[str, Any]:
    fields = SweepSpec.model_fields
    with st.expander("**Search**: metric, sampler, pruning"):
        left, middle, right = st.columns(3)
        metrics, samplers = (list(get_args(fields[name].annotation)) for name in ("metric", "sampler"))
        metric = left.selectbox(
            "Metric", metrics, metrics.index(begin.metric), key=f"{key} metric", help="Of a trial's best epoch."
        )
        sampler = middle.selectbox(
            "Sampler", samplers, samplers.index(begin.sampler), key=f"{key} sampler",
            help="tpe learns from the trials that are over where to look; random does not.",
        )  # fmt: skip
        seed = right.number_input("Seed", 0, 2**31 - 1, begin.seed, key=f"{key} seed")
        was = begin.pruning
        prune = left.toggle(
            "Give up what does badly", was != "none", key=f"{key} prune",
            help="A trial ends after an epoch at which it is worse than the median of those before it.",
        )  # fmt: skip
        if not prune:
            return {"metric": metric, "sampler": sampler, "seed": int(seed), "pruning": "none"}
        startup = middle.number_input(
            "Trials that run to their end first", 1, None, 5 if was == "none" else was.startup_trials,
            key=f"{key} startup",
        )  # fmt: skip
        warmup = right.number_input(
            "Epochs that each trial has", 0, None, 3 if was == "none" else was.warmup_epochs, key=f"{key} warmup"
        )
    pruning = {"startup_trials": int(startup), "warmup_epochs": int(warmup)}
    return {"metric": metric, "sampler": sampler, "seed": int(seed), "pruning": pruning}


def _ask_jobs(data: str) -> TrialJobs:
    with st.expander("**Jobs**: priority, limits of each trial, tags"):
        columns = st.columns(2)
        wishes = ask_limits([*columns, *columns], Wishes(), "sweep ")
        tags, _ = ask_which(FitRequest(data=data), "sweep ")
    return TrialJobs(data, tags=tuple(tags), priority=wishes.priority, limits=wishes.limits)


def _start(name: str, trials: int, recipe: str, changes: list[str], jobs: TrialJobs) -> None:
    values, spec = load_sweep(recipe, changes)
    plan = Plan(recipe=values, sweep=spec.model_dump(mode="json"), data=Path(jobs.data).name, tags=jobs.tags)
    with st.spinner("Looking whether it can begin"):
        check_sweep(plan, jobs)
    with handing_in() as progress:
        handed = start_sweep(name, plan, trials, jobs, progress)
    wake_worker(now=True)
    tell_next(f"{len(handed)} trials of {name} are in the queue on {jobs.data}.", ":material/play_arrow:")
    wish(sweep=name)

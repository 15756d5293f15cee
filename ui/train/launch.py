"""New run: data, recipe, a form, a dry run, and the button that starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fer_core.data.store import open_data_set
from fer_core.errors import RecipeError
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes, submit_fit
from training.jobs.states import Limits
from training.recipe import Recipe, load_recipe
from ui.page import sentences
from ui.tasks import NEW_DATA_SET, show_tasks
from ui.train.draft import pick_draft
from ui.train.dry import offer_dry_run, show_dry_run
from ui.train.form import ask_for_changes
from ui.train.where import ask_where
from ui.train.wishes import wish
from ui.waking import wake_worker


def show_first_steps() -> None:
    """What the page shows while there is no data set."""
    show_tasks(NEW_DATA_SET)
    st.info(
        "No data set is here yet, and a recipe needs faces to learn from. Draw some to see a run, or add your own on "
        "the Datasets page.",
        icon=":material/photo_library:",
    )
    with st.container(horizontal=True):
        if st.button("Draw schematic faces", type="primary", icon=":material/draw:", key="draw first"):
            from ui.datasets.adding import draw_faces

            draw_faces(60, 0, flaws=False)
        st.page_link("pages/1_Datasets.py", label="Add your own", icon=":material/add_photo_alternate:")


def show_launch(data: str) -> None:
    """The view, for a data set of the workspace."""
    show_tasks(NEW_DATA_SET)
    draft = pick_draft()
    if draft is None:
        return
    st.markdown(f"{draft.filled.summary}  \nLearns from **{data}**.")
    head = st.container()
    changes: list[str] = []
    recipe = None
    try:
        changes = ask_for_changes(draft)
        recipe = load_recipe(draft.source, changes)
    except RecipeError as error:
        head.error(_without_path(str(error), draft.source), icon=":material/error:")
    fit, wishes = _ask_for_job(data)
    where = ask_where()
    with head:
        told = st.container()
        with st.container(horizontal=True):
            _offer_start(recipe, fit, lambda: replace(wishes, cluster=where.cluster()), told)
            arguments = offer_dry_run(draft.source, changes, fit, ready=recipe is not None)
        show_dry_run(arguments)


def _without_path(sentence: str, source: str) -> str:
    """The page says which recipe it is about; where its file lies does not help."""
    place, colon, rest = sentence.partition(".yaml: ")
    return rest if colon and place.endswith(source.rpartition("/")[2].removesuffix(".yaml")) else sentence


def _ask_for_job(data: str) -> tuple[FitRequest, Wishes]:
    with st.expander("**Job**: name, priority, limits, tags"):
        left, middle, right = st.columns(3)
        run = left.text_input("Name of the run", placeholder="as the recipe is called", max_chars=100, key="run name")
        priority = middle.number_input("Priority", -100, 100, 0, help="The higher goes first.", key="run priority")
        hours = right.number_input("Hours at most", 0.01, None, None, key="run hours", placeholder="no limit")
        memory = left.number_input("Memory at most, MB", 100, None, None, key="run memory", placeholder="no limit")
        disk = middle.number_input("Free disk before it starts, MB", 0, None, 500, key="run disk")
        keep = right.number_input("Keep the state every so many steps", 0, None, 500, key="run keep")
        tags = left.multiselect(
            "Tags of training samples", list(open_data_set(data).tags()), key=f"run tags {data}",
            help="Only training samples with one of these tags are learnt from; the Datasets page makes tags.",
        )  # fmt: skip
    limits = Limits(time_s=None if hours is None else 3600 * hours, memory_mb=memory, disk_mb=disk)
    fit = FitRequest(data=data, tags=tuple(tags), keep_every=int(keep))
    return fit, Wishes(run.strip() or None, int(priority), limits)


def _offer_start(recipe: Recipe | None, fit: FitRequest, wishes: Callable[[], Wishes], told: DeltaGenerator) -> None:
    """The button; what is wrong with the request is told in a place of its own."""
    if (
        st.button(
            "Start training", type="primary", icon=":material/play_arrow:", key="start", disabled=recipe is None,
            help="It goes on when you close this page.",
        )
        and recipe is not None
    ):  # fmt: skip
        with told, sentences():
            job = submit_fit(recipe, fit, wishes())
            wake_worker(now=True)
            st.toast(f"Job {job.id}: {job.spec.about}", icon=":material/play_arrow:")
            wish(show="Queue")

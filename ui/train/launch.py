"""New run: data, recipe, a form, a dry run, and the button that starts it."""

from __future__ import annotations

import streamlit as st

from fer_core.errors import RecipeError
from training.recipe import load_recipe
from ui.tasks import NEW_DATA_SET, show_tasks
from ui.train.asked import asked_of
from ui.train.draft import clone_is_asked, pick_draft
from ui.train.form import ask_for_changes
from ui.train.job import ask_for_job
from ui.train.starting import Entered, offer
from ui.train.where import ask_where


def _show_first_steps() -> None:
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


def show_launch(picked: str | None) -> None:
    """The view; `picked` is the sidebar's data set, without which a job that learnt from a path can still be cloned."""
    if picked is None and not clone_is_asked():
        _show_first_steps()
        return
    show_tasks(NEW_DATA_SET)
    draft = pick_draft()
    asked = asked_of(draft, picked) if draft else None
    if draft is None or asked is None:
        return
    st.markdown(f"{draft.filled.summary}  \nLearns from **{asked.fit.data}**.")
    head = st.container()
    changes: list[str] = []
    recipe = None
    try:
        changes = ask_for_changes(draft)
        recipe = load_recipe(draft.source, changes)
    except RecipeError as error:
        head.error(_without_path(str(error), draft.source), icon=":material/error:")
    fit, wishes = ask_for_job(asked)
    where = ask_where(asked)
    fit = fit.model_copy(update={"processes": where.processes})
    with head:
        offer(Entered(draft.source, tuple(changes), recipe, fit, wishes, where))


def _without_path(sentence: str, source: str) -> str:
    """The page says which recipe it is about; where its file lies does not help."""
    place, colon, rest = sentence.partition(".yaml: ")
    return rest if colon and place.endswith(source.rpartition("/")[2].removesuffix(".yaml")) else sentence

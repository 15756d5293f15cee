"""What is about to be trained: a recipe, or that of a job that is cloned, and what is to be changed about it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fer_core.errors import JobError, RecipeError
from training.jobs.job import Job
from training.jobs.queue import recipe_file
from training.jobs.table import find
from training.recipe import Recipe, list_recipes, load_recipe
from training.recipe.own import LARGEST_KB, drop_recipe, keep_recipe, own_recipe_file, own_recipes
from ui.train.kept import forget_sweep, forget_values
from ui.train.wishes import wish

_FIRST = "compact"
# The address has an option as it is shown, so that what is shown is what is meant.
_JOB, _OWN = "as job ", "own: "
_TAKEN = "own taken"  # how often: an uploader is emptied by a key that it has not had yet
_EXAMPLE = "name: mine\nmodel: {architecture: compact}\nepochs: 30\n"


@dataclass(frozen=True)
class Draft:
    """A recipe to start from.

    Attributes:
        source: name of a recipe, or path of the YAML file of a job that is cloned.
        filled: what the form is filled with.
        base: what it is compared with: the recipe of that name where it comes with FERScope.
        job: the one that is cloned.
    """

    source: str
    filled: Recipe
    base: Recipe
    job: Job | None = None


def clone_key(number: int) -> str:
    """What the recipe's widget and the address have for a clone of a job."""
    return f"{_JOB}{number}"


def clone_is_asked() -> bool:
    """Whether the recipe that is chosen, or that the address names, is that of a job."""
    number = _asked().removeprefix(_JOB)
    return _asked().startswith(_JOB) and number.isdecimal() and len(number) < 10


def _asked() -> str:
    return str(st.session_state.get("recipe") or st.query_params.get("recipe") or "")


def pick_draft() -> Draft | None:
    """Asks for the recipe; None where the address names what is not there any more."""
    names, asked = list_recipes(), _asked()
    options = [*names, *(f"{_OWN}{name}" for name in own_recipes()), *([asked] if clone_is_asked() else [])]
    if asked and asked not in options:
        st.warning(f"There is no recipe “{asked[:100]}”. Showing another one; choose below.")
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    name = str(left.selectbox("Recipe", options, index=options.index(_FIRST), key="recipe", bind="query-params"))
    with right:
        _take_own(name.removeprefix(_OWN) if name.startswith(_OWN) else None)
    if name.startswith(_OWN):
        return _of_own(name.removeprefix(_OWN))
    return _clone_of(int(name.removeprefix(_JOB))) if name not in names else _of_recipe(name)


def _of_recipe(name: str) -> Draft:
    recipe = load_recipe(name)
    return Draft(name, recipe, recipe)


def _clone_of(number: int) -> Draft | None:
    try:
        file, job = recipe_file(number), find(number)
    except JobError as error:
        st.error(str(error), icon=":material/error:")
        return None
    filled = load_recipe(file)
    base = load_recipe(filled.name) if filled.name in list_recipes() else filled
    return Draft(str(file), filled, base, job)


def _of_own(name: str) -> Draft | None:
    try:
        file = own_recipe_file(name)
        recipe = load_recipe(file)
    except RecipeError as error:
        st.error(str(error), icon=":material/error:")
        return None
    return Draft(str(file), recipe, recipe)


def _take_own(chosen: str | None) -> None:
    """A recipe as YAML, from a file or typed; it is kept in the workspace and chosen. The one that is can go."""
    with st.popover("Your own", icon=":material/upload_file:", key="own recipe", width="stretch"):
        st.caption("A recipe in YAML, with a name of its own. It is kept in the workspace.")
        taken = st.session_state.setdefault(_TAKEN, 0)
        file = st.file_uploader("File", type=["yaml", "yml"], key=f"own file {taken}", max_upload_size=1)
        text = st.text_area("or text", key="own text", height=200, placeholder=_EXAMPLE, max_chars=1000 * LARGEST_KB)
        both = file is not None and bool(text.strip())
        if both:
            st.warning("Here are a file and a text; remove one of them.", icon=":material/warning:")
        if st.button("Take it", key="own take", icon=":material/add:", disabled=both or not (file or text.strip())):
            try:
                name = keep_recipe(file.getvalue() if file else text.encode())
            except RecipeError as error:
                st.error(str(error), icon=":material/error:")
            else:
                _forget(name)  # what was entered differed from another of that name
                wish(recipe=f"{_OWN}{name}", **{"own text": "", _TAKEN: taken + 1})
        if chosen and st.button(
            f"Delete {chosen}", key="own delete", icon=":material/delete:", help="Jobs that have it keep their copy."
        ):
            drop_recipe(chosen)
            _forget(chosen)
            wish(recipe=_FIRST)


def _forget(own: str) -> None:
    forget_values(str(own_recipe_file(own)))
    forget_sweep(own)

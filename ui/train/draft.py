"""What is about to be trained: a recipe, or that of a job that is cloned, and what is to be changed about it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fer_core.errors import JobError
from training.jobs.job import Job
from training.jobs.queue import recipe_file
from training.jobs.table import find
from training.recipe import Recipe, list_recipes, load_recipe

_JOB = "job-"


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
    return _asked().startswith(_JOB) and _asked().removeprefix(_JOB).isdecimal()


def _asked() -> str:
    return str(st.session_state.get("recipe") or st.query_params.get("recipe") or "")


def pick_draft() -> Draft | None:
    """Asks for the recipe; None where the address names what is not there any more."""
    names, asked = list_recipes(), _asked()
    options = [*names, asked] if clone_is_asked() else names
    if asked and asked not in options:
        st.warning(f"There is no recipe “{asked[:100]}”. Showing another one; choose below.")
    name = str(
        st.selectbox(
            "Recipe", options, index=options.index("compact"), key="recipe", bind="query-params", format_func=_words
        )
    )
    return _clone_of(int(name.removeprefix(_JOB))) if name not in names else _of_recipe(name)


def _words(name: str) -> str:
    return f"as job {name.removeprefix(_JOB)}" if name.startswith(_JOB) else name


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

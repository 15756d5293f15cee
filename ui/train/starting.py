"""The buttons under which a run is tried or started, and what is told where it cannot begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fer_core.errors import MissingWeightsError
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes, submit_fit
from training.recipe import Recipe, load_recipe
from ui.page import sentences
from ui.tasks import running
from ui.telling import tell_next
from ui.train.dry import DRY_RUN, arguments_of, show_dry_run, start_dry_run
from ui.train.kept import values_of, widget_key
from ui.train.where import Where
from ui.train.wishes import wish

_REFUSED = "train refused"  # what was pressed, of which values, and why it cannot be
_RANDOM = ("model.pretrained", "none")


@dataclass(frozen=True)
class Entered:
    """All that the page asks for.

    Attributes:
        source: as in `Draft`.
        changes: `key=value`, of the recipe.
        recipe: with the changes; None where it is not valid.
        fit: what it learns from.
        wishes: without the cluster.
        where: which cluster, if any.
    """

    source: str
    changes: tuple[str, ...]
    recipe: Recipe | None
    fit: FitRequest
    wishes: Wishes
    where: Where

    def from_random(self) -> Entered:
        """The same without the weights that it would start from."""
        changes = (*self.changes, "=".join(_RANDOM))
        return replace(self, changes=changes, recipe=load_recipe(self.source, changes))


def offer(entered: Entered) -> None:
    """Draws the buttons, and below them what the last dry run found."""
    told = st.container()
    with st.container(horizontal=True):
        start = st.button(
            "Start training", type="primary", icon=":material/play_arrow:", key="start",
            disabled=entered.recipe is None, help="It goes on when you close this page.",
        )  # fmt: skip
        dry = st.button(
            "Dry run", key="dry run", icon=":material/speed:", disabled=entered.recipe is None or running(DRY_RUN),
            help="Tries one batch: shapes, parameters, memory, time per epoch and of the whole.",
        )  # fmt: skip
    if start:
        _attempt("start", _start, entered, told)
    if dry:
        _attempt("dry run", _dry_run, entered, told)
    _offer_random_weights(entered, told)
    show_dry_run(arguments_of(entered.source, entered.changes, entered.fit))


def _attempt(what: str, act: Callable[[Entered], None], entered: Entered, told: DeltaGenerator) -> None:
    """Does it, or tells why not; missing weights are remembered, for the button that does without them."""
    st.session_state.pop(_REFUSED, None)
    with told, sentences(), st.spinner("Looking whether it can begin"):
        try:
            act(entered)
        except MissingWeightsError as error:
            st.session_state[_REFUSED] = (what, entered.source, entered.changes, error.why)


def _offer_random_weights(entered: Entered, told: DeltaGenerator) -> None:
    what, source, changes, why = st.session_state.get(_REFUSED, ("", "", (), ""))
    if not what or (source, changes) != (entered.source, entered.changes):
        return
    told.error(why, icon=":material/error:")
    label = "Start from random weights" if what == "start" else "Dry run from random weights"
    if told.button(label, icon=":material/casino:", key="random weights", help="Sets model.pretrained to none."):
        values_of(source)[_RANDOM[0]] = _RANDOM[1]  # the form shows it from now on
        shown = {widget_key(source, _RANDOM[0]): _RANDOM[1]}
        act = _start if what == "start" else _dry_run
        _attempt(what, lambda without: act(without, **shown), entered.from_random(), told)


def _start(entered: Entered, **shown: str) -> None:
    if entered.recipe is None:
        return
    from training.jobs.worker import ensure_worker

    ensure_worker()  # it comes up while the recipe is checked, for which torch is loaded
    job = submit_fit(entered.recipe, entered.fit, replace(entered.wishes, cluster=entered.where.cluster()))
    tell_next(f"Job {job.id}: {job.spec.about}", ":material/play_arrow:")
    wish(show="Queue", **shown)


def _dry_run(entered: Entered, **shown: str) -> None:
    from training.checks import check_recipe

    if entered.recipe is None:
        return
    check_recipe(entered.recipe)
    start_dry_run(arguments_of(entered.source, entered.changes, entered.fit), entered.fit.data)
    wish(**shown)

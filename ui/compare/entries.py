"""The models that have answered one split: shipped, trained here, or deleted since."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from fer_core.checkpoint import Checkpoint, list_checkpoints
from fer_core.errors import DataError
from fer_core.evaluate.cost import Cost, Latency
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.shelf import list_predictions
from ui.evaluation.asking import offer_evaluation
from ui.evaluation.kept import Where, opened
from ui.wording import plural

if TYPE_CHECKING:
    from training.tracking.trained import TrainedModel

_MOST_OFFERED = 12
_MOST = 10  # models that are compared without being asked for


@dataclass(frozen=True, eq=False)
class Entry:
    """A model with its answers.

    Attributes:
        name: of the model; with the beginning of its hash where another one has the same name.
        predictions: its answers.
        checkpoint: None where it has been deleted since.
    """

    name: str
    predictions: Predictions
    checkpoint: Checkpoint | None


def entries(where: Where) -> dict[str, Entry]:
    """Every model that has answered the split, by name; one whose table is damaged is told and left out."""
    known = {c.card.weights_sha256: c for c in list_checkpoints()}
    kept = [a for a in list_predictions() if (a.data_hash, a.split) == (where.data_hash, where.split)]
    names = [about.model for about in kept]
    found = {}
    for about in sorted(kept, key=lambda about: about.model):
        checkpoint = known.get(about.model_hash)
        try:
            table = opened(about.file, checkpoint.card.temperature if checkpoint else None)
        except DataError as error:
            st.warning(f"{about.model} is left out: {error}", icon=":material/error:")
            continue
        name = about.model if names.count(about.model) == 1 else f"{about.model} {about.model_hash[:6]}"
        found[name] = Entry(name, table if name == about.model else renamed(table, name), checkpoint)
    return found


@functools.lru_cache(maxsize=16)
def renamed(table: Predictions, name: str) -> Predictions:
    """The same answers under another name; the same object each time, by which figures are kept."""
    return table.named(name)


def comparable(found: dict[str, Entry]) -> dict[str, Entry]:
    """Those whose classes are those of most; the others are named."""
    sets = [frozenset(entry.predictions.about.classes) for entry in found.values()]
    most = max(sets, key=sets.count, default=frozenset())
    alike = {name: entry for name, entry in found.items() if frozenset(entry.predictions.about.classes) == most}
    other = [name for name in found if name not in alike]
    if other:
        st.caption(f"Left out, since they have other classes: {', '.join(other)}; see “Across data”.")
    return alike


def offer_missing(where: Where, found: dict[str, Entry], runs: Mapping[str, TrainedModel] | None = None) -> None:
    """Buttons for the checkpoints that have not answered the split yet, those of runs first; and what is deleted.

    Args:
        where: data set and split.
        found: those that have answered it.
        runs: the recorded runs by the hash of their weights.
    """
    from ui.compare.runs import tell_deleted

    runs = runs or {}
    there = {entry.predictions.about.model_hash for entry in found.values()}
    missing = [c for c in list_checkpoints() if c.card.weights_sha256 not in there]
    missing.sort(key=lambda c: c.card.weights_sha256 not in runs)
    if missing:
        of_runs = sum(c.card.weights_sha256 in runs for c in missing)
        said = f" ({of_runs:,} of recorded runs)" if of_runs else ""
        st.caption(f"{plural(len(missing), 'checkpoint')}{' more' if found else ''} can be asked{said}.")
        with st.container(horizontal=True):
            for checkpoint in missing[:_MOST_OFFERED]:
                offer_evaluation(where, checkpoint, _label(checkpoint, runs) if found else "")
    tell_deleted(runs, there)


def _label(checkpoint: Checkpoint, runs: Mapping[str, TrainedModel]) -> str:
    run = runs.get(checkpoint.card.weights_sha256)
    of = f" (run {run.run})" if run and run.run != checkpoint.folder.name else ""
    return f"Evaluate {checkpoint.folder.name}{of}"


@st.cache_data(show_spinner="Counting multiply-adds")
def cost_of(folder: str, _weights: str) -> Cost:
    """What one face costs, counted once for each checkpoint.

    Raises:
        ModelError: the card's network cannot be built.
    """
    from fer_core.checkpoint import open_checkpoint
    from fer_core.evaluate.cost import cost

    return cost(open_checkpoint(folder))


@st.cache_data(show_spinner="Measuring the time of one face")
def latency_of(folder: str, _weights: str) -> Latency:
    """Time of one face on this machine; measured once while the app runs.

    Raises:
        CheckpointError, ModelError: the checkpoint cannot be opened.
    """
    from fer_core.evaluate.cost import latency
    from fer_core.predict import get_predictor

    return latency(get_predictor(folder))


def pick(found: dict[str, Entry], runs: Mapping[str, TrainedModel]) -> dict[str, Entry]:
    """The models that the user chooses, each with the run that it is of; without a choice the first ten."""

    def words(name: str) -> str:
        entry = found[name]
        run = runs.get(entry.predictions.about.model_hash)
        kind = f" (run {run.run})" if run else ""
        return f"{name}{kind}{', deleted' if entry.checkpoint is None else ''}"

    chosen = st.multiselect(
        "Models", list(found), key="models", bind="query-params", format_func=words,
        placeholder="all" if len(found) <= _MOST else f"the first {_MOST}",
    )  # fmt: skip
    return {name: found[name] for name in chosen or list(found)[:_MOST]}

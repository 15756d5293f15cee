"""The recorded runs among the models: which run a model is of, how often its test split was seen, what was deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping

import streamlit as st

from fer_core.errors import FERScopeError
from training.tracking.store import local_file
from training.tracking.trained import TrainedModel, start_recording, trained_models
from ui.wording import plural

_AGAIN_S = 60.0  # between two processes that bring records up to date, should one fail
_MOST = 5  # named
_STARTED = "looks recorded"


def models_of_runs() -> dict[str, TrainedModel]:
    """By hash of the weights, what the recorded runs brought forth; a record that does not answer is told."""
    try:
        found = trained_models() if local_file() else _of_server()
    except FERScopeError as error:
        st.warning(f"{error} The models are shown without their runs.", icon=":material/cloud_off:")
        return {}
    started = st.session_state.get(_STARTED, 0.0)
    if time.monotonic() - started > _AGAIN_S and start_recording(found):
        st.session_state[_STARTED] = time.monotonic()
    return {model.weights_sha256: model for model in reversed(found)}  # of two runs with one result the newest


@st.cache_data(ttl=30, show_spinner="Asking MLflow for the recorded runs")
def _of_server() -> list[TrainedModel]:
    """As `trained_models`; a server takes seconds, a local store milliseconds."""
    return trained_models()


def tell_deleted(runs: Mapping[str, TrainedModel], answered: set[str]) -> None:
    """Says of which runs the checkpoint is gone.

    Args:
        runs: by hash of the weights.
        answered: hashes of those whose predictions are here.
    """
    gone = [model for sha256, model in runs.items() if model.checkpoint is None]
    if not gone:
        return
    lines = [
        f"- **{model.run}**: its predictions are kept and can be compared"
        if model.weights_sha256 in answered
        else f"- **{model.run}**: it has not predicted this split, and cannot any more; a copy is at `{model.copy}`"
        for model in gone[:_MOST]
    ]
    lines += [f"- and {plural(len(gone) - _MOST, 'other')}"] if len(gone) > _MOST else []
    st.markdown(
        f"The checkpoint of {plural(len(gone), 'recorded run')} is not here (deleted, or on another machine):\n"
        + "\n".join(lines)
    )

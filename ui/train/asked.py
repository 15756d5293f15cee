"""What the forms beside the recipe's are filled with: those of a new run, or of a job that is cloned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fer_core.workspace import data_set_names
from training.jobs.job import FitRequest, Job
from training.jobs.queue import Wishes, wishes_of
from ui.train.draft import Draft


@dataclass(frozen=True)
class Asked:
    """What was asked of a run before anything is changed.

    Attributes:
        keys: what the keys of the widgets begin with; each job that is cloned has forms of its own.
        fit: what it learns from, and how it is kept.
        wishes: its priority, its limits, and where it trains; it has no name yet.
    """

    keys: str
    fit: FitRequest
    wishes: Wishes


def asked_of(draft: Draft, picked: str | None) -> Asked | None:
    """What a draft asks for; None, with a sentence on the page, where there is nothing to learn from.

    Args:
        draft: a recipe, or a job that is cloned. A job that learnt from a path goes on with it, unless the user chooses
            the sidebar's data set instead.
        picked: the sidebar's data set; None while there is none.
    """
    job = draft.job
    if job is None or job.spec.fit is None:
        return None if picked is None else Asked("", FitRequest(data=picked), Wishes())
    fit, keys = job.spec.fit, f"job-{job.id} "
    data = _data_of(job, fit.data, picked, keys)
    if data is None:
        return None
    if data != fit.data:
        fit = fit.model_copy(update={"data": data, "labels": None, "tags": _kept_tags(fit, data)})
    return Asked(keys, fit, wishes_of(job))


def _data_of(job: Job, data: str, picked: str | None, keys: str) -> str | None:
    """The job's path or the sidebar's data set; whatever is not as it was in the job is told."""
    if Path(data).is_absolute():
        if picked is None:
            return data
        chosen = st.segmented_control(
            "Learns from", (data, picked), default=data, required=True, key=f"{keys}run data",
            format_func=lambda name: f"{Path(name).name}, as job {job.id}" if name == data else name,
            help=f"Job {job.id} learnt from {data}.",
        )  # fmt: skip
        return str(chosen)
    if picked is None:
        st.error(
            f"Job {job.id} learnt from {data}, which is not here any more, and there is no other data set. Add one on "
            "the Datasets page.", icon=":material/error:",
        )  # fmt: skip
    elif picked != data:
        there = "; choose it in the sidebar" if data in data_set_names() else ", which is not here any more"
        st.warning(f"Job {job.id} learnt from {data}{there}. This run would learn from {picked}.")
    return picked


def _kept_tags(fit: FitRequest, data: str) -> tuple[str, ...]:
    """Those of the job's tags that another data set has as well; the others are told of."""
    from fer_core.data.store import open_data_set

    known = open_data_set(data).tags() if fit.tags else ()
    missing = [tag for tag in fit.tags if tag not in known]
    if missing:
        st.warning(f"{data} has no tag {', '.join(missing)}, which the job's training samples had.")
    return tuple(tag for tag in fit.tags if tag in known)

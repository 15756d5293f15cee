"""The Job form: name, priority, limits, and which training samples count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fer_core.data.store import open_data_set
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes
from ui.train.asked import Asked


def ask_for_job(asked: Asked) -> tuple[FitRequest, Wishes]:
    """Draws the form, filled with what was asked; gives what is asked now. What it has no widget for stays."""
    key, fit = asked.keys, asked.fit
    with st.expander("**Job**: name, priority, limits, tags"):
        columns = st.columns(3)
        run = columns[0].text_input(
            "Name of the run", placeholder="as the recipe is called", max_chars=100, key=f"{key}run name"
        )
        wishes = ask_limits(columns[1:] + columns, asked.wishes, key)
        keep = columns[2].number_input(
            "Keep the state every so many steps", 0, None, fit.keep_every, key=f"{key}run keep"
        )
        tags, labels = ask_which(fit, key)
    fit = fit.model_copy(update={"tags": tuple(tags), "labels": labels, "keep_every": int(keep)})
    return fit, replace(wishes, run=run.strip() or None)


def ask_limits(columns: Sequence[DeltaGenerator], was: Wishes, key: str) -> Wishes:
    """Priority and limits, a widget for each of four columns; what it has no widget for stays as it was."""
    limits = was.limits
    hours_were = None if limits.time_s is None else limits.time_s / 3600
    memory_was, disk_was = _whole(limits.memory_mb), _whole(limits.disk_mb)
    priority = columns[0].number_input(
        "Priority", min(-100, was.priority), max(100, was.priority), was.priority, help="The higher goes first.",
        key=f"{key}run priority",
    )  # fmt: skip
    hours = columns[1].number_input(
        "Hours at most", min(0.01, hours_were or 0.01), None, hours_were, key=f"{key}run hours", placeholder="no limit"
    )
    memory = columns[2].number_input(
        "Memory at most, MB", min(100, memory_was or 100), None, memory_was, key=f"{key}run memory",
        placeholder="no limit",
    )  # fmt: skip
    disk = columns[3].number_input("Free disk before it starts, MB", 0, None, disk_was, key=f"{key}run disk")
    seconds = limits.time_s if hours == hours_were else None if hours is None else 3600 * hours
    limits = limits.model_copy(update={"time_s": seconds, "memory_mb": memory, "disk_mb": disk or 0})
    return replace(was, priority=int(priority), limits=limits)


def ask_which(fit: FitRequest, key: str) -> tuple[Sequence[str], str | None]:
    """Tags of a data set of the workspace, or FER+ votes beside a path."""
    if Path(fit.data).is_absolute():
        labels = st.text_input(
            "FER+ votes", fit.labels or "", key=f"{key}run labels", placeholder="none",
            help="Path of fer2013new.csv, for FER2013.",
        )  # fmt: skip
        return (), labels.strip() or None
    known = list(open_data_set(fit.data).tags())
    tags = st.multiselect(
        "Tags of training samples", known, [tag for tag in fit.tags if tag in known], key=f"{key}run tags {fit.data}",
        help="Only training samples with one of these tags are learnt from; the Datasets page makes tags.",
    )  # fmt: skip
    return tags, None


def _whole(value: float | None) -> int | None:
    return None if value is None else math.ceil(value)

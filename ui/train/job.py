"""The Job form: name, priority, limits, and which training samples count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from fer_core.data.store import open_data_set
from training.jobs.job import FitRequest
from training.jobs.queue import Wishes
from ui.train.asked import Asked


def ask_for_job(asked: Asked) -> tuple[FitRequest, Wishes]:
    """Draws the form, filled with what was asked; gives what is asked now. What it has no widget for stays."""
    key, fit, limits = asked.keys, asked.fit, asked.wishes.limits
    was = None if limits.time_s is None else limits.time_s / 3600
    memory_was, disk_was = _whole(limits.memory_mb), _whole(limits.disk_mb)
    priority_was = asked.wishes.priority
    with st.expander("**Job**: name, priority, limits, tags"):
        left, middle, right = st.columns(3)
        run = left.text_input(
            "Name of the run", placeholder="as the recipe is called", max_chars=100, key=f"{key}run name"
        )
        priority = middle.number_input(
            "Priority", min(-100, priority_was), max(100, priority_was), priority_was, help="The higher goes first.",
            key=f"{key}run priority",
        )  # fmt: skip
        hours = right.number_input(
            "Hours at most", min(0.01, was or 0.01), None, was, key=f"{key}run hours", placeholder="no limit"
        )
        memory = left.number_input(
            "Memory at most, MB", min(100, memory_was or 100), None, memory_was, key=f"{key}run memory",
            placeholder="no limit",
        )  # fmt: skip
        disk = middle.number_input("Free disk before it starts, MB", 0, None, disk_was, key=f"{key}run disk")
        keep = right.number_input("Keep the state every so many steps", 0, None, fit.keep_every, key=f"{key}run keep")
        tags, labels = _ask_which(fit, key)
    seconds = limits.time_s if hours == was else None if hours is None else 3600 * hours
    limits = limits.model_copy(update={"time_s": seconds, "memory_mb": memory, "disk_mb": disk or 0})
    fit = fit.model_copy(update={"tags": tuple(tags), "labels": labels, "keep_every": int(keep)})
    return fit, replace(asked.wishes, run=run.strip() or None, priority=int(priority), limits=limits)


def _ask_which(fit: FitRequest, key: str) -> tuple[Sequence[str], str | None]:
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

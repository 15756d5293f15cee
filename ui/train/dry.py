"""Dry run: what a run would cost, from one batch, tried in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from fer_core.durations import duration
from fer_core.tasks import Task, start, tasks
from training.jobs.job import FitRequest
from ui.tasks import show_tasks

DRY_RUN = "dry run"


def arguments_of(source: str, changes: Sequence[str], fit: FitRequest) -> tuple[str, ...]:
    """What a dry run of these values is started with."""
    arguments = ["-m", "training", "fit", source, "--data", fit.data, "--dry", "--json"]
    arguments += ["--labels", fit.labels] if fit.labels else []
    arguments += [part for tag in fit.tags for part in ("--tag", tag)]
    return (*arguments, *(part for change in changes for part in ("--set", change)))


def start_dry_run(arguments: tuple[str, ...], data: str) -> None:
    """Starts it; the next run of the page shows it."""
    start(list(arguments), f"Dry run on {data}", DRY_RUN)


def show_dry_run(arguments: tuple[str, ...]) -> None:
    """Progress of the one that runs, and what the last one found; `arguments` tell whether it was of these values."""
    show_tasks(DRY_RUN)
    for task in tasks(DRY_RUN)[:5]:
        found = result_of(task)
        if found is not None:
            _show(found, current=sorted(task.arguments) == sorted(arguments))
            return


def result_of(task: Task) -> dict[str, Any] | None:
    """What a dry run has printed; None where it has not ended well."""
    if task.exit_status != 0:
        return None
    text = task.log()
    try:
        found, _ = json.JSONDecoder().raw_decode(text, text.index("{\n"))
    except ValueError:
        return None
    return dict(found)


def _time(seconds: float) -> str:
    """Short ones to a tenth, as a step of a small network takes less than a second."""
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _show(found: dict[str, Any], *, current: bool) -> None:
    with st.container(border=True):
        kept = "" if current else " · of other values than those below; try again"
        st.markdown(f"Dry run of **{found['recipe']}** on {found['device']} in {found['precision']}{kept}")
        cells = {
            "Parameters": f"{found['parameters']:,}",
            "An epoch": _time(found["epoch_s"]),
            "The whole run": _time(found["total_s"]),
            "Memory": f"{found['memory_mb']:,.0f} MB",
            "Disk": f"{found['disk_mb']:,.0f} MB",
        }
        with st.container(horizontal=True, gap="large"):
            for name, value in cells.items():
                st.metric(name, value, width="content")
        shapes = [" x ".join(map(str, found[name])) for name in ("batch", "logits")]
        asking_s = found.get("asking_s", 0.0)  # what was found before there was this figure lacks it
        asking = f"asks its teachers about every face first, for {_time(asking_s)}; " if asking_s else ""
        st.caption(
            f"A batch is {shapes[0]} in, {shapes[1]} out; {found['training_faces']:,} faces to train on, "
            f"{found['validation_faces']:,} to validate; {asking}starts from {found['started_from']}. "
            "Times are those of this machine, as busy as it was."
        )
        st.dataframe(
            [
                {
                    "phase": p["name"],
                    "epochs": p["epochs"],
                    "steps of an epoch": p["steps"],
                    "ms a step": round(1000 * p["step_s"], 1),
                    "parameters that learn": p["trainable"],
                    "MB": round(p["memory_mb"], 1),
                }
                for p in found["phases"]
            ],
            hide_index=True, width="content",
            column_config={"parameters that learn": st.column_config.NumberColumn(format="localized")},
        )  # fmt: skip

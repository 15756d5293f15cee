"""Shows tasks while they run: how far, how long still, and a button to stop."""

from __future__ import annotations

import streamlit as st

from fer_core.durations import duration
from fer_core.tasks import Task, start, tasks

NEW_DATA_SET = "new data set"  # the subject of tasks whose data set is not there yet
_SHOWN_AFTER_END = 1  # of the tasks that have ended, how many are told of


def start_task(arguments: list[str], about: str, subject: str) -> None:
    """Starts `python -m fer_core ARGUMENTS`; the next run of the page shows it."""
    start(["-m", "fer_core", *arguments], about, subject)
    st.rerun()


def running(subject: str) -> bool:
    """Whether a task works on this subject now."""
    return any(task.state().status == "running" for task in tasks(subject)[:5])


def show_tasks(subject: str) -> None:
    """The tasks that work on a subject, and how the last one ended; the page is run again when one ends."""
    recent = tasks(subject)[:5]
    for task in recent:
        if task.state().status == "running":
            _watch(str(task.folder))
    ended = [task for task in recent if task.state().status != "running"][:_SHOWN_AFTER_END]
    for task in ended:
        _tell(task)


@st.fragment(run_every=1.0)
def _watch(folder: str) -> None:
    from pathlib import Path

    task = Task(Path(folder))
    state = task.state()
    if state.status != "running":
        st.rerun()
    line, button = st.columns([6, 1], vertical_alignment="center")
    text = f"{task.about}: "
    if state.total:
        text += f"{state.what} {state.done:,} of {state.total:,}"
        text += f", {duration(state.left_s)} left" if state.left_s is not None else ""
    else:
        text += "starting"
    line.progress(min(1.0, state.done / state.total) if state.total else 0.0, text=text)
    if button.button("Stop", key=f"stop {folder}", icon=":material/stop_circle:"):
        task.stop()
        st.rerun()


def _tell(task: Task) -> None:
    """How a task has ended; once, whoever looks."""
    seen = task.folder / "seen"
    if seen.exists():
        return
    state = task.state()
    if state.status == "done":
        st.toast(f"{task.about}: done", icon=":material/check_circle:")
        seen.touch()
        return
    text = "was stopped. What it had finished is kept." if state.status == "stopped" else f"failed. {task.reason()}"
    words, button = st.columns([6, 1], vertical_alignment="center")
    show = words.info if state.status == "stopped" else words.error
    show(f"{task.about} {text}")
    if button.button("Dismiss", key=f"dismiss {task.folder}"):
        seen.touch()
        st.rerun()

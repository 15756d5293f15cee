"""Queue: what runs, what waits, what is over and why; with the machine's load and each job's log."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from fer_core.durations import duration
from training.jobs.job import Job
from training.jobs.queue import cancel, delete, prioritise, resume, retry
from training.jobs.states import Status
from training.jobs.table import attempts, every
from training.tracking.files import HISTORY, STEPS
from ui.page import sentences
from ui.train.draft import clone_key
from ui.train.wishes import wish
from ui.waking import wake_worker
from ui.wording import plural

_SHOWN = 15
_LOG_LINES = 200
_EVERY_S = 1.5
_CARD = re.compile(r"system/gpu_(\d+)_")  # in the name of a figure
_MARKS = {
    Status.HELD: ":gray-badge[being handed in]",
    Status.QUEUED: ":gray-badge[waits]",
    Status.RUNNING: ":blue-badge[runs]",
    Status.DONE: ":green-badge[done]",
    Status.FAILED: ":red-badge[failed]",
    Status.CANCELLED: ":orange-badge[cancelled]",
}


def show_queue() -> None:
    """The view; drawn again by itself as long as a job is open."""
    st.fragment(_drawn, run_every=_EVERY_S if _open(every()) else None)()


def _open(jobs: list[Job]) -> int:
    return sum(not job.status.over for job in jobs)


def _drawn() -> None:
    with sentences():  # those of the page do not see what a fragment that is drawn again by itself raises
        _draw()


def _draw() -> None:
    jobs = every()
    open_now = _open(jobs)
    if st.session_state.get("jobs open", 0) and not open_now:  # the last one has ended: nothing changes any more
        st.session_state["jobs open"] = 0
        st.rerun()
    st.session_state["jobs open"] = open_now
    if not jobs:
        st.info("No job is here yet. Choose a recipe and start it.", icon=":material/model_training:")
        if st.button("New run", type="primary", icon=":material/add:", key="first run"):
            wish(show="New run")
        return
    if open_now:
        wake_worker()
        _show_load()
    waiting = [job for job in jobs if job.status is Status.QUEUED]
    places = {job.id: place for place, job in enumerate(waiting, 1)}
    many = len(jobs) > _SHOWN
    shown = jobs if many and st.toggle(f"Show all {plural(len(jobs), 'job')}", key="all jobs") else jobs[:_SHOWN]
    for job in shown:
        _show_job(job, places.get(job.id, 0))


def _show_load() -> None:
    """Processor, memory and cards of this machine."""
    load = _load()
    used_gb, used = load["system/system_memory_usage_megabytes"] / 1000, load["system/system_memory_usage_percentage"]
    text = f"processor {load['system/cpu_utilization_percentage']:.0f} %, memory {used_gb:.1f} GB ({used:.0f} %)"
    cards = sorted({int(told[1]) for name in load if (told := _CARD.match(name))})
    for i in cards:
        busy = _told(load, f"system/gpu_{i}_utilization_percentage", "{:.0f} %")
        held = _told(load, f"system/gpu_{i}_memory_usage_megabytes", "{:.1f} GB", 1e-3)
        text += f", GPU {i} {busy} and {held}"
    st.caption(f"This machine: {text}")


def _told(load: dict[str, float], name: str, form: str, factor: float = 1.0) -> str:
    """A figure of a card; some tell only some of theirs."""
    return form.format(factor * load[name]) if name in load else "n/a"


@st.cache_data(ttl=2, show_spinner=False)
def _load() -> dict[str, float]:
    from training.tracking.load import measure

    return measure(os.getpid())


def _show_job(job: Job, place: int) -> None:
    with st.container(border=True, key=f"job-{job.id}"):
        words, buttons = st.columns([2, 3], vertical_alignment="center")
        mark = ":orange-badge[ending]" if job.cancelling and not job.status.over else _MARKS[job.status]
        words.markdown(f"**{job.id} · {job.spec.run}** {mark} {_facts(job, place)}")
        with buttons.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            log = _buttons(job)
        _show_progress(job)
        if job.message and job.status is not Status.DONE:
            (st.error if job.status is Status.FAILED else st.caption)(job.message)
        if log:
            _show_earlier(job)
            lines = job.log().splitlines()[-_LOG_LINES:]
            st.code("\n".join(lines) or "Nothing was printed yet.", language=None, height=260)


def _show_earlier(job: Job) -> None:
    """How each attempt ended, where there was more than one."""
    known = attempts(job.id)
    if len(known) < 2:
        return
    rows = [
        {
            "Attempt": one.number,
            "Began": _clock(one.began),
            "Ended": _clock(one.ended),
            "Reason": one.reason.value if one.reason else "runs",
            "Message": one.message,
        }
        for one in known
    ]
    st.dataframe(rows, hide_index=True, key=f"attempts {job.id}")


def _clock(at: float | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _facts(job: Job, place: int) -> str:
    facts = [job.spec.about]
    if place:
        facts.append("next" if place == 1 else f"{place - 1} before it")
    if job.priority:
        facts.append(f"priority {job.priority}")
    if job.attempts > 1:
        facts.append(f"attempt {job.attempts}")
    if job.began and job.ended and job.status.over:
        facts.append(f"last attempt {duration(job.ended - job.began)}")
    return " · ".join(facts)


def _show_progress(job: Job) -> None:
    progress = job.progress()
    if progress is None:
        if job.status is Status.RUNNING:
            st.progress(0.0, text="starting")
        return
    text = progress.as_text()
    accuracy = progress.figures.get("val_accuracy")
    if accuracy is not None:
        text += f" · validation accuracy {100 * accuracy:.1f} %"
    st.progress(progress.share, text=text)


def _buttons(job: Job) -> bool:
    """What can be done with a job now; whether its log is asked for."""
    if job.status is Status.QUEUED:
        higher, lower = job.priority + 1, job.priority - 1
        _act(job, "Sooner", partial(prioritise, priority=higher), ":material/arrow_upward:", why=f"Priority {higher}")
        _act(job, "Later", partial(prioritise, priority=lower), ":material/arrow_downward:", why=f"Priority {lower}")
    if not job.status.over:
        _act(job, "Cancel", cancel, ":material/stop_circle:", disabled=job.cancelling)
    elif job.status is not Status.DONE:
        _act(job, "Resume", resume, ":material/play_arrow:", why="Goes on where it was kept last")
        _act_surely(job, "Retry", retry, ":material/replay:", "Begins with the first step; what was kept is deleted.")
    begun = any((job.run_folder / name).exists() for name in (HISTORY, STEPS))
    if begun and st.button("Curves", key=f"Curves {job.id}", icon=":material/show_chart:"):
        wish(show="Curves", runs=[job.spec.run])
    if job.spec.fit is not None and st.button(
        "Clone", key=f"Clone {job.id}", icon=":material/content_copy:", help="Fills the forms with its values"
    ):
        wish(show="New run", recipe=clone_key(job.id), **_data_of(job))
    if job.status.over:
        _act_surely(
            job, "Delete", delete, ":material/delete:",
            "Its log and the state that it would go on from are deleted; the checkpoint and the run's record stay.",
        )  # fmt: skip
    return st.toggle("Log", key=f"Log {job.id}")


def _data_of(job: Job) -> dict[str, str]:
    """The sidebar's data set, where the job's is still there."""
    from fer_core.workspace import data_set_names

    data = job.spec.fit.data if job.spec.fit else ""
    return {"data": data} if data in data_set_names() else {}


def _act_surely(job: Job, name: str, act: Callable[[int], object], icon: str, what: str) -> None:
    """Asks before anything is lost."""
    with st.popover(name, icon=icon, key=f"{name}? {job.id}"):
        st.markdown(what)
        if st.button(f"{name} job {job.id}", key=f"{name} {job.id}", icon=icon):
            _do(job, act)


def _act(
    job: Job,
    name: str,
    act: Callable[[int], object],
    icon: str,
    *,
    why: str | None = None,
    disabled: bool = False,
) -> None:
    if st.button(name, key=f"{name} {job.id}", icon=icon, help=why, disabled=disabled):
        _do(job, act)


def _do(job: Job, act: Callable[[int], object]) -> None:
    with sentences():
        act(job.id)
        wake_worker(now=True)
        st.rerun()

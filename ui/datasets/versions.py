"""Versions: how the data set came to be what it is; every step can be taken back."""

from __future__ import annotations

import time

import streamlit as st

from fer_core.data.query import Filters
from fer_core.data.store import open_data_set
from ui.datasets.shown import Shown
from ui.page import sentences
from ui.tasks import running, start_task
from ui.wording import plural


def show_versions(shown: Shown) -> None:
    """The view."""
    for version in reversed(shown.data_set.versions()):
        words, button = st.columns([6, 1], vertical_alignment="center")
        here = version.number == shown.version.number
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.created))
        parent = f", made of version {version.parent}" if version.parent else ""
        words.markdown(
            f"**{version.number}** · {version.note}  \n{plural(version.n, 'sample')}{parent}, {made}, "
            f"data hash `{version.data_hash[:12]}`"
        )
        if here:
            button.markdown(":green-badge[shown]")
        elif button.button("Show", key=f"show version {version.number}"):
            shown.data_set.step_to(version.number)
            st.rerun()
        _report(version.report)
    st.divider()
    with st.container(horizontal=True):
        _split(shown)
        offer_to_delete(shown.data_set.name)


def _report(report: dict[str, object]) -> None:
    """What came of an import or a remedy, where there is more to tell than its note."""
    _pictures(report)
    groups = report.get("groups")
    left_out = report.get("left_out")
    if isinstance(groups, list):
        for group in groups:
            with st.expander(f"{group['count']:,} problem(s): {group['kind']}", icon=":material/report:"):
                st.markdown("\n".join(f"- {example}" for example in group["examples"]))
    if isinstance(left_out, dict) and left_out:
        st.caption("Left out: " + ", ".join(f"{count:,} {reason}" for reason, count in left_out.items()))


def _pictures(report: dict[str, object]) -> None:
    """Faces that were found and not found at import, and pictures that will be squeezed."""
    faces = report.get("faces")
    if isinstance(faces, dict):
        several = f"; {faces['several']:,} show several, of which the largest was taken" if faces["several"] else ""
        st.caption(
            f"Faces: found in {faces['found']:,} of {faces['pictures']:,} pictures by {faces['detector']}{several}"
        )
        if faces["without"]:
            by_class = ", ".join(f"{name} {count:,}" for name, count in faces["without"].items())
            with st.expander(f"Left out, no face found: {by_class}", icon=":material/no_photography:"):
                st.code("\n".join(faces["names"]), language=None, height=200)
    uneven = report.get("not_square")
    if isinstance(uneven, int) and uneven:
        st.caption(
            f"Not square: {plural(uneven, 'picture')}, which a network sees squeezed. An import can cut out faces."
        )


def _split(shown: Shown) -> None:
    with st.popover("Split anew", icon=":material/call_split:"):
        st.markdown(
            "At random, the classes in proportion. Persons and pictures with the same pixels stay in one split, and "
            "augmented copies with their originals. It becomes a version of its own."
        )
        left, middle, right = st.columns(3)
        train = left.number_input("Train", 0.05, 0.95, 0.8, 0.05)
        validation = middle.number_input("Validation", 0.0, 0.9, 0.1, 0.05)
        test = right.number_input("Test", 0.0, 0.9, 0.1, 0.05)
        there = [row["split"] for row in shown.catalogue().counts(Filters(), "split")]
        keep = st.multiselect("Splits that stay as they are", there, default=[s for s in there if s == "test"])
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="seed of split")
        if st.button("Split", type="primary", disabled=running(shown.data_set.name)):
            shares = ["--train", f"{train}", "--validation", f"{validation}", "--test", f"{test}"]
            kept = [part for split in keep for part in ("--keep", split)]
            name = shown.data_set.name
            start_task(["data", "split", name, *shares, *kept, "--seed", f"{seed}"], f"Split of {name}", name)


def offer_to_delete(name: str) -> None:
    """A button behind a question; also where nothing else can be done with a damaged data set."""
    with st.popover("Delete this data set", icon=":material/delete:"):
        st.markdown("All its versions, tags and answers are forgotten. The files that it was imported from stay.")
        if st.button(f"Delete {name}", key="delete", type="primary"):
            with sentences():
                open_data_set(name).delete()
                st.rerun()

"""Audit: what is wrong with the data set, with the pictures, and one click to mend it. No file is ever touched."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from fer_core.data.audit import AuditReport, Finding
from fer_core.data.auditing import accept, is_accepted, load_report, remedy
from fer_core.data.query import Filters
from fer_core.data.thumbnails import thumbnails
from ui.datasets.shown import Shown
from ui.gallery import Tile, gallery
from ui.page import sentences
from ui.tasks import running, start_task
from ui.wording import plural

_MOST_SHOWN = 24
_MARKS = {
    "high": ":red-badge[changes results]",
    "medium": ":orange-badge[may change results]",
    "low": ":gray-badge[worth knowing]",
    "none": ":green-badge[nothing found]",
}
_DONE = {"exclude": "Exclude", "move": "Move into one split", "relabel": "Take the proposed label"}


def show_audit(shown: Shown) -> None:
    """The view."""
    _offer_undo(shown)
    report = load_report(shown.data_set, shown.version.number)
    _ask(shown, again=report is not None)
    if report is None:
        st.info(
            "This version has not been audited yet. The audit looks for twins across splits, wrong labels, persons in "
            "two splits, pictures that are no faces, and more.",
            icon=":material/troubleshoot:",
        )
        return
    if report.stopped:
        st.warning("The audit was stopped before its end; what it had found until then is below.")
    accepted = [f for f in report.findings if f.severity != "none" and is_accepted(shown.data_set, f)]
    found = [f for f in report.findings if f.severity != "none" and f not in accepted]
    order = list(_MARKS)
    for finding in sorted(found, key=lambda f: order.index(f.severity)):
        _show_finding(shown, finding)
    clean = [f.check.replace("-", " ") for f in report.findings if f.severity == "none"]
    if clean:
        st.markdown(f"{_MARKS['none']} {', '.join(clean)}.")
    for finding in accepted:
        words, button = st.columns([6, 1], vertical_alignment="center")
        words.markdown(f":gray-badge[kept as it is] {finding.title}: {_counted(finding)}")
        if button.button("Show again", key=f"again {finding.check}"):
            accept(shown.data_set, finding, accepted=False)
            st.rerun()
    for check, reason in report.skipped.items():
        st.caption(f"{check} was not run: {reason}")
    _take_home(shown, report)


def _counted(finding: Finding) -> str:
    """How much was found, `1 class` or `129 samples`."""
    one = {"classes": "class"}.get(finding.unit, finding.unit.removesuffix("s"))
    return plural(finding.count, one, finding.unit)


def _ask(shown: Shown, *, again: bool) -> None:
    name = shown.data_set.name
    if shown.card is None:
        st.caption("Choose a checkpoint in the sidebar; wrong labels are looked for by its features.")
        return
    if st.button(
        "Audit again" if again else "Audit", key="audit", type="secondary" if again else "primary",
        icon=":material/troubleshoot:", disabled=running(name),
    ):  # fmt: skip
        start_task(["data", "audit", name, "--checkpoint", shown.card.name], f"Audit of {name}", name)


def _offer_undo(shown: Shown) -> None:
    """After a remedy: what was done, and the way back."""
    parent = shown.version.parent
    if parent is None or "check" not in shown.version.report:
        return
    before = shown.data_set.version(parent)
    words, button = st.columns([6, 1], vertical_alignment="center")
    words.success(
        f"Version {shown.version.number}: {shown.version.note}. {before.n:,} samples before, {shown.version.n:,} now.",
        icon=":material/task_alt:",
    )
    if button.button("Undo", key="undo", icon=":material/undo:"):
        shown.data_set.step_to(parent)
        st.rerun()


def _show_finding(shown: Shown, finding: Finding) -> None:
    with st.expander(f"**{finding.title}**: {_counted(finding)}", expanded=False):
        st.markdown(f"{_MARKS[finding.severity]} {finding.what}")
        if finding.by_class:
            st.caption("By class: " + ", ".join(f"{name} {n:,}" for name, n in finding.by_class.items()))
        if finding.sample_ids:
            _show_samples(shown, finding)
        _offer_remedies(shown, finding)


def _show_samples(shown: Shown, finding: Finding) -> None:
    """The first groups one after the other, or the most suspect samples."""
    ids = [i for group in finding.groups for i in group] if finding.groups else list(finding.sample_ids)
    ids = ids[:_MOST_SHOWN]
    rows = shown.data_set.rows_of(ids)
    group_of = {i: number for number, group in enumerate(finding.groups, 1) for i in group}
    score_of = dict(zip(finding.sample_ids, finding.scores, strict=False))
    cells = {c["row"]: c for c in shown.catalogue().page(Filters(rows=tuple(rows)), limit=len(rows)).to_pylist()}
    tiles = [
        _tile(shown, row, picture, cells.get(row, {}), _why(finding, i, group_of, score_of))
        for i, row, picture in zip(ids, rows, thumbnails(shown.data_set, rows), strict=True)
    ]
    clicked = gallery(tiles, f"faces of {finding.check}", side=96)
    if len(ids) < len(finding.sample_ids):
        st.caption(f"The first {len(ids)} of {finding.count:,}; the report has them all.")
    if clicked is not None and clicked in rows:
        from ui.datasets.sheet import show_sheet

        show_sheet(shown, clicked)


def _why(finding: Finding, sample_id: str, group_of: dict[str, int], score_of: dict[str, float]) -> str:
    """What is said below a face."""
    if sample_id in group_of:
        return f"group {group_of[sample_id]}"
    if sample_id in finding.remedy.labels:
        return f"rather {finding.remedy.labels[sample_id]}"
    score = score_of.get(sample_id)
    return "" if score is None else f"score {score:.2f}"


def _tile(shown: Shown, row: int, picture: str | None, cell: dict[str, Any], why: str) -> Tile:
    label, split = cell.get("label"), cell.get("split", "left out")
    note = ", ".join(part for part in (why, split) if part)
    return Tile(
        row, picture, label or "unlabelled", shown.colour(label), note, f"Sample {row}, {label or 'unlabelled'}, {note}"
    )


def _offer_remedies(shown: Shown, finding: Finding) -> None:
    """One button for what is proposed, and the others that make sense."""
    own = finding.remedy
    st.markdown(own.sentence)
    kinds = ["exclude"] * bool(finding.sample_ids) + ["move"] * bool(finding.groups) + ["relabel"] * bool(own.labels)
    kinds.sort(key=lambda kind: kind != own.kind)
    with st.container(horizontal=True):
        for kind in kinds:
            count = len(own.labels) if kind == "relabel" else len(own.sample_ids) or len(finding.sample_ids)
            label = f"{_DONE[kind]} ({plural(count, 'sample')})"
            proposed = kind == own.kind
            if st.button(label, key=f"{kind} {finding.check}", type="primary" if proposed else "secondary"):
                with sentences():
                    remedy(shown.data_set, finding.check, kind)
                    st.rerun()
        if st.button("Keep as it is", key=f"keep {finding.check}", help="Put aside until other samples are found"):
            accept(shown.data_set, finding)
            st.rerun()


def _take_home(shown: Shown, report: AuditReport) -> None:
    name = f"{shown.data_set.name}-v{shown.version.number}-audit"
    with st.container(horizontal=True):
        st.download_button(
            "Report as JSON", lambda: json.dumps(report.as_json(), indent=1), f"{name}.json", "application/json",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Report as HTML", lambda: _html(shown, report), f"{name}.html", "text/html",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _html(shown: Shown, report: AuditReport) -> str:
    from fer_core.data.audit.page import page

    return page(report, shown.data_set.samples(shown.version.number))

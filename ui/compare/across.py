"""Across data: how far what a model learnt on one data set holds on another; classes are matched by name."""

from __future__ import annotations

from typing import Any

import streamlit as st

from fer_core.checkpoint import Checkpoint, list_checkpoints
from fer_core.data.query import Filters
from fer_core.errors import DataError
from fer_core.evaluate.columns import split_hash
from fer_core.evaluate.compare.transfer import Cell, cell
from fer_core.evaluate.shelf import find
from fer_core.workspace import data_set_names
from ui.datasets.shown import Shown, open_shown
from ui.evaluation.kept import opened
from ui.evaluation.tables import show_table
from ui.tasks import running, start_task
from ui.wording import plural

_MOST_OFFERED = 8


def show_across(split: str) -> None:
    """The view; it is about all data sets of the workspace, on the split in the sidebar."""
    if split == "test":
        st.info("The test split is locked; models are set against data sets on validation or train.")
        return
    checkpoints, sets = list_checkpoints(), _sets(split)
    if not sets:
        st.info(f"No data set of the workspace has a {split} split; choose another one in the sidebar.")
        return
    rows: list[dict[str, Any]] = []
    told: list[str] = []
    missing: list[tuple[Checkpoint, str]] = []
    for checkpoint in checkpoints:
        trained = checkpoint.card.trained
        row: dict[str, Any] = {"model": checkpoint.folder.name, "trained on": trained.data if trained else "not known"}
        for name, shown in sets.items():
            found = _cell(checkpoint, shown, split)
            row[name] = found.accuracy if found else None
            row[f"n of {name}"] = found.scores.n if found and found.scores else None
            if found is None:
                missing.append((checkpoint, name))
            else:
                told += [f"**{checkpoint.folder.name} on {name}**: {words}." for words in found.told]
        rows.append(row)
    show_table(rows, "across data", rates=tuple(sets))
    st.caption(
        f"Top-1 on the {split} split with Wilson's 95 % interval, over the classes that both sides have. A model that "
        "was trained on a data set knows its train split by heart."
    )
    if told:
        st.markdown("\n".join(f"- {words}" for words in told))
    _offer(missing, split)


def _sets(split: str) -> dict[str, Shown]:
    """The data sets that have the split, by name; one that is damaged is told and left out."""
    found = {}
    for name in data_set_names():
        try:
            shown = open_shown(name, None)
            if shown.catalogue().count(Filters(among={"split": (split,)})):
                found[name] = shown
        except DataError as error:
            st.warning(str(error))
    return found


def _cell(checkpoint: Checkpoint, shown: Shown, split: str) -> Cell | None:
    """One model on one data set; None where it was not asked yet."""
    card = checkpoint.card
    classes = card.class_set.names
    counts = {row["label"]: int(row["n"]) for row in shown.catalogue().counts(_of(split), "label")}
    left_out = {name or "unlabelled": n for name, n in counts.items() if name not in classes}
    data_hash = split_hash(shown.data_set, split, shown.version.number, classes if left_out else None)
    file = find(card.weights_sha256, data_hash, split)
    if file is None:
        return None
    there = [name for name in shown.classes if name in counts]
    trained = card.trained.data if card.trained else ""
    return cell(opened(file, card.temperature), there, trained, left_out)


def _of(split: str) -> Filters:
    return Filters(among={"split": (split,)})


def _offer(missing: list[tuple[Checkpoint, str]], split: str) -> None:
    if not missing:
        return
    st.caption(f"{plural(len(missing), 'cell')} {'is' if len(missing) == 1 else 'are'} not measured yet.")
    with st.container(horizontal=True):
        for checkpoint, name in missing[:_MOST_OFFERED]:
            label = f"{checkpoint.folder.name} on {name}"
            if st.button(label, key=f"cell {label}", icon=":material/play_arrow:", disabled=running(name)):
                asked = ["--checkpoint", str(checkpoint.folder), "--data", name, "--split", split, "--truth", "given"]
                start_task(["evaluate", *asked, "--shared-classes"], f"Evaluation of {label}, {split}", name)

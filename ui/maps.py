"""Saliency maps of one face: what is asked, the maps side by side, and what can be taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.checkpoint import Checkpoint
from fer_core.explain import (
    DIVERGING,
    SEQUENTIAL,
    SaliencyMap,
    coarse_note,
    get_explainer,
    get_method,
    reporting,
)
from fer_core.explain.export import DRAWN_PX, as_json, as_npy, as_png, draw_map, draw_on_photograph
from fer_core.explain.members import layer_title, member_note
from fer_core.predict import FacePrediction
from ui.page import sentences
from ui.photographs import Analysis
from ui.trust import mark

MAX_METHODS = 4
MAPS_KEPT = 256
GROUNDS = ("face", "photograph")
PREDICTED = "the predicted class"
NOBODY = "no other class"


@dataclass(frozen=True)
class Question:
    """What is asked of each method.

    Attributes:
        methods: names, in the order of the columns.
        target: class to explain.
        versus: class it is compared with, or None.
        layer: dotted path.
        ground: what the maps are drawn on, one of `GROUNDS`.
        opacity: of the strongest evidence, 0..1.
    """

    methods: tuple[str, ...]
    target: str
    versus: str | None
    layer: str
    ground: str
    opacity: float


def ask_for_maps(checkpoint: Checkpoint, face: FacePrediction) -> Question:
    """Draws the pickers; what is picked goes into the URL.

    Raises:
        CheckpointError, ModelError: the network cannot be opened or makes no maps.
    """
    explainer = get_explainer(checkpoint.folder)
    layers = {layer.name: layer for layer in explainer.layers()}
    offered = explainer.methods()
    names = [m.name for m in offered]
    first, second, third, fourth = st.columns([3, 3, 2, 4])
    chosen = first.multiselect(
        "Methods",
        names,
        default=names[:1],
        max_selections=MAX_METHODS,
        select_all=False,
        format_func=lambda name: get_method(name).title,
        key="method",
        bind="query-params",
        wrap=True,
        help="Up to four, side by side. " + " ".join(f"**{m.title}**: {m.cost}." for m in offered),
    )
    classes = face.classes.names
    asked = second.selectbox("Why", [PREDICTED, *classes], key="target", bind="query-params")
    target = face.label if asked == PREDICTED else asked
    rivals = [NOBODY, *(name for name in classes if name != target)]
    rival = third.selectbox("and not", rivals, key="versus", bind="query-params")
    layer = fourth.selectbox(
        "Layer",
        list(layers),
        index=len(layers) - 1,
        format_func=lambda name: f"{layer_title(name)} ({layers[name].map_hw[0]} x {layers[name].map_hw[1]} cells)",
        key="layer",
        bind="query-params",
    )
    left, right = st.columns([3, 7], gap="medium")
    ground = left.segmented_control(
        "Drawn on", GROUNDS, default=GROUNDS[0], required=True, key="ground", bind="query-params", width="stretch"
    )
    opacity = right.slider(
        "Opacity of the strongest evidence", 0, 100, 70, 5, format="%d %%", key="opacity", bind="query-params"
    )
    note = coarse_note(explainer.layers(), layer)
    if note:
        st.warning(note, icon=":material/grid_view:")
    if not all(get_method(name).place for name in chosen) and (note := member_note(layer)):
        st.info(note, icon=":material/group_work:")
    return Question(tuple(chosen), target, None if rival == NOBODY else rival, layer, ground, opacity / 100)


def show_maps(checkpoint: Checkpoint, key: str, found: Analysis, index: int, question: Question) -> list[SaliencyMap]:
    """The maps in columns, each with its scale, its cost and its downloads.

    Args:
        checkpoint: the model.
        key: tells this face from every other.
        found: the photograph with its faces.
        index: of the face.
        question: what is asked.

    Returns:
        The maps that could be made.
    """
    if not question.methods:
        st.info("Pick at least one method above.")
        return []
    made = []
    rival = f" rather than **{question.versus}**" if question.versus else ""
    st.markdown(f"Evidence for **{question.target}**{rival}.")
    face, whole = found.faces[index], question.ground == "photograph"
    columns = st.columns(max(len(question.methods), 2 if whole else 3))
    for column, method in zip(columns, question.methods, strict=False):
        with column, sentences():
            saliency = explained(checkpoint, key, face, question, method)
            made.append(saliency)
            if whole:
                at = face.face.scaled(found.factor, found.factor)
                how = checkpoint.card.preprocess
                drawn = draw_on_photograph(found.shown, at, saliency, how, opacity=question.opacity)
            else:
                side = (DRAWN_PX, DRAWN_PX)
                crop = np.asarray(cv2.resize(face.crop, side, interpolation=cv2.INTER_LINEAR), np.uint8)
                drawn = draw_map(crop, saliency, opacity=question.opacity)
            _show(checkpoint, drawn, saliency, question)
    _legend(question)
    return made


def explained(checkpoint: Checkpoint, key: str, face: FacePrediction, question: Question, method: str) -> SaliencyMap:
    """A map, made once in a session. Not `st.cache_data`: what runs within that may not show progress or a button."""
    kept = st.session_state.setdefault("maps", {})
    asked = (checkpoint.card.weights_sha256, key, method, question.target, question.versus, question.layer)
    if asked not in kept:
        with _progress(method):
            kept[asked] = get_explainer(checkpoint.folder).explain(
                face.crop, method=method, layer=question.layer, target=question.target, versus=question.versus
            )
        while len(kept) > MAPS_KEPT:
            kept.pop(next(iter(kept)))
    return kept[asked]  # type: ignore[no-any-return]


@contextmanager
def _progress(method: str) -> Iterator[None]:
    """A method that takes longer than half a second shows how far it is, what is left, and a way to stop."""
    line, button = st.empty(), st.empty()
    started = time.monotonic()
    asked = False

    def show(done: int, total: int) -> None:
        nonlocal asked
        elapsed = time.monotonic() - started
        if elapsed < 0.5 or done == total:
            return
        line.progress(done / total, f"{get_method(method).title}: about {elapsed / done * (total - done):.0f} s left")
        if not asked:  # a button may be drawn once in a run
            button.button("Stop", key=f"stop-{method}", on_click=_leave_out, args=(method,))
            asked = True

    with reporting(show):
        yield
    line.empty()
    button.empty()


def _leave_out(method: str) -> None:
    st.session_state["method"] = [m for m in st.session_state["method"] if m != method]


def _show(checkpoint: Checkpoint, drawn: NDArray[np.uint8], saliency: SaliencyMap, question: Question) -> None:
    method = get_method(saliency.method)
    rows, columns = saliency.map_hw
    st.markdown(f"**{method.title}**", help=f"{method.summary} {method.reference}")
    mark(checkpoint, saliency.method, saliency.layer)
    st.image(drawn, width="stretch", alt=f"{method.title} map for {saliency.target} over the {question.ground}")
    logit = "logit difference" if question.versus else "logit"
    st.caption(
        f"{rows} x {columns} cells at {layer_title(saliency.layer)}; raw values {saliency.raw.min():.3g} to "
        f"{saliency.raw.max():.3g}; {logit} {saliency.logit:.2f}, probability {saliency.probability:.1%}".replace(
            "%", " %"
        )
        + ("" if method.class_specific else ". This method does not look at the class.")
    )
    base = f"{saliency.method}-{saliency.target.name}" + (f"-versus-{question.versus}" if question.versus else "")
    on = "-photograph" if question.ground == "photograph" else ""
    card = checkpoint.card
    for label, data, name, mime in (
        ("Overlay (PNG)", as_png(drawn), f"{base}{on}.png", "image/png"),
        ("Raw map (NPY)", as_npy(saliency), f"{base}.npy", "application/octet-stream"),
        ("Figures (JSON)", as_json(saliency, card.name, card.weights_sha256), f"{base}.json", "application/json"),
    ):
        key = f"{saliency.method}-{mime}"
        st.download_button(label, data, name, mime, key, on_click="ignore", type="tertiary", icon=":material/download:")


def _legend(question: Question) -> None:
    """The colours, and what they mean."""
    compares = question.versus is not None
    table = DIVERGING["blue-orange"] if compares else SEQUENTIAL["inferno"]
    strip = np.repeat(np.asarray(table, np.uint8)[None], 14, axis=0)
    says = (
        "Blue speaks for the other class, orange for the explained one"
        if compares
        else "From no evidence, where the face is left as it is, to the strongest"
    )
    st.image(strip, width=256, alt=says)
    st.caption(
        f"{says}. Each map is drawn on its own scale, whose ends stand under it. A map shows where evidence lay, not "
        "what would happen if that part of the face were covered."
        + (" The network was not shown what lies outside the white square." if question.ground == "photograph" else "")
    )

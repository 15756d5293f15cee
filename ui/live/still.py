"""One still picture from the browser's camera: a way on where a live one does not get through."""

from __future__ import annotations

import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.faces import get_detector
from fer_core.images import read_image
from fer_core.live import NO_FACE, LiveFace, LiveOptions, draw
from fer_core.live.smoothing import read
from fer_core.predict import predict_image
from ui.live.choice import chosen
from ui.wording import plural


def show_still(checkpoint: Checkpoint, detector: str, options: LiveOptions) -> None:
    """Takes a picture, boxes its faces and says what they show. Nothing is kept past the page.

    Raises:
        FERScopeError: the picture cannot be read, or a model or detector not be loaded.
    """
    picture = st.camera_input("Take a picture", key="still")
    if picture is None:
        st.caption("It goes to the machine that runs FERScope as one file; neither WebRTC nor a TURN server is needed.")
        return
    image = read_image(picture.getvalue(), name="The picture")
    found = predict_image(image, chosen(checkpoint), get_detector(detector))
    faces = [
        LiveFace(i, f.face, f.classes, f.probabilities, read(f.probabilities, f.classes.names, options.threshold))
        for i, f in enumerate(found, 1)
    ]
    count = plural(len(faces), "face") if faces else NO_FACE
    drawn = draw(image, faces, mirror=options.mirror, bars=options.bars, note="" if faces else NO_FACE)
    st.image(drawn, alt=f"The picture that was taken: {count}")
    st.markdown(f"**{count}**" if faces else f"**{NO_FACE.capitalize()}** was found.")
    if faces:
        names = faces[0].classes.names
        rows = [{"face": f.track, "expression": f.reading.label if f.reading else ""} for f in faces]
        for row, one in zip(rows, found, strict=True):
            row |= {name: f"{100 * p:.0f} %" for name, p in zip(names, one.probabilities, strict=True)}
        st.dataframe(rows, hide_index=True)
    st.page_link("pages/5_Saliency.py", label="Where the evidence lies: the Saliency page takes pictures too")

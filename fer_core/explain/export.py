"""Maps as people take them away: drawn on the face, as raw numbers, and with their provenance."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.explain.explainer import Explainer
from fer_core.explain.methods import get_method
from fer_core.explain.overlay import overlay, paste_back
from fer_core.explain.saliency import SaliencyMap, resize_map
from fer_core.faces import Detector, Face, crop_face, crop_matrix
from fer_core.preprocess import Preprocess

Picture = NDArray[np.uint8]
DRAWN_PX = 384


def draw_map(face: Picture, saliency: SaliencyMap, *, opacity: float = 0.7, scale: float | None = None) -> Picture:
    """The map over its face.

    Evidence for one class is drawn alone, on the sequential scale from 0; a comparison of two classes on the diverging
    one, where both sides mean something.

    Args:
        face: (H, W, 3) RGB, uint8, the crop that was explained.
        saliency: its map.
        opacity: of the strongest evidence, 0..1; no evidence leaves the face as it is.
        scale: as in `SaliencyMap.normalised`.

    Returns:
        (H, W, 3) RGB, uint8.
    """
    return overlay(face, saliency.normalised(scale), opacity=opacity, colormap=_colormap(saliency))


def draw_on_photograph(
    photograph: Picture, face: Face, saliency: SaliencyMap, how: Preprocess, *, opacity: float = 0.7
) -> Picture:
    """The map over the photograph, in a thin white square: what lies outside it the network was not shown.

    Args:
        photograph: (H, W, 3) RGB, uint8.
        face: of this photograph, whose crop was explained; its landmarks turn the square with the head.
        saliency: its map.
        how: the card's preprocessing, which says how the crop was cut.
        opacity: of the strongest evidence, 0..1.

    Returns:
        (H, W, 3) RGB, uint8; in the colours of `draw_map`, but for the square exactly the photograph where there is no
        evidence.
    """
    matrix = crop_matrix(face, margin=how.crop_margin, size=DRAWN_PX, align=how.align, shift_y=how.crop_shift_y)
    values = resize_map(saliency.normalised(), DRAWN_PX, DRAWN_PX)
    pasted = paste_back((photograph.shape[0], photograph.shape[1]), values, matrix)
    drawn = overlay(photograph, pasted, opacity=opacity, colormap=_colormap(saliency))
    first, last = -0.5, DRAWN_PX - 0.5  # outer edges, where whole numbers are centres of pixels
    corners = np.array([(first, first, 1), (last, first, 1), (last, last, 1), (first, last, 1)])
    square = np.rint(corners @ cv2.invertAffineTransform(matrix).T).astype(np.int32)
    thick = max(1, round(max(photograph.shape[:2]) / 640))
    cv2.polylines(drawn, [square], isClosed=True, color=(255, 255, 255), thickness=thick, lineType=cv2.LINE_AA)
    return drawn


def _colormap(saliency: SaliencyMap) -> str:
    return "inferno" if saliency.target.versus_name is None else "blue-orange"


def as_png(picture: Picture) -> bytes:
    """An RGB picture as a PNG file."""
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"OpenCV could not write a PNG of the shape {picture.shape}")
    return data.tobytes()


def as_npy(saliency: SaliencyMap) -> bytes:
    """The raw map, (h, w) float32, as a NumPy file without pickle."""
    out = io.BytesIO()
    np.save(out, saliency.raw, allow_pickle=False)
    return out.getvalue()


def as_json(saliency: SaliencyMap, checkpoint: str, weights_sha256: str) -> bytes:
    """The map with its provenance: method, its paper, layer, class, logit, checkpoint and hash of the weights."""
    origin = {
        "checkpoint": checkpoint,
        "weights_sha256": weights_sha256,
        "reference": get_method(saliency.method).reference,
    }
    return json.dumps({**origin, **saliency.as_json()}, indent=2).encode()


@dataclass(frozen=True)
class ExplainedFace:
    """One face of a photograph with its map.

    Attributes:
        face: where it is.
        crop: what was explained, RGB.
        saliency: the map.
        explainer: what made it.
    """

    face: Face
    crop: Picture
    saliency: SaliencyMap
    explainer: Explainer

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Writes `STEM-METHOD-CLASS.png`, `.npy` and `.json` into the folder, which is made; tells what and where."""
        folder.mkdir(parents=True, exist_ok=True)
        rival = f"-versus-{self.saliency.target.versus_name}" if self.saliency.target.versus_name else ""
        base = folder / f"{stem}-{self.saliency.method}-{self.saliency.target.name}{rival}"
        picture = cv2.resize(self.crop, (DRAWN_PX, DRAWN_PX), interpolation=cv2.INTER_LINEAR)
        card = self.explainer.card
        contents = {
            "overlay": (".png", as_png(draw_map(np.asarray(picture, np.uint8), self.saliency))),
            "raw": (".npy", as_npy(self.saliency)),
            "json": (".json", as_json(self.saliency, card.name, card.weights_sha256)),
        }
        written = {}
        for kind, (suffix, data) in contents.items():
            file = base.with_name(base.name + suffix)
            file.write_bytes(data)
            written[kind] = str(file)
        return {
            "box": [round(float(v), 1) for v in self.face.box],
            "target": str(self.saliency.target),
            "logit": self.saliency.logit,
            "probability": self.saliency.probability,
            "layer": self.saliency.layer,
            "map_hw": list(self.saliency.map_hw),
            **written,
        }


def explain_photograph(
    image: Picture, explainer: Explainer, detector: Detector, **question: Any
) -> list[ExplainedFace]:
    """Every face of a photograph with its map, largest first; an empty list where there is none.

    Args:
        image: (H, W, 3) RGB, uint8.
        explainer: the model.
        detector: finds the faces.
        question: as in `Explainer.explain`: method, layer, target, versus, options.
    """
    how = explainer.card.preprocess
    found = []
    for face in detector.detect(image):
        crop = crop_face(image, face, margin=how.crop_margin, shift_y=how.crop_shift_y, align=how.align)
        found.append(ExplainedFace(face, crop, explainer.explain(crop, **question), explainer))
    return found

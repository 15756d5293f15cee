"""A saliency map with its scale, its sign and its provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.errors import FERScopeError

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """What a map explains.

    Attributes:
        index: position of the class in the network's outputs.
        name: its name.
        versus_index: the class it is compared with, or None.
        versus_name: its name, or None.
    """

    index: int
    name: str
    versus_index: int | None = None
    versus_name: str | None = None

    def __str__(self) -> str:
        return self.name if self.versus_name is None else f"{self.name} rather than {self.versus_name}"


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """What a method says about one face.

    Attributes:
        method: name of the method.
        layer: dotted path of the layer.
        target: the class, or the two classes, that it explains.
        raw: (h, w) float32 at the map's own size, read-only; the method's own scale and sign, in units of logit times
            activation or of activation, so that maps of one model, layer and method can be compared.
        input_hw: rows and columns of the network's input.
        logit: the explained logit, or the difference of two, for the face as shown.
        probability: of the target class for the face as shown, at the card's temperature, 0..1. Where the card also
            asks for the mirror image, the prediction is a mean over both and differs.
        classes: all classes in order.
    """

    method: str
    layer: str
    target: Target
    raw: Map
    input_hw: tuple[int, int]
    logit: float
    probability: float
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        self.raw.setflags(write=False)

    @property
    def map_hw(self) -> tuple[int, int]:
        """Rows and columns of the raw map."""
        return (self.raw.shape[0], self.raw.shape[1])

    @property
    def peak(self) -> float:
        """The largest absolute value of the raw map; the `scale` that one map alone is drawn with."""
        return float(np.abs(self.raw).max(initial=0.0))

    def positive(self) -> Map:
        """(h, w) evidence for the class: the raw map with negative values set to zero."""
        return np.maximum(self.raw, np.float32(0))

    def resized(self, height: int, width: int) -> Map:
        """(height, width) the raw map over a picture; see `resize_map`."""
        return resize_map(self.raw, height, width)

    def normalised(self, scale: float | None = None) -> Map:
        """(h, w) the raw map in -1..1 for drawing.

        Args:
            scale: the raw value that becomes 1; larger ones are cut. Maps that are shown side by side need the same
                (the largest `peak` among them), or each looks equally strong. None takes this map's own `peak`.

        Returns:
            Zeros where `scale` or the map is zero: no evidence does not look like evidence.

        Raises:
            FERScopeError: a scale that is negative or not finite.
        """
        scale = self.peak if scale is None else scale
        if not math.isfinite(scale) or scale < 0:
            raise FERScopeError(f"A map is drawn on a scale of zero or more, not {scale}; take the largest peak shown.")
        if scale == 0:
            return np.zeros_like(self.raw)
        return np.clip(self.raw.astype(np.float64) / scale, -1, 1).astype(np.float32)

    def as_json(self) -> dict[str, Any]:
        """Everything in plain types; `raw` as rows of numbers."""
        return {
            "method": self.method,
            "layer": self.layer,
            "target": self.target.name,
            "versus": self.target.versus_name,
            "logit": self.logit,
            "probability": self.probability,
            "classes": list(self.classes),
            "input_hw": list(self.input_hw),
            "map_hw": list(self.map_hw),
            "raw": self.raw.tolist(),
        }


def resize_map(values: Map, height: int, width: int) -> Map:
    """A map at another size: bilinear where it grows, the mean over areas where it shrinks.

    A value stands at the centre of its cell, so that a 2 x 2 map has its corners' values a quarter of the way into the
    picture and is constant from there outwards.

    Args:
        values: (h, w).
        height: rows wanted, at least 1.
        width: columns wanted, at least 1.

    Raises:
        FERScopeError: a size below 1.
    """
    if height < 1 or width < 1:
        raise FERScopeError(f"A map cannot be drawn at {width} x {height} pixels; both must be at least 1.")
    values = np.ascontiguousarray(values, np.float32)
    if values.shape == (height, width):
        return values.copy()
    how = cv2.INTER_AREA if values.shape[0] > height or values.shape[1] > width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=how), np.float32)

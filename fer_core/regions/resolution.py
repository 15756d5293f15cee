"""What a map is fine enough to speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.explain.layers import LayerInfo
from fer_core.regions.masks import REGIONS

_AND = ", and "  # between what is true of the map and what is of the region


@dataclass(frozen=True)
class Claim:
    """Whether a map may be said to lie in a region.

    Attributes:
        region: one of `REGIONS`.
        allowed: whether the region is at least as large as a cell of the map.
        reason: why not, in a sentence; empty where it is allowed.
    """

    region: str
    allowed: bool
    reason: str


def piece_sizes(labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 8, 3) area, height and width in pixels of each region's largest connected piece, by labels (N, S, S).

    Eyes and cheeks are two pieces: a map that cannot tell one eye from its surroundings does not gain by there being
    another. Zeros where a face has no such region.
    """
    found = np.zeros((len(labels), len(REGIONS), 3))
    for n, one in enumerate(labels):
        for k in range(len(REGIONS)):
            _, _, stats, _ = cv2.connectedComponentsWithStats((one == k).astype(np.uint8), connectivity=8)
            if len(stats) > 1:
                piece = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
                found[n, k] = piece[[cv2.CC_STAT_AREA, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]]
    return found


def claims(boxes: NDArray[np.float64], size_px: int, map_hw: tuple[int, int]) -> list[Claim]:
    """Which regions a map of that size can speak of.

    A region is refused where its median piece has a smaller area than a cell of the map, or is lower or narrower than
    one: then every cell that touches the region lies partly in another.

    Args:
        boxes: (N, 8, 3) as from `piece_sizes`.
        size_px: side of the picture that the pieces were measured in.
        map_hw: rows and columns of the map.

    Returns:
        One for each of `REGIONS`, in order; refused where no face has the region.
    """
    cell = np.array((size_px / map_hw[0] * size_px / map_hw[1], size_px / map_hw[0], size_px / map_hw[1]))
    found = []
    for k, region in enumerate(REGIONS):
        there = boxes[boxes[:, k, 0] > 0, k] if len(boxes) else np.empty((0, 3))
        if not len(there):
            found.append(Claim(region, False, f"No face here has a region {region}."))
            continue
        size = np.median(there, 0)
        fits = bool((size >= cell).all())
        reason = (
            f"A cell of the {map_hw[0]} x {map_hw[1]} map covers {cell[2]:.3g} x {cell[1]:.3g} pixels{_AND}{region} "
            f"{size[2]:.3g} x {size[1]:.3g} (width x height, {size[0]:.3g} pixels in all)."
        )
        found.append(Claim(region, fits, "" if fits else reason))
    return found


def together(reasons: Iterable[str]) -> str:
    """Reasons of claims in one text, in which what several begin with is said once; each is told once.

    >>> together(["A cell covers 8 x 8 pixels, and eyes 7 x 4.", "A cell covers 8 x 8 pixels, and nose 7 x 12."])
    'A cell covers 8 x 8 pixels, and eyes 7 x 4; nose 7 x 12.'
    """
    by_start: dict[str, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        start, _, end = reason.removesuffix(".").partition(_AND)
        by_start.setdefault(start, []).append(end)
    return " ".join(f"{start}{_AND if any(ends) else ''}{'; '.join(ends)}." for start, ends in by_start.items())


def layer_for(layers: Sequence[LayerInfo], boxes: NDArray[np.float64], size_px: int) -> LayerInfo | None:
    """The deepest layer whose map can speak of every region that faces have; None where none is fine enough.

    Outputs of blocks and activations are preferred to bare convolutions, which may be half of a branch.
    """
    there = [k for k in range(len(REGIONS)) if len(boxes) and (boxes[:, k, 0] > 0).any()]
    fine = []
    for layer in layers:
        told = claims(boxes, size_px, layer.map_hw)
        if all(told[k].allowed for k in there):
            fine.append(layer)
    whole = [layer for layer in fine if layer.kind != "convolution"] or fine
    return whole[-1] if whole else None

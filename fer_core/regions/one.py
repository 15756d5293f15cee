"""Regions of a single map, for the page: the same measures as over a data set, without intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.explain.saliency import SaliencyMap
from fer_core.faces import Face, crop_matrix
from fer_core.preprocess import Preprocess
from fer_core.regions.attribution import evidence, shares
from fer_core.regions.masks import REGIONS, RegionMasks
from fer_core.regions.points import FacePoints
from fer_core.regions.resolution import claims, piece_sizes
from fer_core.regions.sources import DetectedPoints, KnownPlaces, find_regions, plausible, usual_sources


@dataclass(frozen=True)
class RegionShare:
    """One region of one map.

    Attributes:
        region: one of `REGIONS`.
        share: part of the map's positive evidence, 0..1; NaN where there is none.
        area: part of the picture, 0..1.
        density: share over area; NaN where the face has no such region.
        reason: why the map is too coarse to speak of the region; empty where it is not.
    """

    region: str
    share: float
    area: float
    density: float
    reason: str


def detected_points(face: Face, how: Preprocess) -> FacePoints | None:
    """A detector's five points of a face of a photograph, in the crop that is classified.

    Args:
        face: as it was found in the photograph.
        how: tells how the crop was cut.

    Returns:
        None where the detector gives no points, or none that a face may have.
    """
    if face.landmarks is None:
        return None
    move = crop_matrix(face, margin=how.crop_margin, size=how.size_px, align=how.align, shift_y=how.crop_shift_y)
    # The matrix is one of pixel indices, where whole numbers are centres of pixels.
    five = np.column_stack([face.landmarks - 0.5, np.ones(5)]) @ move.T + 0.5
    return FacePoints(five / how.size_px) if plausible(five) else None


def regions_of(crop: NDArray[np.uint8], size_px: int, detected: FacePoints | None = None) -> RegionMasks:
    """The regions of one face crop at a network's size.

    Args:
        crop: the face.
        size_px: side of the masks.
        detected: its points where a detector has told them; otherwise they are found by `usual_sources`.
    """
    known = (KnownPlaces({"": detected}, DetectedPoints.name),) if detected else ()
    return find_regions([crop], size_px, (*known, *usual_sources()))


def region_shares(saliency: SaliencyMap, masks: RegionMasks) -> list[RegionShare]:
    """How one map falls into the regions of its face, one for each of `REGIONS`, in order.

    Args:
        saliency: the map.
        masks: of that face alone, at the size of the network's input.
    """
    side = masks.labels.shape[1]
    share = shares(evidence(saliency.raw[None], side), masks.labels)[0]
    area = masks.areas()[0]
    told = claims(piece_sizes(masks.labels), side, saliency.map_hw)
    density = np.divide(share, area, out=np.full(len(REGIONS), np.nan), where=area > 0)
    rows = zip(REGIONS, share.tolist(), area.tolist(), density.tolist(), told, strict=True)
    return [RegionShare(name, s, a, d, claim.reason) for name, s, a, d, claim in rows]

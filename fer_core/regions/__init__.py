"""Which parts of a face a network's answers rest on, over a whole data set."""

from fer_core.regions.masks import REGIONS, RegionMasks, region_masks
from fer_core.regions.points import FacePoints, Frame
from fer_core.regions.sources import DetectedPoints, KnownPoints, MeanFace, PointSource, find_regions, usual_sources

__all__ = [
    "REGIONS",
    "DetectedPoints",
    "FacePoints",
    "Frame",
    "KnownPoints",
    "MeanFace",
    "PointSource",
    "RegionMasks",
    "find_regions",
    "region_masks",
    "usual_sources",
]

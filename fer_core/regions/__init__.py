"""Which parts of a face a network's answers rest on, over a whole data set."""

from fer_core.regions.masks import REGIONS, RegionMasks, region_masks
from fer_core.regions.points import FacePoints, Frame
from fer_core.regions.sources import (
    DetectedPoints,
    KnownPoints,
    MeanFace,
    NetworkPoints,
    PointSource,
    find_regions,
    named_sources,
    usual_sources,
)

__all__ = [
    "REGIONS",
    "DetectedPoints",
    "FacePoints",
    "Frame",
    "KnownPoints",
    "MeanFace",
    "NetworkPoints",
    "PointSource",
    "RegionMasks",
    "find_regions",
    "named_sources",
    "region_masks",
    "usual_sources",
]

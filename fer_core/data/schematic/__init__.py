"""Schematic faces: drawn people whose expressions, landmarks, evidence and planted flaws are known."""

from fer_core.data.schematic.face import SchematicFace, draw_face, perform
from fer_core.data.schematic.regions import LANDMARK_NAMES, REGIONS
from fer_core.data.schematic.samples import TRUTH_SCHEMA, SchematicSet, schematic_samples
from fer_core.data.schematic.spec import Flaws, SchematicSpec, index_of
from fer_core.data.schematic.units import PROTOTYPES, UNITS

__all__ = [
    "LANDMARK_NAMES",
    "PROTOTYPES",
    "REGIONS",
    "TRUTH_SCHEMA",
    "UNITS",
    "Flaws",
    "SchematicFace",
    "SchematicSet",
    "SchematicSpec",
    "draw_face",
    "index_of",
    "perform",
    "schematic_samples",
]

"""Data sets: the sample table, and the readers that make it from published formats."""

from fer_core.data.ferplus import MajorityCounts, ferplus_majority, majority_counts
from fer_core.data.readers import Import, Problem, Reader, read_samples, readers
from fer_core.data.schema import SCHEMA, SPLITS, canonical_split
from fer_core.data.table import SampleTable

__all__ = [
    "SCHEMA",
    "SPLITS",
    "Import",
    "MajorityCounts",
    "Problem",
    "Reader",
    "SampleTable",
    "canonical_split",
    "ferplus_majority",
    "majority_counts",
    "read_samples",
    "readers",
]

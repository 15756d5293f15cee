"""Sample tables made of sample tables: merged, topped up, split anew, with copies that are augmented."""

from fer_core.data.combine.copies import CopyStyle, augmented_copies
from fer_core.data.combine.merging import Merged, MergeReport, merge
from fer_core.data.combine.split import Split, split_samples
from fer_core.data.combine.topup import TopUp, top_up

__all__ = [
    "CopyStyle",
    "MergeReport",
    "Merged",
    "Split",
    "TopUp",
    "augmented_copies",
    "merge",
    "split_samples",
    "top_up",
]

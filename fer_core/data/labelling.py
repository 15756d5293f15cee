"""Which labels samples are taught or measured under: those given with the data, or those of FER+'s majority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from fer_core.card import LabelSource
from fer_core.data.ferplus import ferplus_majority, majority_counts
from fer_core.data.table import SampleTable

WORDS: dict[LabelSource, str] = {"given": "as given with the data", "ferplus-majority": "FER+'s majority"}


def under_labels(samples: SampleTable, source: LabelSource, classes: Sequence[str]) -> SampleTable:
    """The samples under the labels of a source; `left_out` tells which are missing.

    Args:
        samples: with FER+ votes, where those are asked for.
        source: `given` leaves all as it is; `ferplus-majority` labels by the rule of Barsoum et al. 2016, see
            `ferplus_majority`.
        classes: those that are kept of the eight that FER+ has.

    Raises:
        DataError: votes are asked for, and the samples have none.
    """
    if source == "given":
        return samples
    agreed = ferplus_majority(samples)
    known = pc.is_in(agreed.table["label"], value_set=pa.array(list(classes)))
    return replace(agreed, table=agreed.table.filter(known))


def left_out(samples: SampleTable, source: LabelSource, classes: Sequence[str]) -> dict[str, int]:
    """How many samples `under_labels` leaves out, by reason; empty where it leaves out none.

    Raises:
        DataError: as `under_labels`.
    """
    if source == "given":
        return {}
    labels = ferplus_majority(samples).table["label"].to_pylist()
    counts = majority_counts(samples)
    found = {name: labels.count(name) for name in sorted(set(labels) - set(classes))}
    found |= {
        "no majority": counts.no_majority,
        "no expression or no face": counts.not_an_expression,
        "no votes": counts.no_votes,
    }
    return {reason: n for reason, n in found.items() if n}


def in_words(source: LabelSource, missing: dict[str, int]) -> str:
    """What is measured under, and what that leaves out, in one line."""
    if not missing:
        return f"Labels: {WORDS[source]}."
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in missing.items())
    return f"Labels: {WORDS[source]}; {sum(missing.values()):,} samples are left out ({reasons})."


def named(data: str, source: LabelSource) -> str:
    """The name of data under labels of a source, where they are not its own."""
    return data if source == "given" else f"{data}, labels of {WORDS[source]}"

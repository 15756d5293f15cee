"""FER+: ten annotators' votes on FER2013, and the label that a majority of them gives.

Barsoum et al. 2016, arXiv 1608.01041. A FER+ label is another label than FER2013's, and the two are never
mixed under one name: `ferplus_majority` gives a table of its own with the classes `FERPLUS8`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import FERPLUS8, ClassSet

# Column order of `fer2013new.csv`, canonical names.
VOTE_CLASSES = (*FERPLUS8.names, "unknown", "nf")
_EVERY_VOTE = ClassSet("FER+ votes", VOTE_CLASSES)


@dataclasses.dataclass(frozen=True)
class MajorityCounts:
    """What became of the samples when labels were taken from votes.

    Attributes:
        kept: one of the eight expressions has a majority.
        not_an_expression: the majority says "unknown" or "not a face".
        no_majority: nothing has more than half of the votes.
        no_votes: the sample has no votes at all.
    """

    kept: int
    not_an_expression: int
    no_majority: int
    no_votes: int


def ferplus_majority(samples: SampleTable) -> SampleTable:
    """The samples on whose expression a majority agrees, labelled by it; classes `FERPLUS8`.

    The rule is that of Barsoum et al. 2016 in the reference implementation (mode "majority"): a class with a
    single vote is an outlier and loses it; of the votes that remain, "unknown" and "not a face" included, the
    winner needs *more* than half. Samples that "unknown" or "not a face" wins, ties, and samples without
    votes are left out; `majority_counts` says how many of each. Nothing but the label changes.

    Returns:
        A table that may be empty.

    Raises:
        DataError: the samples carry no FER+ votes.
    """
    winners = majority_winners(_votes(samples))
    kept = (winners >= 0) & (winners < len(FERPLUS8))
    labels = pa.array([FERPLUS8.names[w] for w in winners[kept]], type=pa.string())
    table = samples.table.filter(pa.array(kept))
    table = table.set_column(table.schema.get_field_index("label"), table.schema.field("label"), labels)
    return dataclasses.replace(samples, table=table, classes=FERPLUS8)


def majority_counts(samples: SampleTable) -> MajorityCounts:
    """How many samples `ferplus_majority` keeps, and how many it leaves out for which reason.

    Raises:
        DataError: the samples carry no FER+ votes.
    """
    winners = majority_winners(_votes(samples))
    voted = np.asarray(pc.is_valid(samples.table["votes"]), dtype=bool)
    return MajorityCounts(
        kept=int(((winners >= 0) & (winners < len(FERPLUS8))).sum()),
        not_an_expression=int((winners >= len(FERPLUS8)).sum()),
        no_majority=int(((winners < 0) & voted).sum()),
        no_votes=int((~voted).sum()),
    )


def majority_winners(votes: NDArray[np.floating]) -> NDArray[np.int64]:
    """The rule of `ferplus_majority` on bare numbers.

    Args:
        votes: (N, C) number of votes per class.

    Returns:
        (N,) column of the winner, -1 where nothing has more than half of the votes that remain.
    """
    remaining = np.where(votes > 1, votes, 0)
    won = remaining.max(axis=1, initial=0) > 0.5 * remaining.sum(axis=1)
    return np.where(won, remaining.argmax(axis=1), -1).astype(np.int64)


def _votes(samples: SampleTable) -> NDArray[np.float32]:
    missing = [name for name in VOTE_CLASSES if name not in samples.vote_classes]
    if missing:
        raise DataError(
            f"These samples have no FER+ votes for {', '.join(missing)}; import FER2013 together with fer2013new.csv."
        )
    return samples.vote_matrix(_EVERY_VOTE)

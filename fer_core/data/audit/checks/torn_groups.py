"""What belongs together but is in two splits: pictures of one person, copies of one photograph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.base import Finding, NotApplicable, register
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.groups import codes_of, home_split, joined, members, straddles
from fer_core.data.audit.overlap import overlap, overlap_sentence

SUBJECTS = "subjects-in-two-splits"
COPIES = "copies-in-two-splits"


@register(SUBJECTS, "high")
def subjects(context: AuditContext) -> Finding:
    """A person in two splits.

    A network then recognises the face and not the expression. Only samples with a `subject_id` are looked at.
    """
    codes = codes_of(context.samples.table["subject_id"].to_pylist())
    if codes.max(initial=-1) < 0:
        raise NotApplicable("It needs to know the persons; no sample has a subject_id.")
    return _torn(context, SUBJECTS, codes, "of {} persons who are")


@register(COPIES, "high")
def copies(context: AuditContext) -> Finding:
    """A photograph and its augmented copies in two splits; `parent_id` tells which are copies of which."""
    if context.samples.table["parent_id"].null_count == len(context):
        raise NotApplicable("It needs to know which samples are augmented copies; no sample has a parent_id.")
    return _torn(context, COPIES, context.parents, "of {} photographs that are, with their copies,")


def _torn(context: AuditContext, name: str, codes: NDArray[np.int64], of_whom: str) -> Finding:
    groups = [group for group in members(codes) if straddles(group, context.splits)]
    rows = joined(groups)
    homes = [home_split(context.splits[group].tolist()) for group in groups]
    away = [group[context.splits[group] != home] for group, home in zip(groups, homes, strict=True)]
    rates = overlap(context, codes)
    return context.grouped(
        name,
        f"{len(rows):,} samples {of_whom.format(f'{len(groups):,}')} in more than one split{overlap_sentence(rates)}.",
        groups,
        context.remedy(
            "move",
            joined(away),
            "Brings all samples of each into the split that most of them are in.",
        ),
        {"groups": len(groups), **rates},
    )

"""Equal pixels under different labels."""

from __future__ import annotations

import numpy as np

from fer_core.data.audit.base import Finding, register
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.groups import Rows, joined, members

NAME = "conflicting-labels"


@register(NAME, "high")
def check(context: AuditContext) -> Finding:
    """The same picture under different labels.

    Samples without a label contradict nobody. Where annotators voted, the label with most votes is proposed.
    """
    labelled = np.where(context.labels >= 0, context.twins, -1)
    groups = [group for group in members(labelled) if len(set(context.labels[group].tolist())) > 1]
    rows = joined(groups)
    return context.grouped(
        NAME,
        f"{len(rows):,} samples show {len(groups):,} pictures that stand under more than one label.",
        groups,
        context.remedy(
            "exclude",
            rows,
            "Takes all of them out, since the picture alone cannot tell which is right.",
            _voted(context, groups),
        ),
        {"pictures": len(groups)},
    )


def _voted(context: AuditContext, groups: list[Rows]) -> dict[str, str]:
    """By sample id the class that has most of a group's votes, where one has."""
    names = context.samples.classes
    votes = context.samples.vote_matrix(names)
    proposed = {}
    for group in groups:
        total = votes[group].sum(0)
        best = np.flatnonzero(total == total.max())
        if total.max() > 0 and len(best) == 1:
            proposed.update(dict.fromkeys(context.ids[group].tolist(), names.names[int(best[0])]))
    return proposed

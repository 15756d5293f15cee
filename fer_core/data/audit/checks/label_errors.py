"""Labels that a model which has not seen the sample finds unlikely."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.base import Finding, NotApplicable, rate, register, shown
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.groups import Rows, members
from fer_core.data.ferplus import majority_winners
from fer_core.data.label_issues import label_issues
from fer_core.data.schema import SPLITS

NAME = "label-errors"
_ROUNDS = 2


@register(NAME, "medium")
def check(context: AuditContext) -> Finding:
    """Labels that are probably wrong.

    Confident learning (Northcutt et al. 2021, arXiv 1911.00068; package cleanlab): how many labels of each class ought
    to be another is estimated from the probabilities, and so many of the least likely ones are flagged; where there are
    many samples for each feature, twice more, by classifiers that were not taught what was flagged before. Where
    annotators voted, the finding tells how often most of their votes are for something else than the label, among the
    flagged and among all: the ratio is the lift over chance. It is too high where the network behind the probabilities
    was trained on those votes. What shows no face, and pictures under two labels, are other findings and left out here.
    """
    probabilities = context.out_of_fold
    rows = np.flatnonzero((context.labels >= 0) & ~context.no_face & ~_conflicting(context))
    if len(np.unique(context.labels[rows])) < 2:
        raise NotApplicable("It needs samples of two classes or more.")
    flagged = rows[label_issues(probabilities[rows], context.labels[rows])]
    for _ in range(_ROUNDS if context.can_doubt else 0):
        probabilities = context.without(flagged)
        flagged = rows[label_issues(probabilities[rows], context.labels[rows])]
    doubt = 1 - probabilities[flagged, context.labels[flagged]]
    judged = _judged(context, rows, flagged)
    said = ""
    if judged and len(flagged):
        of_all = 100 * judged["base_rate"]["rate"]
        of_flagged = shown(judged["precision"])
        said = f"; most votes disagree with the label in {of_flagged} voted on, and in {of_all:.1f} % of all"
    names = context.samples.classes.names
    likely = {str(i): names[p] for i, p in zip(context.ids[flagged], probabilities[flagged].argmax(1), strict=True)}
    return context.finding(
        NAME,
        f"{shown(rate(len(flagged), len(rows)))} labels are probably wrong{said}.",
        flagged,
        context.remedy(
            "exclude",
            flagged[context.splits[flagged] == "train"],
            "Takes them out of training only: taking from the test what a model finds hard would flatter it. Where you "
            "agree with the proposed label, relabel instead.",
            likely,
        ),
        scores=doubt,
        figures={"flagged": rate(len(flagged), len(rows)), **judged},
    )


def _conflicting(context: AuditContext) -> NDArray[np.bool_]:
    """(N,) whether a sample's picture stands under another label, too."""
    out = np.zeros(len(context), dtype=bool)
    for group in members(np.where(context.labels >= 0, context.twins, -1)):
        out[group] = len(set(context.labels[group].tolist())) > 1
    return out


def _judged(context: AuditContext, rows: Rows, flagged: Rows) -> dict[str, Any]:
    """How the flagged and all rows fare with the votes; empty without votes."""
    votes = context.votes
    total = votes.sum(1)
    if not total[rows].any():
        return {}
    wanted = np.array([_position(context, name) for name in context.samples.classes.names])
    column = wanted[context.labels[rows]]
    own = np.zeros(len(context), dtype=np.float32)
    own[rows] = np.where(column >= 0, votes[rows, column], 0)
    disagree = (total - own) > total / 2
    winners = majority_winners(votes)
    other = np.zeros(len(context), dtype=bool)
    other[rows] = (winners[rows] >= 0) & (winners[rows] != column)

    def of(truth: NDArray[np.bool_], some: Rows) -> dict[str, Any]:
        voted = some[total[some] > 0]
        return rate(int(truth[voted].sum()), len(voted))

    figures: dict[str, Any] = {
        "precision": of(disagree, flagged),
        "base_rate": of(disagree, rows),
        "other_class_has_majority": of(other, flagged),
        "other_class_base_rate": of(other, rows),
    }
    figures["lift"] = _ratio(figures["precision"], figures["base_rate"])
    for split in SPLITS:
        mine = rows[context.splits[rows] == split]
        some = flagged[context.splits[flagged] == split]
        if len(mine) and len(some):
            of_flagged, of_all = of(disagree, some), of(disagree, mine)
            lift = _ratio(of_flagged, of_all)
            figures[f"in_{split}"] = {"precision": of_flagged, "base_rate": of_all, "lift": lift}
    return figures


def _position(context: AuditContext, name: str) -> int:
    names = context.samples.vote_classes
    return names.index(name) if name in names else -1


def _ratio(part: dict[str, Any], whole: dict[str, Any]) -> float:
    return part["rate"] / whole["rate"] if whole["rate"] else float("nan")

"""Samples that show no face."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.base import Finding, rate, register, shown
from fer_core.data.audit.context import NOT_A_FACE, AuditContext

NAME = "non-faces"


@register(NAME, "medium")
def check(context: AuditContext) -> Finding:
    """Pictures without a face.

    Where annotators could vote "not a face" (`nf`), more than half of their votes decide. Other samples are judged by
    their pixels: blank ones, signs and texts, and ones that are like no other in the data set (`faceless`). That finds
    error messages and textures, not other photographs; where there are votes, the finding tells how the pixels would
    have fared against them.
    """
    by_pixels = context.faceless >= 1
    voted = (
        context.votes.sum(1) > 0 if NOT_A_FACE in context.samples.vote_classes else np.zeros(len(context), dtype=bool)
    )
    rows = np.flatnonzero(context.no_face)
    compared = _compared(by_pixels[voted], context.no_face[voted])
    source = "by the annotators' votes" if voted.all() else "by votes and pixels" if voted.any() else "by their pixels"
    return context.finding(
        NAME,
        f"{shown(rate(len(rows), len(context)))} samples show no face, judged {source}.",
        rows,
        context.remedy("exclude", rows, "Takes them out of every split: what is no face has no expression."),
        figures={"found": rate(len(rows), len(context)), **compared},
    )


def _compared(by_pixels: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, Any]:
    """Precision and recall of the pixels against the votes; empty without votes."""
    if not len(truth):
        return {}
    hits = int((by_pixels & truth).sum())
    return {"pixels_precision": rate(hits, int(by_pixels.sum())), "pixels_recall": rate(hits, int(truth.sum()))}

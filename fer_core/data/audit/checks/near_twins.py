"""Pictures that are nearly the same: recropped, recoded, relit, watermarked, mirrored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.base import Finding, register
from fer_core.data.audit.context import NEAR_BITS, NEAR_CORRELATION, AuditContext
from fer_core.data.audit.groups import Rows, codes_of, copies_to_drop, joined, members, straddles
from fer_core.data.audit.overlap import overlap, overlap_sentence

ACROSS = "near-twins-across-splits"
WITHIN = "near-twins-within-split"


def _groups(context: AuditContext, codes: NDArray[np.int64]) -> list[Rows]:
    """Groups of at least two different pictures; what is equal is the finding of another check."""
    return [group for group in members(codes) if len(set(context.twins[group].tolist())) > 1]


def _figures(context: AuditContext, groups: list[Rows]) -> dict[str, Any]:
    pairs, mirrored = context.near_links
    return {
        "groups": len(groups),
        "pairs_in_data": len(pairs),
        "mirrored_pairs_in_data": int(mirrored.sum()),
        "bits": NEAR_BITS,
        "correlation": NEAR_CORRELATION,
    }


@register(ACROSS, "high")
def across(context: AuditContext) -> Finding:
    """Nearly the same picture in two splits.

    Candidates are pairs whose 64-bit perceptual hashes, of the pictures or of one and the other's mirror image, differ
    in at most 12 bits. They are twins where the pictures themselves correlate at 0.97 or more, whatever their
    brightness, at the best shift of up to two pixels of 48. What shows no face is left out: see `non-faces`.
    """
    groups = [group for group in _groups(context, context.near) if straddles(group, context.splits)]
    rows = joined(groups)
    codes = np.full(len(context), -1, dtype=np.int64)
    codes[rows] = context.near[rows]
    rates = overlap(context, codes)
    return context.grouped(
        ACROSS,
        f"{len(rows):,} samples in {len(groups):,} groups look nearly the same and are in more than one split"
        f"{overlap_sentence(rates)}.",
        groups,
        context.remedy(
            "exclude",
            copies_to_drop(groups, context.splits),
            "Takes out the copies to train on and keeps those to test on. Look at them first: two photographs of one "
            "moment can look the same.",
        ),
        {**_figures(context, groups), **rates},
    )


@register(WITHIN, "low")
def within(context: AuditContext) -> Finding:
    """Nearly the same picture more than once in one split."""
    keys = zip(context.near.tolist(), context.splits.tolist(), strict=True)
    groups = _groups(context, codes_of(list(keys)))
    rows = joined(groups)
    spare = joined([group[1:] for group in groups])
    return context.grouped(
        WITHIN,
        f"{len(rows):,} samples in {len(groups):,} groups look nearly the same and are in the same split; "
        f"{len(spare):,} are spare.",
        groups,
        context.remedy(
            "exclude", spare, "Keeps the first of each group. Variants to train on do little harm; look first."
        ),
        {**_figures(context, groups), "spare": len(spare)},
    )

"""Pictures of equal pixels."""

from __future__ import annotations

from fer_core.data.audit.base import Finding, register
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.groups import codes_of, copies_to_drop, joined, members, straddles
from fer_core.data.audit.overlap import overlap, overlap_sentence

ACROSS = "exact-twins-across-splits"
WITHIN = "exact-twins-within-split"


@register(ACROSS, "high")
def across(context: AuditContext) -> Finding:
    """The same picture in two splits.

    Equal pixels under any label: what is tested was also taught. The copy that measures is kept.
    """
    groups = [group for group in members(context.twins) if straddles(group, context.splits)]
    rows = joined(groups)
    rates = overlap(context, context.twins)
    return context.grouped(
        ACROSS,
        f"{len(rows):,} samples show {len(groups):,} pictures that are in more than one split"
        f"{overlap_sentence(rates)}.",
        groups,
        context.remedy(
            "exclude",
            copies_to_drop(groups, context.splits),
            "Takes out the copies to train on and keeps those to test on, so that nothing is tested that was taught.",
        ),
        {"pictures": len(groups), **rates},
    )


@register(WITHIN, "medium")
def within(context: AuditContext) -> Finding:
    """The same picture under the same label more than once in one split.

    Equal pixels under two labels are another finding: `conflicting-labels`.
    """
    keys = zip(context.twins.tolist(), context.splits.tolist(), context.labels.tolist(), strict=True)
    groups = members(codes_of(list(keys)))
    rows = joined(groups)
    spare = joined([group[1:] for group in groups])
    return context.grouped(
        WITHIN,
        f"{len(rows):,} samples show {len(groups):,} pictures that stand in their split more than once; "
        f"{len(spare):,} are spare.",
        groups,
        context.remedy("exclude", spare, "Keeps the first of each, so that no picture counts more than once."),
        {"pictures": len(groups), "spare": len(spare)},
    )

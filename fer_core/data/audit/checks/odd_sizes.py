"""Pictures of an unusual size or shape."""

from __future__ import annotations

from collections import Counter

import numpy as np

from fer_core.data.audit.base import Finding, rate, register, shown
from fer_core.data.audit.context import AuditContext

NAME = "odd-sizes"
USUAL_SHARE = 0.8
SMALLEST_PX = 24
LONGEST_RATIO = 1.5


@register(NAME, "low")
def check(context: AuditContext) -> Finding:
    """Pictures of another size or shape than the rest.

    Where at least 80 % have one size, all others are odd. In any other data set those are whose shorter side is below
    24 pixels, where detectors begin to fail, or whose sides differ by more than half: networks take squares, and such
    a face is squeezed.
    """
    width = context.samples.table["width"].to_numpy()
    height = context.samples.table["height"].to_numpy()
    sizes = Counter(zip(width.tolist(), height.tolist(), strict=True))
    usual, count = sizes.most_common(1)[0]
    short, long = np.minimum(width, height), np.maximum(width, height)
    odd = (short < SMALLEST_PX) | (long > LONGEST_RATIO * short)
    rule = f"smaller than {SMALLEST_PX} pixels or not nearly square"
    if count >= USUAL_SHARE * len(context):
        odd = (width != usual[0]) | (height != usual[1])
        rule = f"not {usual[0]} x {usual[1]} pixels like the rest"
    rows = np.flatnonzero(odd)
    return context.finding(
        NAME,
        f"{shown(rate(len(rows), len(context)))} pictures are {rule}.",
        rows,
        context.remedy("keep", rows, "Keeps them: they are resized like all others. Look whether the crop is right."),
        figures={
            "found": rate(len(rows), len(context)),
            "different_sizes": len(sizes),
            "most_common": {f"{w}x{h}": n for (w, h), n in sizes.most_common(5)},
        },
    )

"""Pictures in which little can be seen; the limits and what they mean stand in `limits`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.base import Finding, rate, register, shown
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.limits import BLURRED, DARK, LOW_CONTRAST


@register("dark", "low")
def dark(context: AuditContext) -> Finding:
    """Pictures that are nearly black: a mean grey below 40 of 255."""
    brightness = context.look("brightness")
    return _finding(context, "dark", brightness, brightness < DARK, DARK, "are darker than a mean grey of 40")


@register("low-contrast", "low")
def low_contrast(context: AuditContext) -> Finding:
    """Pictures of almost one grey: a standard deviation below 12 of 255.

    Those that are dark, which explains it, are another finding; so are those that show no face.
    """
    contrast = context.look("contrast")
    low = (contrast < LOW_CONTRAST) & (context.look("brightness") >= DARK) & (context.faceless < 1)
    return _finding(context, "low-contrast", contrast, low, LOW_CONTRAST, "have a standard deviation of grey below 12")


@register("blurred", "low")
def blurred(context: AuditContext) -> Finding:
    """Pictures out of focus: the Laplacian's variance is less than a tenth of the grey values' own.

    Divided by the variance of grey the figure does not depend on contrast; at 48x48 it does not depend on size.
    What shows no face is another finding, and so is what was smaller and is soft from being enlarged.
    """
    relative = context.relative_sharpness
    low = (relative < BLURRED) & (context.faceless < 1) & ~context.enlarged
    return _finding(context, "blurred", relative, low, BLURRED, "are out of focus")


def _finding(
    context: AuditContext, name: str, value: NDArray[np.floating], low: NDArray[np.bool_], threshold: float, said: str
) -> Finding:
    rows = np.flatnonzero(low)
    quantiles = dict(zip(("1 %", "50 %", "99 %"), np.quantile(value, [0.01, 0.5, 0.99]).tolist(), strict=True))
    found = rate(len(rows), len(context))
    return context.finding(
        name,
        f"{shown(found)} pictures {said}.",
        rows,
        context.remedy(
            "keep", rows, "Keeps them: users' pictures are like that too, and without them a test flatters."
        ),
        scores=(threshold - value)[rows],
        figures={"found": found, "threshold": threshold, "quantiles": quantiles},
    )

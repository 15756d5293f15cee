"""Whether what measures is like what teaches."""

from __future__ import annotations

from typing import Any

import numpy as np

from fer_core.data.audit.base import Finding, NotApplicable, Remedy, register
from fer_core.data.audit.context import AuditContext

NAME = "drift"
LEVEL = 0.05
SMALLEST_EFFECT = 0.1
_LOOKS = ("brightness", "contrast", "sharpness")


@register(NAME, "medium")
def check(context: AuditContext) -> Finding:
    """Splits that differ in classes, brightness, contrast or sharpness.

    Train against validation and test: a chi-square test of the classes, and a Kolmogorov-Smirnov test of each measure.
    A difference counts where its p-value, corrected for the number of tests (Holm 1979), is below 0.05 *and* it is
    large enough to matter: 0.1 or more. Size is the share of samples that would have to change class (total variation
    distance), and the largest gap between two cumulative distributions (the KS statistic); both are 0 to 1. Many
    samples make the smallest difference significant, but not large.
    """
    later = [s for s in ("validation", "test") if (context.splits == s).any()]
    if not later or not (context.splits == "train").any():
        raise NotApplicable("It needs a train split and another one to compare it with.")
    tests = [test for split in later for test in _tests(context, split)]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test["p_holm"] = p
        test["drifts"] = bool(p < LEVEL and test["effect"] >= SMALLEST_EFFECT)
    drifting = [test for test in tests if test["drifts"]]
    said = ", ".join(f"{test['measure']} in {test['split']} ({test['effect']:.2f})" for test in drifting)
    return Finding(
        check=NAME,
        title="Splits that differ in classes, brightness, contrast or sharpness",
        what=f"Unlike train are {said}."
        if drifting
        else f"In none of {len(tests)} comparisons do splits differ by much.",
        severity="medium" if drifting else "none",
        sample_ids=(),
        groups=(),
        by_class={},
        scores=(),
        figures={"tests": tests, "smallest_effect": SMALLEST_EFFECT, "level": LEVEL},
        remedy=Remedy("keep", (), "Nothing to take out: split again at random if the splits are your own."),
        count=len(drifting),
        unit="comparisons",
    )


def holm(p_values: list[float]) -> list[float]:
    """P-values corrected for their number (Holm 1979), in the order given; at most 1."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.minimum(1, np.maximum.accumulate(np.array(p_values)[order] * factors))
    out = np.empty(len(p_values))
    out[order] = corrected
    return out.tolist()


def _tests(context: AuditContext, split: str) -> list[dict[str, Any]]:
    from scipy.stats import chi2_contingency, ks_2samp

    one, other = context.splits == "train", context.splits == split
    found: list[dict[str, Any]] = []
    k = len(context.samples.classes)
    table = np.stack([np.bincount(context.labels[s & (context.labels >= 0)], minlength=k) for s in (one, other)])
    table = table[:, table.sum(0) > 0]
    if table.sum(1).all() and table.shape[1] > 1:
        shares = table / table.sum(1, keepdims=True)
        statistic = chi2_contingency(table)
        effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
        found.append(_test(split, "classes", float(statistic.statistic), float(statistic.pvalue), effect))
    for name in _LOOKS:
        values = context.look(name)
        result = ks_2samp(values[one], values[other], method="auto")
        found.append(_test(split, name, float(result.statistic), float(result.pvalue), float(result.statistic)))
    return found


def _test(split: str, measure: str, statistic: float, p: float, effect: float) -> dict[str, Any]:
    return {"split": split, "measure": measure, "statistic": statistic, "p": p, "effect": effect}

"""Classes with few samples."""

from __future__ import annotations

import numpy as np

from fer_core.data.audit.base import Finding, NotApplicable, Remedy, register
from fer_core.data.audit.context import AuditContext

NAME = "imbalance"
SHORT = 0.5


@register(NAME, "medium")
def check(context: AuditContext) -> Finding:
    """Classes with less than half of their balanced share.

    Counted where learning takes place, in train, or in everything where there is no such split. `effective_number` is
    (1 - b^n) / (1 - b) with b = (N - 1) / N for n samples of a class among N (Cui et al. 2019, arXiv 1901.05555);
    `effective_classes` is exp(entropy), K where all are alike.
    """
    there = context.splits == "train" if (context.splits == "train").any() else np.ones(len(context), dtype=bool)
    labels = context.labels[there & (context.labels >= 0)]
    if not len(labels):
        raise NotApplicable("It needs labels; no sample to train on has one.")
    names = context.samples.classes.names
    counts = np.bincount(labels, minlength=len(names))
    share = counts / counts.sum()
    short = {n: int(c) for n, c, s in zip(names, counts, share, strict=True) if s < SHORT / len(names)}
    keep = 1 - 1 / len(labels)
    effective = (1 - keep**counts) * len(labels)
    entropy = -float(np.sum(share[share > 0] * np.log(share[share > 0])))
    said = ", ".join(f"{name} ({count:,} of {len(labels):,})" for name, count in short.items())
    return Finding(
        check=NAME,
        title="Classes with less than half of their balanced share",
        what=f"{said or 'No class'} {'have' if len(short) > 1 else 'has'} less than half of the balanced share "
        f"of {100 / len(names):.1f} %.",
        severity="medium" if short else "none",
        sample_ids=(),
        groups=(),
        by_class=short,
        scores=(),
        figures={
            "counts": dict(zip(names, counts.tolist(), strict=True)),
            "shares": dict(zip(names, share.tolist(), strict=True)),
            "effective_number": dict(zip(names, effective.tolist(), strict=True)),
            "effective_classes": float(np.exp(entropy)),
            "largest_to_smallest": float(counts.max() / counts.min()) if counts.min() else float("inf"),
        },
        remedy=Remedy("keep", (), "Nothing to take out: weigh classes while training, and read recall class by class."),
        count=len(short),
        unit="classes",
    )

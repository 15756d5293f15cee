"""How many samples of each class there are in each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from fer_core.data.schema import SPLITS
from fer_core.labels import colour

_PATTERNS = {"train": "", "validation": "/", "test": "."}


def class_balance(counts: Sequence[Mapping[str, Any]], classes: Sequence[str], *, shares: bool = False) -> go.Figure:
    """Grouped bars: one group per class, one bar per split; splits are told apart by their pattern.

    Args:
        counts: rows of `label` (None: unlabelled), `split` and `n`.
        classes: in order.
        shares: of each split's labelled samples instead of numbers; the dotted line is what balance would be.
    """
    n = {(row["label"], row["split"]): int(row["n"]) for row in counts}
    figure = go.Figure()
    for split in SPLITS:
        total = sum(n.get((name, split), 0) for name in classes)
        if not total:
            continue
        heights = [n.get((name, split), 0) / (total if shares else 1) for name in classes]
        figure.add_bar(
            x=list(classes),
            y=heights,
            name=f"{split} (n = {total:,})",
            marker={
                "color": [colour(name, tuple(classes)) for name in classes],
                "pattern": {"shape": _PATTERNS[split], "fgcolor": "white", "size": 6, "fillmode": "overlay"},
            },
            customdata=[[n.get((name, split), 0), n.get((name, split), 0) / total] for name in classes],
            hovertemplate=f"%{{x}}, {split}: %{{customdata[0]:,}} (%{{customdata[1]:.1%}})<extra></extra>",
        )
    if shares:
        figure.add_hline(y=1 / len(classes), line={"dash": "dot", "color": "#8C8C8C"})
    figure.update_yaxes(tickformat=".0%" if shares else ",", title="share of the split" if shares else "samples")
    figure.update_xaxes(title=None)
    figure.update_layout(
        barmode="group", height=360, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.1}
    )
    return figure

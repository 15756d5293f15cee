"""Attention roll-out as a method among the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.explain.methods import Method, Settings, register_method
from fer_core.explain.record import Pass
from fer_core.explain.tokens import rolled_out


def _run(p: Pass, _settings: Settings) -> NDArray[np.float32]:
    return np.asarray(rolled_out(p.model, p.inputs).cpu().numpy(), np.float32)


register_method(
    Method(
        name="rollout",
        title="Attention roll-out",
        summary="How much of each patch reaches the answer through the attention of all blocks of a vision "
        "transformer. It explains no class, and knows nothing of what is done with what is attended to.",
        cost="Two forward passes.",
        passes=lambda _channels: (2, 0),
        class_specific=False,
        signed=False,
        uses_gradients=False,
        reference="Abnar and Zuidema 2020, Quantifying attention flow in transformers, arXiv 2005.00928",
        run=_run,
        needs_tokens=True,
    )
)

"""How much of the data that measures was also taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit.base import rate, shown
from fer_core.data.audit.context import AuditContext
from fer_core.data.schema import SPLITS


def overlap(context: AuditContext, codes: NDArray[np.int64]) -> dict[str, dict[str, Any]]:
    """For every two splits the rate of samples of the later one whose code is in the earlier one, too.

    Keys are `test_in_train`, `validation_in_train` and `test_in_validation`; splits without samples are left out.
    Codes of -1 are nobody's.
    """
    there = [split for split in SPLITS if (context.splits == split).any()]
    rates = {}
    for late, name in enumerate(there):
        own = codes[context.splits == name]
        for other in there[:late]:
            also = np.isin(own, codes[context.splits == other]) & (own >= 0)
            rates[f"{name}_in_{other}"] = rate(int(also.sum()), len(own))
    return rates


def overlap_sentence(rates: Mapping[str, Mapping[str, Any]]) -> str:
    """`; 8.4 % [7.5, 9.3] of 3,589 in validation are in train` for each rate, empty without any."""
    parts = (f"; {shown(figure)} in {key.replace('_in_', ' are in ')}" for key, figure in rates.items())
    return "".join(parts)

"""Figures that are worked out once for each prediction table, and forgotten with it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from fer_core.evaluate.predictions import Predictions

_MOST = 48
_KEPT: WeakKeyDictionary[Predictions, dict[Hashable, Any]] = WeakKeyDictionary()
T = TypeVar("T")


def once(predictions: Predictions, key: Hashable, work: Callable[[], T]) -> T:
    """What `work` gives; for the same table and key what it gave before.

    Args:
        predictions: the table. What is kept must not hold it, or neither would ever be forgotten.
        key: what is worked out; of each table the last 48 things are kept.
        work: works it out.
    """
    kept = _KEPT.setdefault(predictions, {})
    if key not in kept:
        kept[key] = work()
    while len(kept) > _MOST:
        kept.pop(next(iter(kept)), None)
    found: T = kept[key]
    return found

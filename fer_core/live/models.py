"""The predictor that a live picture uses."""

from __future__ import annotations

from pathlib import Path

from fer_core.backends import Choice, choose
from fer_core.predict import Predictor


def live_choice(name: str | Path) -> Choice:
    """The fastest way to run a checkpoint on this machine, 8 bits among them; each is timed once per process.

    Raises:
        CheckpointError: as `get_predictor`; a broken exported file is none, but stands in `problems`.
    """
    return choose(name, ("int8", "float32"))


def live_predictor(name: str | Path) -> Predictor:
    """The predictor of `live_choice`."""
    return live_choice(name).predictor

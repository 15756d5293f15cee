"""The app with a classifier that is slowed down: python -m benchmarks.live_server MILLISECONDS [streamlit's arguments].

The time is slept, as if the network ran on another device; the answer is the network's own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from streamlit.web import cli

from fer_core.predict import Predictor

APP = Path(__file__).resolve().parent.parent / "app.py"


def slow_down(milliseconds: float) -> None:
    """Every answer of every predictor comes this much later."""
    answer = Predictor.probabilities

    def later(self: Predictor, faces: Sequence[NDArray[np.uint8]], batch_size: int = 256) -> NDArray[np.float64]:
        time.sleep(milliseconds / 1000 if faces else 0)
        return answer(self, faces, batch_size)

    Predictor.probabilities = later  # type: ignore[method-assign]


if __name__ == "__main__":
    slow_down(float(sys.argv[1]))
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[2:]]
    sys.exit(cli.main())

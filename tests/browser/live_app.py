"""The app with what a test of the Live page has to see and to break. Run: python -m tests.browser.live_app ARGUMENTS.

In `FERSCOPE_HOME`: `frames.csv` holds the second of the session and the number in the corner of each frame that came;
while a file `model-fails` is there the classifier raises; on SIGUSR1 the names of all threads are written to `threads`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from streamlit.web import cli

from benchmarks.live_browser import read_code
from fer_core.live import LiveSession
from fer_core.predict import Predictor

HOME = Path(os.environ["FERSCOPE_HOME"])
os.environ.setdefault("FERSCOPE_LIVE_STREAMS", "20")  # a viewer's place is free a second after he left
HOME.mkdir(parents=True, exist_ok=True)
APP = Path(__file__).resolve().parents[2] / "app.py"

Picture = NDArray[np.uint8]
_process, _answer = LiveSession.process, Predictor.probabilities


def process(self: LiveSession, frame: Picture, at_s: float | None = None) -> Picture:
    """As it is, and the frame's number is noted."""
    at_s = self._clock() if at_s is None else at_s
    shown = _process(self, frame, at_s)
    with (HOME / "frames.csv").open("a") as file:
        file.write(f"{at_s - (self._began_s or at_s):.3f},{read_code(frame)}\n")
    return shown


def probabilities(self: Predictor, faces: Sequence[Picture], batch_size: int = 256) -> NDArray[np.float64]:
    """As they are, unless the model is to fail."""
    if (HOME / "model-fails").exists():
        raise RuntimeError("out of sorts")
    return _answer(self, faces, batch_size)


def write_threads(_: int, __: FrameType | None) -> None:
    """The names of all threads, whole at once."""
    new = HOME / "threads.new"
    new.write_text("\n".join(sorted(thread.name for thread in threading.enumerate())))
    new.replace(HOME / "threads")


def main() -> Any:
    """Streamlit's own, with the changes."""
    LiveSession.process = process  # type: ignore[method-assign]
    Predictor.probabilities = probabilities  # type: ignore[method-assign]
    signal.signal(signal.SIGUSR1, write_threads)
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

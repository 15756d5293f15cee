"""The app with what a test of the Live page has to see and to break. Run: python -m tests.browser.live_app ARGUMENTS.

In `FERSCOPE_HOME`: `frames.csv` holds the second of the session and the number in the corner of each frame that came;
while a file `model-fails` is there the classifier raises, while `network-cut` is there no packet of a picture comes or
goes; on SIGUSR1 the names of all threads are written to `threads`.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from aioice.ice import StunProtocol
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


def cut_the_network() -> None:
    """Packets to and from browsers vanish while the file is there, those that keep a connection up among them."""
    for name in ("datagram_received", "send_stun", "send_data"):
        setattr(StunProtocol, name, _unless_cut(getattr(StunProtocol, name)))


def _unless_cut(way: Callable[..., Any]) -> Callable[..., Any]:
    async def nothing() -> None:
        """What a coroutine that is dropped is waited for."""

    def through(*arguments: Any) -> Any:
        if (HOME / "network-cut").exists():
            return nothing() if inspect.iscoroutinefunction(way) else None
        return way(*arguments)

    return through


def write_threads(_: int, __: FrameType | None) -> None:
    """The names of all threads, whole at once."""
    new = HOME / "threads.new"
    new.write_text("\n".join(sorted(thread.name for thread in threading.enumerate())))
    new.replace(HOME / "threads")


def main() -> Any:
    """Streamlit's own, with the changes."""
    LiveSession.process = process  # type: ignore[method-assign]
    Predictor.probabilities = probabilities  # type: ignore[method-assign]
    cut_the_network()
    signal.signal(signal.SIGUSR1, write_threads)
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

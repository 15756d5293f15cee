"""Accuracy and time for a face of the installable package `fer` and of our checkpoints, on a data set of yours.

    python -m benchmarks.rivals --data fer2013.csv [--labels fer2013new.csv] [--split validation] [--faces 1000]
        [CHECKPOINT ...]

Everything runs in one go on the same crops, one face at a time, on one thread and where the system allows it (Linux)
pinned to one processor, in turns of a hundred faces. Right is who says the label that our checkpoints learnt.
`fer` is installed from PyPI into an environment of its own in the workspace at the first run: TensorFlow, 1.5 GB.
DeepFace and EmotiEffLib fetch their weights from GitHub when they are first called, and are left out for that.

Goal: a better top-1 than each of the rival's ways of being called, and less time for a face.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from fer_core.cli import app_with_errors, percent
from fer_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from fer_core.card import Card, LabelSource
    from fer_core.data import SampleTable
    from fer_core.predict import Predictor

Pictures = NDArray[np.uint8]

# Its own requirements would bring a second PyTorch for a detector that is not used here.
FER = "fer==25.10.3"
NEEDED = ("tensorflow-cpu==2.21.0", "opencv-python-headless<5", "pillow", "requests", "setuptools<81")
WAYS = {
    "fer, its default": ("tflite", "10"),
    "fer, the crop as it is": ("tflite", "0"),
    "fer, Keras network, the crop as it is": ("keras", "0"),
}
TURN = 100

app = app_with_errors("Accuracy and time for a face of `fer` from PyPI and of our checkpoints.")


@dataclass(frozen=True)
class Result:
    """One way of classifying N faces.

    Attributes:
        name: of the way.
        right: (N,) whether each face got its label.
        ms: median over turns of the milliseconds for a face.
    """

    name: str
    right: NDArray[np.bool_]
    ms: float

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())


class Rival:
    """`fer` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder

    def __call__(self, faces: list[Pictures]) -> tuple[float, NDArray[np.float64]]:
        """Seconds, and scores (N, 7) rounded to hundredths, as the package gives them."""
        file = self._folder / "faces.npz"
        np.savez(file, faces=np.stack([np.repeat(face[..., None], 3, 2) if face.ndim == 2 else face for face in faces]))
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise RuntimeError("the process was started without pipes")
        print(file, file=asked, flush=True)
        line = told.readline()
        if not line:
            raise UnavailableError(f"{FER} ended with status {self._process.wait()}; what it printed stands above.")
        answer = json.loads(line)
        return answer["seconds"], np.array(answer["scores"])


class Ours:
    """A checkpoint of this project in this process."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def __call__(self, faces: list[Pictures]) -> tuple[float, NDArray[np.float64]]:
        """Seconds, and probabilities (N, K)."""
        started = time.perf_counter()
        rows = [self._predictor.probabilities([face]) for face in faces]
        return time.perf_counter() - started, np.concatenate(rows)


def installed() -> Path:
    """The Python that has `fer`; it is made where there is none.

    Raises:
        UnavailableError: the package index does not give it.
    """
    from fer_core.workspace import workspace

    folder = workspace() / "rivals" / FER.replace("==", "-")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        print(f"installing {FER} and TensorFlow into {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        for wanted in (NEEDED, ("--no-deps", FER)):
            made = subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=False)
            if made.returncode:
                raise UnavailableError(f"pip could not install {' '.join(wanted)}; its words stand above.")
        done.touch()
    return python


@contextmanager
def started(python: Path, way: tuple[str, str]) -> Iterator[Rival]:
    """The rival, called in one way, until the block ends."""
    script = Path(__file__).with_name("rival_fer.py")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [python, script, *way], text=True, env=quiet, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with tempfile.TemporaryDirectory() as folder, process:
        try:
            yield Rival(process, Path(folder))
        finally:
            process.kill()


def measure(
    ways: dict[str, Rival | Ours], classes: dict[str, tuple[str, ...]], faces: list[Pictures], labels: list[str]
) -> list[Result]:
    """Asks all of them about all faces, in turns.

    Args:
        ways: by name, who answers.
        classes: by name, what its columns mean.
        faces: N crops, at least one.
        labels: their N classes.
    """
    right: dict[str, list[bool]] = {name: [] for name in ways}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(faces[:5])  # the first answers are slow
    for turn in _turns(list(zip(faces, labels, strict=True))):
        crops, said = [face for face, _ in turn], [label for _, label in turn]
        for name, way in ways.items():
            seconds, scores = way(crops)
            took[name].append(1000 * seconds / len(crops))
            right[name] += [classes[name][best] == label for best, label in zip(scores.argmax(1), said, strict=True)]
    return [Result(name, np.array(right[name]), float(np.median(took[name]))) for name in ways]


def _turns(pairs: list[tuple[Pictures, str]]) -> Iterator[list[tuple[Pictures, str]]]:
    return (pairs[at : at + TURN] for at in range(0, len(pairs), TURN))


def told(results: list[Result], ours: str) -> str:
    """A Markdown table of all, each against one of ours by the exact McNemar test."""
    from fer_core.evaluate.metrics import wilson_interval
    from fer_core.evaluate.significance import mcnemar

    mine = next(result for result in results if result.name == ours)
    lines = [
        f"| | n | top-1 [95 % interval] | one face | {ours} less it | p | times as fast |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for result in results:
        n = len(result.right)
        rate = percent(result.accuracy, wilson_interval(int(result.right.sum()), n))
        line = f"| {result.name} | {n:,} | {rate} | {result.ms:.2f} ms |"
        if result is mine:
            lines.append(f"{line} | | |")
            continue
        test = mcnemar(mine.right, result.right)
        gain, faster = 100 * (mine.accuracy - result.accuracy), result.ms / mine.ms
        p = f"{test.p:.3f}" if test.p >= 0.001 else "< 0.001"
        lines.append(f"{line} {gain:+.1f} points | {p} | {faster:.1f} |")
    return "\n".join(lines)


def chosen(samples: SampleTable, split: str, faces: int) -> tuple[list[Pictures], list[str]]:
    """Crops and labels of the split that have one of FER2013's classes; evenly spread ones, where fewer are wanted.

    Raises:
        DataError: there are none.
    """
    from fer_core.labels import FER7

    table = samples.split(split)
    names = table.classes.names
    labels = [names[i] if i >= 0 else None for i in table.label_indices()]
    known = [i for i, label in enumerate(labels) if label in FER7.names]
    if not known:
        raise DataError(f"The {split} split has no face of the classes {', '.join(FER7.names)}.")
    if 0 < faces < len(known):
        known = [known[i] for i in np.linspace(0, len(known) - 1, faces).round().astype(int)]
    crops = table.faces()
    return [crops[i] for i in known], [str(labels[i]) for i in known]


def truth_of(cards: Sequence[Card]) -> LabelSource:
    """The labels that all of ours learnt, by which everyone is measured.

    Raises:
        DataError: ours learnt different ones, under which their figures cannot be compared.
    """
    first = cards[0]
    for card in cards[1:]:
        if card.label_source != first.label_source:
            raise DataError(
                f"{first.name} learnt the labels {first.label_source!r} and {card.name} {card.label_source!r}; "
                "measure them one after the other."
            )
    return first.label_source


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    checkpoints: Annotated[list[str] | None, typer.Argument(help="Ours; the first is compared with all.")] = None,
    votes: Annotated[Path | None, typer.Option("--labels", help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    split: Annotated[str, typer.Option(help="Which split.")] = "validation",
    faces: Annotated[int, typer.Option(min=0, help="How many, evenly spread; 0: all.")] = 0,
) -> None:
    """Measures, and prints one table."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # of the rival too, which is started by this process
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.labelling import under_labels
    from fer_core.data.opening import open_samples
    from fer_core.labels import FER7
    from fer_core.predict import Predictor

    opened = [open_checkpoint(name) for name in checkpoints or ["compact"]]
    truth = truth_of([checkpoint.card for checkpoint in opened])
    crops, labels = chosen(under_labels(open_samples(data, votes), truth, opened[0].card.classes), split, faces)
    python = installed()
    ways: dict[str, Any] = {}
    classes: dict[str, tuple[str, ...]] = {}
    with ExitStack() as open_ones:
        for checkpoint in opened:
            for precision in ("int8", "float32") if "int8" in checkpoint.card.exports else ("float32",):
                title = f"{checkpoint.card.name}, {precision}"
                ways[title] = Ours(Predictor(checkpoint, precision))
                classes[title] = checkpoint.card.classes
        ours = next(iter(ways))
        for title, way in WAYS.items():
            ways[title] = open_ones.enter_context(started(python, way))
            classes[title] = FER7.names
        print(f"Labels: {truth}.\n\n{told(measure(ways, classes, crops, labels), ours)}")


if __name__ == "__main__":
    app()

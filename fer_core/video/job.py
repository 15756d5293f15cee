"""What is done with a video or a folder, and the files that come of it."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_core.errors import DataError
from fer_core.faces import Detector
from fer_core.live.session import LiveOptions
from fer_core.predict import Predictor
from fer_core.video.reading import DEFAULT_LIMITS, VideoLimits

FACES, ANNOTATED, PICTURES, SUMMARY = "faces.csv", "annotated.webm", "pictures.csv", "summary.json"

Progress = Callable[[int, int], None]
Row = Sequence[Any]


@dataclass(frozen=True)
class Job:
    """What is asked.

    Attributes:
        predictor: the model.
        detector: finds the faces.
        options: smoothing over time and the threshold below which a face is `unsure`; `mirror` and `bars` are for the
            annotated video.
        annotated: whether the video, or the pictures, are written again with boxes.
        limits: sizes to refuse.
        progress: called with (frames done, frames in all).
    """

    predictor: Predictor
    detector: Detector
    options: LiveOptions = field(default_factory=lambda: LiveOptions(mirror=False))
    annotated: bool = True
    limits: VideoLimits = DEFAULT_LIMITS
    progress: Progress = lambda _done, _total: None

    def about(self, source: Path, kind: str) -> dict[str, Any]:
        """The beginning of a summary: what was asked, of what."""
        card = self.predictor.card
        return {
            "kind": kind,
            "source": source.name,
            "model": card.name,
            "model_hash": self.predictor.model_hash,
            "temperature": card.temperature,
            "classes": list(self.predictor.classes.names),
            "detector": self.detector.name,
            "threshold": self.options.threshold,
        }


def made_folder(out: Path) -> Path:
    """The folder for the results, made where it is not there.

    Raises:
        DataError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The folder {out} cannot be made ({error.strerror}); choose another one.") from error
    return out


@contextmanager
def table(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Row], None]]:
    """A CSV file that grows row by row; what is called with a row writes it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield writer.writerow


@contextmanager
def summarised(out: Path, summary: dict[str, Any]) -> Iterator[None]:
    """Writes the summary at the end, also where the work was stopped in the middle: `complete` tells the two apart.

    Where nothing was read, nothing is written.
    """
    (out / SUMMARY).unlink(missing_ok=True)
    began = time.perf_counter()
    summary["complete"] = False
    try:
        yield
        summary["complete"] = True
    finally:
        if summary["frames"]:
            summary["took_s"] = round(time.perf_counter() - began, 2)
            (out / SUMMARY).write_text(json.dumps(summary, indent=1), encoding="utf-8")


def read_summary(folder: Path) -> Mapping[str, Any]:
    """The summary of a folder.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        return dict(json.loads((folder / SUMMARY).read_bytes()))
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no results; analyse a video into it first.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / SUMMARY} is damaged; analyse the video again.") from error


def box_of(face: Any) -> list[float]:
    """x, y, width and height of a face in pixels, to a tenth."""
    return [round(float(side), 1) for side in face.box]


def rounded(probabilities: Any) -> list[float]:
    """Probabilities to six places, as numbers of Python."""
    return [round(float(p), 6) for p in probabilities]

"""A folder of pictures, or a ZIP or TAR archive of them: every face of each."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_core.data.intake import ArchiveLimits, unpack
from fer_core.data.intake.limits import PICTURES as SUFFIXES
from fer_core.errors import DataError, ImageError
from fer_core.images import read_image
from fer_core.live.drawing import LiveFace, draw
from fer_core.live.record import NO_FACE
from fer_core.live.smoothing import read
from fer_core.plots.boxes import fit_within
from fer_core.predict import FacePrediction, predict_image
from fer_core.video.containers import SUFFIXES as VIDEOS
from fer_core.video.job import FACES, PICTURES, Job, box_of, made_folder, rounded, summarised, table

ANNOTATED_PICTURES = "annotated"
SHOWN_PX = 1280
_ARCHIVE = ArchiveLimits(max_bytes=4_000_000_000, max_file_bytes=20 * 2**20, max_files=200_000)


def columns_of(classes: tuple[str, ...]) -> list[str]:
    """Columns of `faces.csv` for pictures."""
    place = ("file", "face", "x", "y", "width", "height", "score", "label", "probability", "shown")
    return [*place, *(f"p_{name}" for name in classes)]


def analyse_pictures(source: Path, out: Path, job: Job) -> dict[str, Any]:
    """Analyses every picture of a folder and of the folders in it, by name; one picture is held at a time.

    Args:
        source: a folder, or an archive, which is unpacked for the time being.
        out: folder outside the source that is given `faces.csv`, `pictures.csv`, `annotated/` where asked for, and
            `summary.json`. `faces.csv` has a row per face: file, number of the face from 1 (the largest), box in
            pixels of the upright picture, the detector's score, most probable class and its calibrated probability,
            that class or `unsure` below the threshold, and all probabilities, which sum to 1. `pictures.csv` has a row
            per picture: file, faces, the drawn picture, or why it cannot be read.
        job: the models and how. `job.options.window_s` has no meaning here.

    Returns:
        The summary: `source`, `model`, `classes`, `frames` (pictures looked at), `faces`, `frames_without_face`,
        `unreadable`, `notes` (sentences) and more.

    Raises:
        DataError: no such folder, no picture in it, an archive that cannot be unpacked, or `out` lies in the source.
    """
    with _folder(source) as folder:
        files, others = _listed(folder)
        if not files:
            raise DataError(f"{source.name} holds no picture ({_told(others)}); give a folder of JPEG or PNG files.")
        if out.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"The results would lie among the pictures of {source}; choose another place for --out.")
        shutil.rmtree(made_folder(out) / ANNOTATED_PICTURES, ignore_errors=True)
        summary: dict[str, Any] = {
            **job.about(source, "pictures"),
            "frames": 0, "faces": 0, "frames_without_face": 0, "unreadable": 0, "notes": [],
        }  # fmt: skip
        if others:
            summary["notes"].append(f"Left out as no pictures: {_told(others)}.")
        with summarised(out, summary), contextlib.ExitStack() as opened:
            faces = opened.enter_context(table(out / FACES, columns_of(job.predictor.classes.names)))
            pictures = opened.enter_context(table(out / PICTURES, ("file", "faces", "drawn", "problem")))
            for number, file in enumerate(files, 1):
                name = file.relative_to(folder).as_posix()
                found, row = _look(file, name, out, job, number)
                for place, face in enumerate(found, 1):
                    faces(_row(name, place, face, job))
                pictures(row)
                summary["frames"] += 1
                summary["faces"] += len(found)
                summary["unreadable"] += bool(row[3])
                summary["frames_without_face"] += not found and not row[3]
                job.progress(number, len(files))
    return summary


@contextlib.contextmanager
def _folder(source: Path) -> Iterator[Path]:
    """The folder with the pictures; that of an archive is gone at the end."""
    if source.is_dir():
        yield source
    elif source.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            yield unpack(source, Path(scratch) / "pictures", _ARCHIVE).folder
    else:
        raise DataError(f"There is no folder and no archive {source}; check the path.")


def _listed(folder: Path) -> tuple[list[Path], Counter[str]]:
    """Pictures by name, and how many of what else. Links are not followed: they may lead in a circle, or out."""
    files, others = [], Counter[str]()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            suffix = path.suffix.lower()
            if name.startswith(".") or path.is_symlink():
                continue
            if suffix in SUFFIXES:
                files.append(path)
            else:
                others["video" if suffix in VIDEOS else suffix or "without suffix"] += 1
    return files, others


def _told(others: Counter[str]) -> str:
    return ", ".join(f"{n:,} x {kind}" for kind, n in others.most_common(4)) or "it is empty"


def _look(file: Path, name: str, out: Path, job: Job, number: int) -> tuple[list[FacePrediction], list[Any]]:
    """The faces of one picture, and its row of `pictures.csv`."""
    try:
        image = read_image(file, name=name)
    except ImageError as error:
        return [], [name, "", "", str(error)]
    found = predict_image(image, job.predictor, job.detector)
    drawn = ""
    if job.annotated:
        drawn = f"{ANNOTATED_PICTURES}/{number:06}.jpg"
        (out / ANNOTATED_PICTURES).mkdir(exist_ok=True)
        boxed = _drawn(image, found, job)
        (out / drawn).write_bytes(cv2.imencode(".jpg", boxed[..., ::-1])[1].tobytes())
    return found, [name, len(found), drawn, ""]


def _drawn(image: NDArray[np.uint8], found: list[FacePrediction], job: Job) -> NDArray[np.uint8]:
    """The picture, at most 1,280 pixels a side, with its faces numbered from the largest."""
    shown, factor = fit_within(image, SHOWN_PX)
    faces = [
        LiveFace(place, one.face.scaled(factor, factor), one.classes, one.probabilities, _reading(one, job))
        for place, one in enumerate(found, 1)
    ]
    return draw(shown, faces, mirror=False, bars=job.options.bars, note="" if faces else NO_FACE)


def _reading(face: FacePrediction, job: Job) -> Any:
    return read(face.probabilities, face.classes.names, job.options.threshold)


def _row(name: str, place: int, face: FacePrediction, job: Job) -> list[Any]:
    best = round(float(face.probabilities.max()), 6)
    said = [round(face.face.score, 4), face.label, best, _reading(face, job).label]
    return [name, place, *box_of(face.face), *said, *rounded(face.probabilities)]

"""A video from its first frame to its last: faces followed, classified, smoothed, drawn."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from fer_core.errors import ModelError
from fer_core.live.session import LiveSession
from fer_core.video.job import ANNOTATED, FACES, Job, Row, box_of, made_folder, rounded, summarised, table
from fer_core.video.reading import Film, Shot
from fer_core.video.writing import WebM


class _Clock:
    """The time of the frame, so that looks are paced by the film and not by the machine."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def columns_of(classes: tuple[str, ...]) -> list[str]:
    """Columns of `faces.csv` for a video."""
    return [
        *("frame", "time_s", "track", "x", "y", "width", "height", "label", "probability", "shown"),
        *(f"p_{name}" for name in classes),
        *(f"smoothed_{name}" for name in classes),
    ]


def analyse_video(path: Path, out: Path, job: Job) -> dict[str, Any]:
    """Analyses a video; one frame is held at a time, however long it is.

    Faces are looked for ten times a second of the film and followed in between (see `fer_core.live.tracking`); each is
    classified in every frame, unless the last look did not find it.

    Args:
        path: the video.
        out: folder that is given `faces.csv`, `annotated.webm` where asked for, and `summary.json`. `faces.csv` has a
            row per face and frame: number of the frame from 0, seconds from the first one, number of the track from 1,
            box in pixels of the upright frame, most probable class and its calibrated probability, what the smoothed
            probabilities say (a class, or `unsure`), and both kinds of probabilities, each summing to 1.
        job: the models and how.

    Returns:
        The summary: `source`, `model`, `classes`, `frames`, `faces` (rows), `frames_without_face`, `tracks` (how many),
        `duration_s`, `width`, `height`, `rate`, `notes` (sentences) and more.

    Raises:
        VideoError: as `Film`.
        ModelError: the classifier or the detector fails.
        DataError: the folder cannot be made.
    """
    film = Film(path, job.limits)
    made_folder(out)
    clock = _Clock()
    session = LiveSession(job.predictor, job.detector, job.options, every_frame=True, clock=clock)
    about = film.about
    summary: dict[str, Any] = {
        **job.about(path, "video"),
        "window_s": job.options.window_s, "width": 0, "height": 0, "rate": about.rate, "codec": about.codec,
        "frames": 0, "faces": 0, "frames_without_face": 0, "tracks": 0, "duration_s": 0.0, "notes": [],
    }  # fmt: skip
    (out / ANNOTATED).unlink(missing_ok=True)
    with summarised(out, summary), contextlib.ExitStack() as opened:
        write = opened.enter_context(table(out / FACES, columns_of(job.predictor.classes.names)))
        video = opened.enter_context(WebM(out / ANNOTATED, about.rate)) if job.annotated else None
        opened.callback(lambda: summary["notes"].extend(_notes(film, summary)))
        for shot in film.frames():
            clock.now_s = shot.at_s
            drawn = session.process(shot.pixels, shot.at_s)
            for told in session.faults.take():
                raise ModelError(f"At {shot.at_s:.2f} s: {told}. Choose another model or detector.")
            if video is not None:
                video.add(drawn, shot.at_s)
            _note(summary, shot, _rows(summary["frames"], shot, session), write)
            job.progress(summary["frames"], max(about.frames, summary["frames"]))
    return summary


def _rows(number: int, shot: Shot, session: LiveSession) -> list[Row]:
    """A row for each face that was classified in this very frame."""
    rows: list[Row] = []
    for face in session.faces:
        if face.latest is None or face.probabilities is None or face.reading is None or face.latest[0] != shot.at_s:
            continue
        raw = face.latest[1]
        label = face.classes.names[int(raw.argmax())]
        said = [label, round(float(raw.max()), 6), face.reading.label]
        place = [number, round(shot.at_s, 4), face.track, *box_of(face.face)]
        rows.append([*place, *said, *rounded(raw), *rounded(face.probabilities)])
    return rows


def _note(summary: dict[str, Any], shot: Shot, rows: list[Row], write: Any) -> None:
    """Writes the rows of a frame, and counts."""
    for row in rows:
        write(row)
        summary["tracks"] = max(summary["tracks"], row[2])
    if not summary["frames"]:
        summary["height"], summary["width"] = shot.pixels.shape[:2]
    summary["frames"] += 1
    summary["faces"] += len(rows)
    summary["frames_without_face"] += not rows
    summary["duration_s"] = round(shot.at_s + 1 / summary["rate"], 3)


def _notes(film: Film, summary: dict[str, Any]) -> list[str]:
    """What a reader should know of the file, in sentences."""
    notes = []
    if summary["frames"] and not summary["faces"]:
        notes.append("No face was found in any frame.")
    if film.damaged:
        notes.append(f"{film.damaged:,} damaged parts of the video could not be decoded and were left out.")
    if film.changed:
        notes.append(f"{film.changed:,} frames have another size than the first one.")
    stated, seen = film.about.stated_s, film.about.duration_s
    if stated is not None and stated > 1.05 * seen + 1:
        notes.append(f"The video states {stated:.1f} s, but ends after {seen:.1f} s; it may be cut short.")
    return notes

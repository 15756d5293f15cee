"""A sample's sheet: the picture large, what is known of it, its twins, and what every checkpoint says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import streamlit as st

from fer_core.checkpoint import list_checkpoints
from fer_core.data.auditing import load_report
from fer_core.data.table import SampleTable
from fer_core.data.thumbnails import fitted, thumbnails
from fer_core.labels import ClassSet
from ui.datasets.shown import Shown
from ui.gallery import Tile, gallery
from ui.page import sentences

_LARGE_PX = 480
_MOST_TWINS = 12


@st.dialog("Sample", width="large")
def show_sheet(shown: Shown, row: int) -> None:
    """Opens the sheet of a row over the page."""
    with sentences():
        samples = SampleTable.from_saved(shown.data_set.cells([row]), shown.data_set.folder)
        known = samples.table.to_pylist()[0]
        version = _in_version(shown, row)
        left, right = st.columns([2, 3], gap="large")
        with left:
            _show_picture(samples, known)
        with right:
            _show_facts(known, version)
            _show_votes(shown, samples)
        _show_predictions(shown, row, version.get("label"))
        _show_twins(shown, row, known)


def _in_version(shown: Shown, row: int) -> dict[str, Any]:
    """Label and split as they are in the shown version; empty where the version leaves the sample out."""
    file = shown.data_set.table_file(shown.version.number)
    found = pq.read_table(file, filters=[("row", "=", row)]).to_pylist()
    return found[0] if found else {}


def _show_picture(samples: SampleTable, known: dict[str, Any]) -> None:
    picture = fitted(samples.decode(0), _LARGE_PX)
    times = max(1, _LARGE_PX // max(picture.shape[:2]))
    st.image(np.repeat(np.repeat(picture, times, 0), times, 1), width="stretch", alt=f"Sample {known['sample_id']}")
    st.caption(f"{known['width']} x {known['height']} pixels, enlarged without smoothing")


def _show_facts(known: dict[str, Any], version: dict[str, Any]) -> None:
    lines = {
        "Sample": known["sample_id"],
        "Label": version.get("label") or ("unlabelled" if version else "left out of this version"),
        "Split": version.get("split", "none"),
        "Subject": known["subject_id"],
        "Pose": known["pose"],
        "File": known["path"],
        "Face in it": _face(known),
        "Source": known["source"],
        "Copy of": known["parent_id"],
        "Brightness": f"{known['brightness']:.0f} of 255",
        "Contrast": f"{known['contrast']:.0f}",
        "Sharpness": f"{known['sharpness']:.0f}",
    }
    if version and version["label"] != known["label"]:
        lines["Label at import"] = known["label"]
    table = [{"known": name, "value": str(value)} for name, value in lines.items() if value is not None]
    st.dataframe(table, hide_index=True, width="stretch", height="content")


def _face(known: dict[str, Any]) -> str | None:
    """Where in the file the face was, for one that was cut out at import."""
    if known["face_box"] is None:
        return None
    x, y, width, height = known["face_box"]
    return f"{width:.0f} x {height:.0f} pixels at ({x:.0f}, {y:.0f}), score {known['face_score']:.2f}"


def _show_votes(shown: Shown, samples: SampleTable) -> None:
    if samples.table["votes"][0].as_py() is None:
        return
    from fer_core.plots.votes import vote_bars

    votes = samples.vote_matrix(ClassSet("votes", samples.vote_classes))[0]
    by_class = dict(zip(samples.vote_classes, votes.tolist(), strict=True))
    said = ", ".join(f"{name} {count:.0f}" for name, count in by_class.items() if count)
    st.markdown(f"**Votes of {votes.sum():.0f} annotators**")
    st.plotly_chart(
        vote_bars(by_class, shown.classes), key="votes", config={"displayModeBar": False}, alt=f"Votes: {said}"
    )  # fmt: skip


def _show_predictions(shown: Shown, row: int, label: str | None) -> None:
    st.markdown("**What the checkpoints say**")
    names = {c.card.weights_sha256[:16]: c.folder.name for c in list_checkpoints()}
    said = []
    for file in sorted((shown.data_set.folder / "answers").glob("*.parquet")):
        for found in pq.read_table(file, filters=[("row", "=", row)]).to_pylist():
            by_class = dict(zip(found["classes"], found["probabilities"], strict=True))
            said.append(
                {
                    "checkpoint": names.get(file.stem, file.stem),
                    "says": found["predicted"],
                    "which is": "right" if found["predicted"] == label else "wrong",
                    **{name: 100 * by_class[name] for name in found["classes"]},
                }
            )
    if not said:
        st.caption("None has classified this data set yet; do it under “Prediction” beside the gallery.")
        return
    columns = {name: st.column_config.NumberColumn(format="%.0f %%") for name in said[0] if name in shown.classes}
    st.dataframe(said, hide_index=True, width="stretch", column_config=columns)


def _show_twins(shown: Shown, row: int, known: dict[str, Any]) -> None:
    """Equal pixels anywhere in the data set, and what the last audit found nearly equal."""
    hashes = shown.data_set.imported["sha256"]
    rows = set(np.flatnonzero(np.asarray(pc.equal(hashes, pa.scalar(known["sha256"])))).tolist())
    exact = sorted(rows - {row})
    report = load_report(shown.data_set, shown.version.number)
    near: list[str] = []
    for finding in report.findings if report else ():
        if finding.check.startswith("near-twins"):
            near += [i for group in finding.groups if known["sample_id"] in group for i in group]
    twins = [*exact, *sorted(set(shown.data_set.rows_of(near)) - rows - {row})][:_MOST_TWINS]
    st.markdown("**Twins**")
    if not twins:
        searched = "" if report else "; near ones are found by an audit"
        st.caption(f"No other sample has the same pixels{searched}.")
        return
    cells = shown.data_set.cells(twins).select(["sample_id", "label", "split"]).to_pylist()
    tiles = [
        Tile(
            key=twin,
            src=picture,
            label=cell["label"] or "unlabelled",
            colour=shown.colour(cell["label"]),
            note=f"{'same pixels' if twin in rows else 'nearly the same'}, {cell['split']}",
            alt=f"Twin {cell['sample_id']}, {cell['label']}, {cell['split']}",
        )
        for twin, picture, cell in zip(twins, thumbnails(shown.data_set, twins), cells, strict=True)
    ]
    gallery(tiles, "twins", side=96)

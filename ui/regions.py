"""The data-set view of Saliency: which regions decide each class, over a whole split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.checkpoint import Checkpoint
from fer_core.data.query import Filters
from fer_core.data.thumbnails import data_uri, thumbnails
from fer_core.explain import get_explainer, get_method, overlay
from fer_core.explain.members import layer_title, member_note
from fer_core.faces.yunet import is_ready as yunet_is_ready
from fer_core.regions import REGIONS
from fer_core.regions.kept import Kept, by_deviance, by_share, extremes, kept_reports
from fer_core.regions.resolution import together
from fer_core.regions.sources import SOURCE_NAMES
from ui.datasets.shown import Shown, open_shown
from ui.gallery import Tile, gallery
from ui.page import sentences
from ui.region_maps import cheap, map_pictures
from ui.tasks import running, show_tasks, start_task
from ui.wording import plural

_FACES = 12
_FILLS = {"blur": "blurred", "mean": "filled with mean grey", "swap": "swapped with another class's"}
_WHOSE = {"predicted": "predicted class", "label": "label"}
_POINTS = {"network": "landmark network", "yunet": "YuNet", "mean": "mean face alone"}
_VALUES = {"density": "an even map", "prior_density": "a map of the centre"}


def show_regions(checkpoint: Checkpoint, name: str) -> None:
    """The view.

    Raises:
        DataError: the data set, or a report on it, is damaged.
    """
    shown = open_shown(name, checkpoint.card)
    show_tasks(_subject(name))
    _ask(checkpoint, shown)
    reports = kept_reports(name)
    if not reports:
        if not running(_subject(name)):
            st.info("Nothing has been measured on this data set yet. Choose above and press **Measure**.")
        return
    newest = reports[0].folder / "report.json"
    key = f"report {newest} {newest.stat().st_mtime_ns}"  # a new report is shown, whichever was picked before
    place = st.selectbox("Report", range(len(reports)), format_func=lambda i: reports[i].title, key=key)
    _show(reports[place], shown)


def _subject(name: str) -> str:
    return f"regions {name}"


def _ask(checkpoint: Checkpoint, shown: Shown) -> None:
    splits = [row["split"] for row in shown.catalogue().counts(Filters(), "split")]
    with st.form("measure", border=True):
        first, second, third = st.columns(3)
        fourth, fifth = st.columns([1, 2])
        at_first = splits.index("validation") if "validation" in splits else 0
        split = first.selectbox("Split", splits, index=at_first)
        names = [method.name for method in get_explainer(checkpoint.folder).methods()]
        method = second.selectbox("Method", names, format_func=lambda one: get_method(one).title)
        layer = third.selectbox(
            "Layer", ("last", "fine"), help="`fine`: the deepest whose cells fit into every region."
        )
        points = fourth.selectbox(
            "Points", _points(), format_func=_POINTS.__getitem__, help="What tells where regions lie in a face."
        )
        fills = fifth.multiselect("Take regions away", list(_FILLS), default=["blur"], format_func=_FILLS.__getitem__)
        if st.form_submit_button(
            "Measure", icon=":material/straighten:", disabled=running(_subject(shown.data_set.name))
        ):
            arguments = ["regions", "--checkpoint", str(checkpoint.folder), "--data", shown.data_set.name, "--keep"]
            arguments += ["--split", str(split), "--method", str(method), "--points", str(points)]
            arguments += ["--layer", "fine"] if layer == "fine" else []
            arguments += [word for fill in fills for word in ("--intervene", fill)]
            start_task(arguments, f"Regions of {checkpoint.card.name} on {split}", _subject(shown.data_set.name))


def _points() -> list[str]:
    """Sources of points that can be had without a download."""
    return [name for name in SOURCE_NAMES if name != "yunet" or yunet_is_ready()]


def _show(report: Kept, shown: Shown) -> None:
    told, faces = report.told, report.faces()
    used = ", ".join(f"{name} {share:.1%}".replace("%", " %") for name, share in told["sources"].items())
    rows, columns = told["map_hw"]
    st.caption(
        f"{told['n']:,} faces, maps of {rows} x {columns} cells for the {_WHOSE[told.get('explained', 'predicted')]}, "
        f"regions from {used}; {told['without_evidence']:,} maps without evidence."
    )
    if told["refused"]:
        finer = f" The layer {layer_title(told['finer_layer'])} would be fine enough." if told["finer_layer"] else ""
        st.warning(together(told["refused"].values()) + finer, icon=":material/grid_view:")
    note = "" if get_method(told["method"]).place else member_note(told["layer"])
    if note:
        st.info(note, icon=":material/group_work:")
    label, region = _heat_map(told)
    _interventions(told, label)
    _units(told)
    st.subheader("Mean maps")
    _mean_maps(faces, shown)
    st.subheader(f"Faces behind {label} and {region}")
    _gallery(faces, by_share(faces, label, region)[:_FACES].tolist(), region, shown, "behind")
    typical, deviant = extremes(by_deviance(faces, label).tolist(), _FACES)
    st.subheader(f"Most typical and most deviant maps of {label}")
    over = st.toggle("Maps over the faces", value=cheap(report), key="maps over faces", help="For the predicted class.")
    for key, caption, rows in (
        ("typical", "Typical: shares over the regions nearest to the class's mean.", typical),
        ("deviant", "Deviant: farthest from it.", deviant),
    ):
        st.caption(caption)
        pictures = None
        with sentences():
            pictures = map_pictures(report, faces, rows, shown) if over and rows else None
        _gallery(faces, rows, region, shown, key, pictures)
    name = f"regions-{report.folder.name}.json"
    st.download_button(
        "Report as JSON", json.dumps(dict(told), indent=1), name, "application/json", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip


def _heat_map(told: Mapping[str, Any]) -> tuple[str, str]:
    """Draws it; class and region of the cell that was clicked, the first one before."""
    from fer_core.plots.regions import class_order, density_heatmap

    rows = [row for row in told["regions"] if row["label"] is not None and row["outcome"] == "all" and row["n"]]
    value = st.segmented_control(
        "Times as much as",
        list(_VALUES),
        default="density",
        required=True,
        format_func=_VALUES.__getitem__,
        key="compared",
    )
    event = st.plotly_chart(
        density_heatmap(rows, str(value)), key="regions", on_select="rerun", selection_mode="points",
        config={"displaylogo": False},
        alt=f"How many times as much of the maps as of {_VALUES[str(value)]} lies in each face region, by class",
    )  # fmt: skip
    st.caption(
        "How much of the maps lies in a region, compared with its area or with a map of the centre; in brackets where "
        "the map is too coarse to tell. Click a cell for the faces behind it. A map shows where evidence lay according "
        "to a method; what drives the answer is told below, by taking regions away."
    )
    points = event.get("selection", {}).get("points", [])
    label, region = class_order([row["label"] for row in rows])[0], "mouth"
    if points and points[0].get("customdata"):
        label, region = map(str, points[0]["customdata"][:2])
    _intervals([row for row in rows if row["label"] == label])
    _outcomes([row for row in told["regions"] if (row["label"], row["region"]) == (label, region) and row["n"]])
    return label, region


def _figures(row: Mapping[str, Any]) -> dict[str, str]:
    """By column what a table says of one region, in brackets where the map is too coarse for it, as in the chart."""
    from fer_core.plots.regions import with_interval

    columns = {"share of the map": "share", **{f"times {told}": name for name, told in _VALUES.items()}}
    frame = "{}" if row["claim"] else "({})"
    return {title: frame.format(with_interval(row, name)) for title, name in columns.items()}


def _intervals(rows: Sequence[Mapping[str, Any]]) -> None:
    """The figures of one class with their intervals, for whoever cannot point at a cell."""
    st.dataframe([{"region": row["region"], **_figures(row)} for row in rows], hide_index=True)
    label, n = rows[0]["label"].capitalize(), plural(rows[0]["n"], "face")
    st.caption(f"{label}, {n} with a map; in square brackets 95 % intervals over faces.")


def _outcomes(rows: Sequence[Mapping[str, Any]]) -> None:
    """One region of one class, where the model was right, where it was wrong, and in which way."""
    if len(rows) < 2:
        return
    label, region = rows[0]["label"], rows[0]["region"]
    outcomes = [f"taken for {row['predicted']}" if row["predicted"] else row["outcome"] for row in rows]
    table = [
        {f"{label}, {region}": outcome, "n": row["n"], **_figures(row)}
        for outcome, row in zip(outcomes, rows, strict=True)
    ]
    st.dataframe(table, hide_index=True)
    st.caption(f"Whether the maps lie elsewhere where {label} is missed; few faces make wide intervals.")


def _interventions(told: Mapping[str, Any], label: str) -> None:
    from fer_core.plots.regions import effect_dots

    tried = list(dict.fromkeys(row["fill"] for row in told["interventions"]))
    if not tried:
        return
    st.subheader(f"What drives {label}")
    fill = st.segmented_control(
        "The region is", tried, default=tried[0], required=True, format_func=_FILLS.__getitem__, key="fill"
    )
    rows = [r for r in told["interventions"] if r["label"] == label and r["outcome"] == "all" and r["fill"] == fill]
    n = max((row["n"] for row in rows), default=0)
    st.plotly_chart(
        effect_dots(rows), key="effects", config={"displaylogo": False},
        alt=f"How far the logit of {label} falls where a region is taken away, with intervals; n = {n:,}",
    )  # fmt: skip
    st.caption(
        f"{plural(n, 'face')} of {label}. Filled where the region drives the answer: the logit falls, and by more than "
        "with the same shape taken away elsewhere, with an error of 5 % over all eight regions together."
    )


def _units(told: Mapping[str, Any]) -> None:
    st.subheader("Beside action units")
    table = [
        {
            "class": row["label"],
            "action units": " + ".join(map(str, row["units"])) or "none",
            "seen in": ", ".join(row["expected"]) or "nowhere",
            "maps mark": ", ".join(row["marked"]) or "no region",
            "driven by": "not tried" if row["drives"] is None else ", ".join(row["drives"]) or "no region",
        }
        for row in told["action_units"]
    ]
    st.dataframe(table, hide_index=True)


def _mean_maps(faces: Mapping[str, NDArray[Any]], shown: Shown) -> None:
    """Each class's mean map over its mean face, all on one scale."""
    top = float(np.nanmax(faces["mean_maps"], initial=0.0)) or 1.0
    tiles = []
    for place, name in enumerate(faces["classes"].tolist()):
        if np.isnan(faces["mean_faces"][place]).any():
            continue
        grey = faces["mean_faces"][place].round().astype(np.uint8)
        values = np.nan_to_num(faces["mean_maps"][place]) / top
        drawn = overlay(np.repeat(grey[..., None], 3, 2), values)
        n = int((faces["labels"] == place).sum())
        tiles.append(Tile(place, data_uri(drawn), name, shown.colour(name), f"n = {n:,}", f"Mean map of {name}"))
    gallery(tiles, "mean maps", side=140, sharp=False)


def _gallery(
    faces: Mapping[str, NDArray[Any]], chosen: Sequence[int], region: str, shown: Shown, key: str,
    drawn: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Faces, or what is drawn of them, with what the model said and the share of the map in the region."""
    ids = [str(faces["sample_ids"][i]) for i in chosen]
    pictures = drawn or thumbnails(shown.data_set, shown.data_set.rows_of(ids))
    tiles = []
    for i, picture in zip(chosen, pictures, strict=True):
        label, said = (str(faces["classes"][faces[column][i]]) for column in ("labels", "predicted"))
        note = f"{faces['share'][i, REGIONS.index(region)]:.0%} in {region}; said {said}".replace("%", " %")
        tiles.append(Tile(int(i), picture, label, shown.colour(label), note, f"{label}, {note}"))
    gallery(tiles, key, side=96)

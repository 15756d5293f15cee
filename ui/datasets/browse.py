"""Browse: the faces themselves, filtered and sorted; one click opens a sample's sheet."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import streamlit as st

from fer_core.data.query import NUMBERS, OF_ANSWERS, Filters
from fer_core.data.store import DataSet
from fer_core.data.thumbnails import thumbnails
from fer_core.errors import DataError
from ui.datasets.filters import ask_for_filters
from ui.datasets.sheet import show_sheet
from ui.datasets.shown import Shown
from ui.gallery import Tile, gallery
from ui.page import sentences
from ui.wording import plural

PER_PAGE = 60
_ORDERS = {"row": "as imported", "label": "class", "subject_id": "subject", **NUMBERS, "predicted": "predicted class"}


def show_browse(shown: Shown) -> None:
    """The view."""
    left, right = st.columns([1, 3], gap="large")
    with left:
        filters = ask_for_filters(shown)
    with right:
        _show_samples(shown, filters)


def _show_samples(shown: Shown, filters: Filters) -> None:
    catalogue = shown.catalogue()
    count = catalogue.count(filters)
    head, order_at, way_at = st.columns([3, 3, 2], vertical_alignment="bottom")
    head.markdown(f"**{count:,}** of {plural(shown.version.n, 'sample')}")
    possible = [o for o in _ORDERS if catalogue.has_answers or o not in OF_ANSWERS]
    order = order_at.selectbox("Sort by", possible, format_func=_ORDERS.__getitem__, key="order", bind="query-params")
    way = way_at.segmented_control(
        "Order", ("rising", "falling"), default="rising", required=True, key="way", bind="query-params"
    )
    if not count:
        st.info("No sample passes all filters; take one of them back.", icon=":material/filter_alt_off:")
        return
    pages = -(-count // PER_PAGE)
    # A key of its own for each result: another filter begins on the first page again.
    number = _page_number(pages, f"page {hash((repr(filters), order, way))}")
    found = catalogue.page(
        filters, str(order), descending=way == "falling", offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    rows = found["row"].to_pylist()
    clicked = gallery(tiles_of(shown, found.to_pylist()), "faces", sharp=_sharp(found))
    _act_on_selection(shown, filters, count)
    if clicked is not None and clicked in rows:
        show_sheet(shown, clicked)


def _page_number(pages: int, key: str) -> int:
    if pages == 1:
        return 1
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        number = st.pagination(pages, key=key, width="stretch")
    right.caption(f"page {number:,} of {pages:,}")
    return int(number)


def _sharp(found: pa.Table) -> bool:
    """Whether the pictures are so small that smoothing would hide what is in them."""
    widths = found["width"].to_pylist()
    return max(widths, default=0) <= 96


def tiles_of(shown: Shown, found: list[dict[str, Any]]) -> list[Tile]:
    """A tile for each row of a `Catalogue.page`."""
    rows = tuple(row["row"] for row in found)
    pictures = _thumbnails(shown.data_set.folder, shown.data_set.imported_at, rows)
    return [
        Tile(
            key=row["row"],
            src=picture,
            label=row["label"] or "unlabelled",
            colour=shown.colour(row["label"]),
            note=_note(row),
            alt=f"Sample {row['row']}, {row['label'] or 'unlabelled'}, {row['split']}. {_note(row)}",
        )
        for row, picture in zip(found, pictures, strict=True)
    ]


@functools.lru_cache(maxsize=64)
def _thumbnails(folder: Path, _imported_at: int, rows: tuple[int, ...]) -> list[str | None]:
    return thumbnails(DataSet(folder), rows)


def _note(row: dict[str, Any]) -> str:
    """What is said below a face: what the checkpoint says where it was asked, else the split."""
    if row.get("predicted"):
        said = "✓" if row["predicted"] == row["label"] else f"→ {row['predicted']}"
        return f"{said} {row['confidence']:.0%}"
    return str(row["split"])


def _act_on_selection(shown: Shown, filters: Filters, count: int) -> None:
    """Tags the selection, or takes it home as CSV."""
    catalogue = shown.catalogue()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Tag these samples", key="new tag", placeholder="name of the tag", max_chars=60)
        if st.button("Tag", icon=":material/label:", help=f"{count:,} samples; a tag is a filter here and in training"):
            with sentences():
                if not name.strip():
                    raise DataError("Give the tag a name first.")
                shown.data_set.tag(name, catalogue.rows(filters))
                st.toast(f"{plural(count, 'sample')} tagged “{name.strip()}”")
        st.download_button(
            "CSV", lambda: selection_csv(shown, filters), f"{shown.data_set.name}.csv", "text/csv",
            icon=":material/download:", help="The selection with all its columns, without pictures", on_click="ignore",
        )  # fmt: skip


def selection_csv(shown: Shown, filters: Filters) -> bytes:
    """The samples that pass, one line each, in the order of the import."""
    found = shown.catalogue().page(filters, limit=shown.version.n)
    cells = shown.data_set.cells(found["row"])
    for place, name in enumerate(("sample_id", "path", "sha256", "phash")):
        found = found.add_column(place, name, cells[name])
    out = io.BytesIO()
    pyarrow.csv.write_csv(found, out)
    return out.getvalue()

"""A gallery of predicted samples: label, what is said, how surely; a click opens a sample's sheet."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.data.store import DataSet
from fer_core.data.thumbnails import thumbnails
from ui.evaluation.kept import Answered
from ui.gallery import Tile, gallery

PER_PAGE = 24


def show_faces(
    found: Answered,
    places: NDArray[np.int64],
    key: str,
    note: Callable[[int], str] | None = None,
    side: int = 96,
) -> None:
    """Draws samples page by page.

    Args:
        found: what they are samples of.
        places: their places in its predictions, in the order wanted.
        key: of the widget; another one begins on the first page again.
        note: what is said below a face, by its place; None: what the model says and how surely.
        side: least width of a face, pixels of the screen.
    """
    shown = found.where.shown
    pages = -(-len(places) // PER_PAGE)
    number = 1
    if pages > 1:
        number = int(st.pagination(pages, key=f"page of {key}", width="stretch"))
    some = places[(number - 1) * PER_PAGE : number * PER_PAGE]
    rows = tuple(found.rows[some].tolist())
    pictures = _thumbnails(shown.data_set.folder, shown.data_set.imported_at, rows)
    names = found.predictions.classes.names
    say = note or functools.partial(said, found)
    tiles = []
    for place, row, picture in zip(some.tolist(), rows, pictures, strict=True):
        label, words = names[found.predictions.labels[place]], say(place)
        tiles.append(Tile(row, picture, label, shown.colour(label), words, f"Sample {row}, {label}. {words}"))
    widths = np.asarray(found.columns["side"])[some]
    clicked = gallery(tiles, key, side=side, sharp=bool(widths.max(initial=0) <= 96))
    if clicked is not None and clicked in rows:
        from ui.datasets.sheet import show_sheet

        show_sheet(shown, clicked)


def said(found: Answered, place: int) -> str:
    """What the model says of a sample, and how surely: `→ fear 83 %`, or `✓ 97 %`."""
    predictions = found.predictions
    name = predictions.classes.names[predictions.predicted[place]]
    mark = "✓" if predictions.right[place] else f"→ {name}"
    return f"{mark} {predictions.confidence[place]:.0%}"


@functools.lru_cache(maxsize=64)
def _thumbnails(folder: Path, _imported_at: int, rows: tuple[int, ...]) -> list[str | None]:
    return thumbnails(DataSet(folder), rows)

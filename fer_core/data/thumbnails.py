"""Small pictures of samples for galleries, as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
import pyarrow as pa

from fer_core.data.pictures import Picture
from fer_core.data.store import DataSet
from fer_core.data.table import SampleTable
from fer_core.errors import ImageError


def thumbnails(data_set: DataSet, rows: Sequence[int], side: int = 160) -> list[str | None]:
    """One per row, at most `side` pixels a side, never enlarged; None where the picture cannot be read (any more).

    Pictures of up to 96 pixels stay lossless (PNG), larger ones become JPEG.
    """
    cells = data_set.cells(rows)
    table = SampleTable.from_saved(cells.set_column(0, cells.schema.field(0), _numbered(rows)), data_set.folder)
    return [_thumbnail(table, place, side) for place in range(len(rows))]


def _numbered(rows: Sequence[int]) -> pa.Array:
    """Ids that are unique even where a row is asked for twice."""
    return pa.array([f"{place}:{row}" for place, row in enumerate(rows)], pa.string())


def _thumbnail(table: SampleTable, place: int, side: int) -> str | None:
    try:
        return data_uri(fitted(table.decode(place), side))
    except ImageError:
        return None


def fitted(picture: Picture, side: int) -> Picture:
    """The picture at most `side` pixels a side, its proportions kept."""
    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    width, height = (max(1, round(n * factor)) for n in (picture.shape[1], picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def data_uri(picture: Picture) -> str:
    """The picture, (H, W) grey or (H, W, 3) RGB, within an address."""
    kind = "png" if max(picture.shape[:2]) <= 96 else "jpeg"
    pixels = picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1])
    done, data = cv2.imencode(f".{kind}", pixels)
    if not done:
        raise ImageError(f"A picture of {picture.shape[1]} x {picture.shape[0]} pixels could not be packed as {kind}.")
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"

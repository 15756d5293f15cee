"""The sample table: one row per picture. Readers make it, everything else only reads it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_core.data.pictures import Picture, decode_picture, read_picture, to_grey
from fer_core.data.schema import SCHEMA, SPLITS, canonical_split, check
from fer_core.errors import DataError, ImageError
from fer_core.labels import ClassSet, canonical
from fer_core.preprocess import resized

METADATA_KEY = b"ferscope.sample_table"
_PICTURE_COLUMNS = ("sample_id", "image", "path")


@dataclass(frozen=True)
class SampleTable:
    """Samples with the class order that they are labelled in.

    Attributes:
        table: Arrow table of `SCHEMA`; its metadata holds the class order and travels through Parquet.
        classes: the labels' class set, in order.
        vote_classes: what each number of a row's `votes` counts, canonical names; may hold more than the
            classes (FER+: `unknown` and `nf`). Empty where there are no votes.

    Raises:
        DataError: a column is missing or of another type, an id stands twice, a label is not among the
            classes, a split is unknown, a row has neither path nor picture, or votes do not fit
            `vote_classes`.
    """

    table: pa.Table
    classes: ClassSet
    vote_classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = tuple(canonical(n) for n in self.vote_classes)
        check(self.table, self.classes, names)
        held = {"classes": {"name": self.classes.name, "names": self.classes.names}, "vote_classes": names}
        schema = SCHEMA.with_metadata({METADATA_KEY: json.dumps(held).encode()})
        object.__setattr__(self, "vote_classes", names)
        object.__setattr__(self, "table", self.table.cast(schema))

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], classes: ClassSet, vote_classes: Sequence[str] = ()) -> Self:
        """A table from lists or arrays by column name; columns of `SCHEMA` that are not given are null.

        Raises:
            DataError: as the class; a column that `SCHEMA` does not have, or of another length.
        """
        unknown = sorted(set(columns) - set(SCHEMA.names))
        if unknown:
            raise DataError(f"A sample table has no column {', '.join(unknown)}; it has {', '.join(SCHEMA.names)}.")
        size = len(columns["sample_id"]) if "sample_id" in columns else 0
        arrays = {f.name: columns.get(f.name, pa.nulls(size, f.type)) for f in SCHEMA}
        lengths = {name: len(values) for name, values in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"The columns of a sample table must be equally long, not {lengths}.")
        return cls(pa.table(arrays, schema=SCHEMA), classes, tuple(vote_classes))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def splits(self) -> dict[str, int]:
        """Number of samples of each split that has any, in the order of `SPLITS`."""
        column = self.table["split"]
        counts = {s: int(pc.sum(pc.equal(column, s)).as_py() or 0) for s in SPLITS}
        return {s: n for s, n in counts.items() if n}

    def split(self, name: str) -> SampleTable:
        """The samples of one split, in their order.

        Args:
            name: `train`, `validation`, `test`, or the source's own spelling (`PublicTest`, `val`).

        Raises:
            DataError: an unknown name or a split without samples; the message names the splits there are.
        """
        wanted = canonical_split(name)
        there = self.splits()
        if wanted not in there:
            known = ", ".join(f"{s} ({n:,} samples)" for s, n in there.items()) or "none, the table is empty"
            raise DataError(f"There is no split {name!r} here. Splits with samples: {known}.")
        return dataclasses.replace(self, table=self.table.filter(pc.equal(self.table["split"], wanted)))

    def label_indices(self) -> NDArray[np.int64]:
        """(N,) position of each label in `classes`; -1 where a sample has no label."""
        positions = pc.index_in(self.table["label"], value_set=pa.array(self.classes.names))
        return np.asarray(pc.fill_null(positions, -1), dtype=np.int64)

    def vote_matrix(self, classes: ClassSet) -> NDArray[np.float32]:
        """(N, len(classes)) numbers of votes in the order of `classes`, matched by name.

        Votes for anything that `classes` lacks are left out (for FER7 of FER+: contempt, unknown, nf), so
        that rows need not sum to the number of annotators. A class that nobody could vote for, and a row
        without votes, is zero.
        """
        every = np.zeros((len(self), len(self.vote_classes)), dtype=np.float32)
        there = np.asarray(pc.is_valid(self.table["votes"]), dtype=bool)
        if there.any():
            every[there] = np.asarray(pc.list_flatten(self.table["votes"])).reshape(there.sum(), -1)
        matrix = np.zeros((len(self), len(classes)), dtype=np.float32)
        for to, name in enumerate(classes.names):
            if name in self.vote_classes:
                matrix[:, to] = every[:, self.vote_classes.index(name)]
        return matrix

    def decode(self, row: int) -> Picture:
        """One picture: (H, W) where it is grey, else (H, W, 3) RGB; uint8.

        Raises:
            ImageError: the picture cannot be read (any more); the message names its sample id.
        """
        return _decoded(*(self.table[c][row].as_py() for c in _PICTURE_COLUMNS))

    def faces(self) -> list[Picture]:
        """All pictures in order, each as from `decode`.

        Raises:
            ImageError: as `decode`.
        """
        columns = (self.table[c].to_pylist() for c in _PICTURE_COLUMNS)
        return [_decoded(*cells) for cells in zip(*columns, strict=True)]

    def pixels(self, size: int | None = None) -> Picture:
        """(N, H, W) grey pictures, uint8, for statistics and galleries; a network's input is `Preprocess`'s business.

        Args:
            size: side in pixels that every picture is brought to (`fer_core.preprocess.resized`). None: as they
                are, which needs pictures of one size.

        Returns:
            On no samples (0, size, size), or (0, 0, 0) without a size.

        Raises:
            DataError: no size is given and the pictures differ in theirs.
            ImageError: as `decode`.
        """
        grey = [to_grey(face) for face in self.faces()]
        if size is not None:
            grey = [resized(face, size) for face in grey]
        shapes = {face.shape for face in grey}
        if len(shapes) > 1:
            some = ", ".join(f"{w} x {h}" for h, w in sorted(shapes)[:3])
            raise DataError(f"The pictures have {len(shapes)} different sizes ({some}, ...); give a size in pixels.")
        return np.stack(grey) if grey else np.zeros((0, size or 0, size or 0), dtype=np.uint8)

    def data_hash(self) -> str:
        """SHA-256 (hex) of what was labelled how in which split; order, ids and container do not matter."""
        return labels_hash(self.table)

    def save(self, path: Path) -> None:
        """Writes the table as Parquet, classes included; `load` gives it back."""
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.table, path, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> Self:
        """A table that `save` wrote.

        Raises:
            DataError: no such file, no Parquet, not a sample table, or one that is not valid.
        """
        try:
            table = pq.read_table(path)
        except FileNotFoundError as error:
            raise DataError(f"There is no file {path}.") from error
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is not a readable Parquet file: {error}.") from error
        return cls.from_saved(table, path)

    @classmethod
    def from_saved(cls, table: pa.Table, path: Path) -> Self:
        """A sample table of an Arrow table whose metadata tells its classes; `path` is named in errors.

        Raises:
            DataError: as `load`.
        """
        try:
            held = json.loads(table.schema.metadata[METADATA_KEY])
            classes = ClassSet(held["classes"]["name"], tuple(held["classes"]["names"]))
            votes = tuple(held["vote_classes"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path} is not a saved sample table; import it with read_samples instead.") from error
        return cls(_with_newer_columns(table), classes, votes)


def labels_hash(table: pa.Table) -> str:
    """`SampleTable.data_hash` of a table's columns `sha256`, `label` and `split`."""
    keys = ("sha256", "label", "split")
    cells = pa.table({key: pc.fill_null(table[key], "") for key in keys})
    ordered = cells.take(pc.sort_indices(cells, [(key, "ascending") for key in keys]))
    lines = pc.binary_join_element_wise(*ordered.columns, " ").to_pylist()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _with_newer_columns(table: pa.Table) -> pa.Table:
    """A table of an older version with the columns that `SCHEMA` has gained since, empty."""
    for place, field in enumerate(SCHEMA):
        if field.name not in table.schema.names and field.nullable:
            table = table.add_column(min(place, table.num_columns), field, pa.nulls(table.num_rows, field.type))
    return table


def _decoded(sample_id: str, data: bytes | None, path: str | None) -> Picture:
    try:
        return (
            decode_picture(data, "the picture") if data is not None else read_picture(Path(path or ""), "the picture")
        )
    except ImageError as error:
        place = "" if path is None else f" ({path})"
        raise ImageError(f"Sample {sample_id}{place}: {error}") from error

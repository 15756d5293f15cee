"""The columns of a sample table, what each means, and what makes a table valid."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from fer_core.errors import DataError
from fer_core.labels import ClassSet

SPLITS = ("train", "validation", "test")
_SPLIT_SPELLINGS = {
    "train": ("training", "trainset", "train_set"),
    "validation": ("val", "valid", "publictest", "dev", "validate"),
    "test": ("testing", "privatetest", "testset", "test_set"),
}
_SPLIT_OF = {spelling: name for name, others in _SPLIT_SPELLINGS.items() for spelling in (name, *others)}

# Meaning and unit of each column. `path` or `image` is there in every row.
SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),  # unique; tells where the picture came from
        pa.field("path", pa.string()),  # absolute, of a picture that is decoded when needed
        pa.field("image", pa.binary()),  # the encoded picture itself
        pa.field("label", pa.string()),  # canonical class name; null where unlabelled
        pa.field("votes", pa.list_(pa.float32())),  # number of votes per class, in the order of `vote_classes`
        pa.field("split", pa.string(), nullable=False),  # one of SPLITS
        pa.field("subject_id", pa.string()),  # the person, where the source tells
        pa.field("pose", pa.string()),  # how the head is turned, where the source tells: `straight`, `half left`, ...
        pa.field("parent_id", pa.string()),  # sample_id of the picture that this one is an augmented copy of
        pa.field("width", pa.int32(), nullable=False),  # pixels
        pa.field("height", pa.int32(), nullable=False),  # pixels
        pa.field("source", pa.string(), nullable=False),  # name of the file or folder that was read
        pa.field("sha256", pa.string(), nullable=False),  # of the decoded pixels, see `pictures.pixel_hash`
        pa.field("phash", pa.string()),  # this and the next three as in `looks.Look`
        pa.field("brightness", pa.float32()),
        pa.field("contrast", pa.float32()),
        pa.field("sharpness", pa.float32()),
        # The face that was cut out of `path` at import, as in `cropping`; null where the picture is as it came.
        pa.field("face_box", pa.list_(pa.float32())),  # x, y, width, height in pixels of the picture that came
        pa.field("face_score", pa.float32()),  # the detector's, 0 to 1
    ]
)


def canonical_split(name: str) -> str | None:
    """`train`, `validation` or `test` for any usual spelling, None for a name that means neither.

    >>> canonical_split("PublicTest")
    'validation'
    """
    return _SPLIT_OF.get(name.strip().lower())


def check(table: pa.Table, classes: ClassSet, vote_classes: tuple[str, ...]) -> None:
    """Refuses a table that does not keep to `SCHEMA`, to the classes or to the vote classes.

    Raises:
        DataError: names the column and the value; see `SampleTable`.
    """
    _check_columns(table)
    _check_cells(table, classes)
    _check_votes(table["votes"], vote_classes)


def _check_columns(table: pa.Table) -> None:
    if table.schema.names != SCHEMA.names:
        raise DataError(
            f"A sample table has the columns {', '.join(SCHEMA.names)}; not {', '.join(table.schema.names)}."
        )
    for field in SCHEMA:
        if table.schema.field(field.name).type != field.type:
            given = table.schema.field(field.name).type
            raise DataError(f"The column {field.name} of a sample table is of type {field.type}, not {given}.")
        if not field.nullable and table[field.name].null_count:
            raise DataError(f"The column {field.name} has {table[field.name].null_count} empty cell(s); fill them.")


def _check_cells(table: pa.Table, classes: ClassSet) -> None:
    if pc.count_distinct(table["sample_id"]).as_py() != table.num_rows:
        counts = pc.value_counts(table["sample_id"].combine_chunks()).to_pylist()
        doubled = next(c for c in counts if c["counts"] > 1)
        raise DataError(f"The sample id {doubled['values']!r} stands {doubled['counts']} times; ids must be unique.")
    strangers = set(pc.unique(table["label"]).to_pylist()) - {None, *classes.names}
    if strangers:
        raise DataError(
            f"The label(s) {', '.join(sorted(strangers))} are not among the classes {', '.join(classes.names)}."
        )
    splits = set(pc.unique(table["split"]).to_pylist()) - set(SPLITS)
    if splits:
        raise DataError(f"Unknown split(s) {', '.join(sorted(splits))}; a split is one of {', '.join(SPLITS)}.")
    bare = pc.sum(pc.and_(pc.is_null(table["path"]), pc.is_null(table["image"]))).as_py()
    if bare:
        raise DataError(f"{bare} sample(s) have neither a path nor a picture; give one of the two.")


def _check_votes(votes: pa.ChunkedArray, vote_classes: tuple[str, ...]) -> None:
    if len(set(vote_classes)) != len(vote_classes):
        raise DataError(f"The vote classes {', '.join(vote_classes)} name one class more than once.")
    lengths = set(pc.unique(pc.list_value_length(votes)).to_pylist()) - {None}
    if lengths - {len(vote_classes)}:
        some = min(lengths - {len(vote_classes)})
        raise DataError(f"A row has {some} votes, but there are {len(vote_classes)} vote classes; they must be equal.")

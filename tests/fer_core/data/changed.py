"""Sample tables with other cells."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fer_core.data import SampleTable


def with_column(
    samples: SampleTable, name: str, values: list[Any], vote_classes: tuple[str, ...] | None = None
) -> SampleTable:
    """The same samples with other cells in one column, and with other vote classes where they are given."""
    field = samples.table.schema.field(name)
    place = samples.table.schema.get_field_index(name)
    table = samples.table.set_column(place, field, pa.array(values, field.type))
    return SampleTable(table, samples.classes, samples.vote_classes if vote_classes is None else vote_classes)

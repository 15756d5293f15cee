"""What is held at once does not grow with the number of faces."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from fer_core.data import SampleTable
from fer_core.explain import Explainer
from fer_core.regions import MeanFace
from fer_core.regions.measure import attribute


def peak_bytes(explainer: Explainer, samples: SampleTable) -> int:
    tracemalloc.start()
    attribute(explainer, samples, sources=(MeanFace(),))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def repeated(samples: SampleTable, times: int) -> SampleTable:
    table = pa.concat_tables([samples.table] * times)
    ids = pa.array([str(i) for i in range(len(table))], table.schema.field("sample_id").type)
    return SampleTable(table.set_column(0, table.schema.field("sample_id"), ids), samples.classes)


def test_memory_is_flat(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    explainer = Explainer(make_checkpoint())
    few = repeated(drawn, 1)
    attribute(explainer, few, sources=(MeanFace(),))  # what is loaded once
    once, four_times = peak_bytes(explainer, few), peak_bytes(explainer, repeated(drawn, 4))
    # 588 faces more: as pictures and masks alone 2.7 MB, as maps brought to the input's size 5.4 MB.
    assert four_times - once < 1_000_000

"""Rows of tables of many batches."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa

from fer_core.data.taking import take_rows


def test_rows_are_taken_from_each_batch_as_numpy_takes_them() -> None:
    chance = np.random.default_rng(0)
    for sizes in ([1], [3, 1, 4], [5, 0, 2, 7]):
        borders = list(itertools.accumulate(sizes, initial=0))
        values = chance.integers(0, 99, borders[-1])
        chunks = [values[a:b] for a, b in itertools.pairwise(borders)]
        table = pa.table({"x": pa.chunked_array(chunks), "y": pa.chunked_array([c.astype(str) for c in chunks])})
        for rows in (
            chance.integers(0, len(values), 30), np.arange(len(values)), np.arange(len(values))[::-1],
            np.array([], dtype=np.int64), np.sort(chance.permutation(len(values))[:3]),
        ):  # fmt: skip
            found = take_rows(table, rows)
            assert found["x"].to_pylist() == values[rows].tolist()
            assert found["y"].to_pylist() == values[rows].astype(str).tolist()


def test_more_than_two_gigabytes_of_pictures() -> None:
    chunk = pa.array([bytes(1 << 17)] * 500, pa.binary())  # forty times the same, so that it is large on paper alone
    numbers = [np.arange(i * 500, i * 500 + 500) for i in range(40)]
    table = pa.table({"row": pa.chunked_array(numbers), "image": pa.chunked_array([chunk] * 40)})
    assert table.nbytes > 2**31
    assert take_rows(table, np.array([19_999, 5, 700]))["row"].to_pylist() == [19_999, 5, 700]
    assert take_rows(table, np.arange(20_000))["image"].num_chunks == 40

"""Mean faces against means by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from fer_core.data import SampleTable
from fer_core.data.pictures import pack_grey
from fer_core.data.statistics import mean_faces
from fer_core.data.store import keep
from fer_core.labels import FER7


def table(rows: list[tuple[str | None, str, int]]) -> SampleTable:
    """Plain faces of (label, split, grey)."""
    n = len(rows)
    columns = {
        "sample_id": [str(i) for i in range(n)], "label": [r[0] for r in rows], "split": [r[1] for r in rows],
        "image": [pack_grey(np.full((48, 48), r[2], np.uint8)) for r in rows], "width": [48] * n, "height": [48] * n,
        "source": ["made"] * n, "sha256": [str(i) for i in range(n)],
    }  # fmt: skip
    return SampleTable.from_columns(columns, FER7)


def test_means_of_the_training_split(drawn: SampleTable) -> None:
    found = mean_faces(keep("drawn", drawn, ""), 1)
    assert list(found) == list(FER7.names)
    train = drawn.split("train")
    pixels, labels = np.stack(train.faces()).astype(float), train.label_indices()
    for index, (mean, n) in enumerate(found.values()):
        assert n == 16
        assert mean.dtype == np.uint8
        assert mean == pytest.approx(pixels[labels == index].mean(0), abs=0.51)


def test_each_class_falls_back_on_what_it_has() -> None:
    rows: list[tuple[str | None, str, int]] = [
        ("sad", "train", 10), ("sad", "train", 20), ("sad", "test", 200), ("fear", "validation", 100),
        ("fear", "test", 50), (None, "train", 255),
    ]  # fmt: skip
    found = mean_faces(keep("some", table(rows), ""), 1)
    assert {name: (int(mean[0, 0]), n) for name, (mean, n) in found.items()} == {"sad": (15, 2), "fear": (75, 2)}
    assert list(found) == ["fear", "sad"], "in the classes' order"


def test_at_most_so_many_are_drawn_the_same_for_a_seed() -> None:
    rows: list[tuple[str | None, str, int]] = [("sad", "train", grey) for grey in range(0, 250, 5)]
    data_set = keep("many", table(rows), "")
    means = [mean_faces(data_set, 1, most=3, seed=seed)["sad"] for seed in (0, 0, 1, 2, 3)]
    assert [n for _, n in means] == [3] * 5
    assert np.array_equal(means[0][0], means[1][0])
    assert len({int(mean[0, 0]) for mean, _ in means}) > 2


def test_of_a_version_under_its_labels_and_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_core.data.statistics._BATCH", 4)
    rows: list[tuple[str | None, str, int]] = [("sad", "train", grey) for grey in range(10)]
    data_set = keep("versions", table(rows), "")
    samples = data_set.samples()
    place = samples.table.schema.get_field_index("label")
    labels = pa.array(["happy"] * 3 + ["sad"] * 7)
    data_set.add_version(
        dataclasses.replace(
            samples, table=samples.table.set_column(place, samples.table.schema.field("label"), labels)
        ),
        "three",
    )
    found = {n: (int(mean[5, 5]), count) for n, (mean, count) in mean_faces(data_set, 2).items()}
    assert found == {"happy": (1, 3), "sad": (6, 7)}  # means of 0 to 2 and of 3 to 9
    assert int(mean_faces(data_set, 1)["sad"][0][0, 0]) == 4  # 4.5 rounds to even


def test_unlabelled_pictures_have_no_mean() -> None:
    assert mean_faces(keep("bare", table([(None, "train", 5)]), ""), 1) == {}

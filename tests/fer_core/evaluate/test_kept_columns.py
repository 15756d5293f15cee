"""What a data set knows of predicted samples, by hand; and results that are kept beside a table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_core.data import SampleTable
from fer_core.data.store import DataSet, keep
from fer_core.errors import DataError
from fer_core.evaluate.columns import class_shares, columns_of_data_set, in_version, split_hash
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.results import keep_result, load_result, result_file
from fer_core.evaluate.slices import find_slices
from fer_core.evaluate.suspects import suspects
from tests.fer_core.evaluate.tables import sha256, table


@pytest.fixture
def data_set(drawn: SampleTable) -> DataSet:
    return keep("drawn", drawn, "drawn for a test")


def predicted(ids: list[str], split: str = "validation") -> Predictions:
    """Predictions by chance of some samples."""
    given = table(len(ids), split=split)
    return Predictions(pa.array(ids), given.labels, given.logits, given.about)


def test_the_hash_of_a_split_is_that_of_its_samples(data_set: DataSet, drawn: SampleTable, home: Path) -> None:
    validation = drawn.split("validation")
    assert split_hash(data_set, "validation") == validation.data_hash()
    (home / "predictions" / "splits.json").write_text("cut")  # is worked out again
    assert split_hash(data_set, "validation") == validation.data_hash()
    two = validation.table.filter([name in {"happy", "sad"} for name in validation.table["label"].to_pylist()])
    expected = dataclasses.replace(validation, table=two).data_hash()
    assert split_hash(data_set, "validation", classes=("happy", "sad")) == expected


@pytest.mark.parametrize("turned", [False, True])
def test_columns_come_in_the_order_of_the_predictions(data_set: DataSet, drawn: SampleTable, turned: bool) -> None:
    ids = drawn.split("validation").table["sample_id"].to_pylist()[:: -1 if turned else 1]
    found = predicted(ids)
    rows, columns = columns_of_data_set(data_set, found)
    assert [data_set.imported["sample_id"][int(row)].as_py() for row in rows] == ids
    at = [drawn.table["sample_id"].to_pylist().index(name) for name in ids]
    expected = [np.mean(drawn.decode(place)) for place in at]
    assert np.asarray(columns["brightness"]) == pytest.approx(expected, abs=0.1)
    assert in_version(data_set, found, ["label"])["label"].to_pylist() == drawn.table["label"].take(at).to_pylist()


def test_a_pose_on_which_the_model_fails_is_a_slice(drawn: SampleTable) -> None:
    validation = drawn.split("validation").table
    poses = ["full right" if i % 2 else "straight" for i in range(56)]
    posed = validation.set_column(validation.column_names.index("pose"), "pose", pa.array(poses))
    data_set = keep("posed", SampleTable(posed, drawn.classes), "drawn for a test")
    found = predicted(validation["sample_id"].to_pylist())
    _, columns = columns_of_data_set(data_set, found)
    assert columns["pose"].to_pylist() == poses
    wrong = np.arange(56) % 2 == 1  # every turned face, and no other
    slices = find_slices(wrong, {"pose": columns["pose"]}, minimum=28)
    assert [(one.text, one.n, one.wrong, one.rest) for one in slices.found] == [("pose full right", 28, 28, 0.0)]


def test_a_version_without_a_column_of_today_is_read(data_set: DataSet, drawn: SampleTable) -> None:
    file = data_set.table_file(1)
    pq.write_table(pq.read_table(file).drop_columns("pose"), file)
    _, columns = columns_of_data_set(data_set, predicted(drawn.split("validation").table["sample_id"].to_pylist()))
    assert "pose" not in columns
    assert len(columns["brightness"]) == 56


def test_samples_that_the_version_lacks_are_told(data_set: DataSet) -> None:
    with pytest.raises(DataError, match=r"1 of 2 predicted samples are not in drawn, such as 'strange'"):
        columns_of_data_set(data_set, predicted(["validation-112", "strange"]))


def test_shares_of_classes_by_hand(data_set: DataSet, drawn: SampleTable) -> None:
    kept = [i for i, name in enumerate(drawn.table["label"].to_pylist()) if name != "angry" or i % 2]
    data_set.add_version(SampleTable(drawn.table.take(kept), drawn.classes), "half of angry left out")
    labels = [drawn.table["label"][i].as_py() for i in kept if drawn.table["split"][i].as_py() == "train"]
    expected = [labels.count(name) / len(labels) for name in drawn.classes.names]
    assert class_shares(data_set, drawn.classes.names, "train").tolist() == pytest.approx(expected)
    assert class_shares(data_set, drawn.classes.names, "train", 1).tolist() == pytest.approx([1 / 7] * 7)
    assert np.isnan(class_shares(data_set, ("bored", "tired"), "train")).all()


def test_results_are_kept_and_a_damaged_one_is_told() -> None:
    about = table(5).about
    assert load_result(about, "robustness") is None
    keep_result(about, "robustness", [{"n": 5}])
    assert load_result(about, "robustness") == [{"n": 5}]
    assert load_result(about, "learning-1") is None
    assert result_file(about, "robustness").parent == about.file.parent
    result_file(about, "robustness").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        load_result(about, "robustness")


def test_planted_label_errors_are_found_and_held_against_votes() -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 7, 700)
    logits = chance.normal(0, 0.5, (1, 700, 7)).astype(np.float32)
    logits[0, np.arange(700), truth] += 5
    labels = truth.copy()
    wrong = np.arange(0, 700, 35)  # every 35th label is of the next class
    labels[wrong] = (truth[wrong] + 1) % 7
    given = table(700)
    found = Predictions(given.sample_ids, labels, logits, given.about)
    votes = [given.classes.names[i] for i in truth]
    votes[3] = None  # not known
    seen = suspects(found, pa.chunked_array([votes]))
    assert set(seen.rows.tolist()) <= set(wrong.tolist())  # the method estimates how many there are
    assert len(seen.rows) >= 16
    assert (seen.n, seen.voted) == (700, len(seen.rows))
    assert seen.disagree.value == 1.0
    assert seen.base.value == pytest.approx(20 / 699)
    alone = suspects(found)
    assert (alone.voted, np.isnan(alone.disagree.value)) == (0, True)
    with pytest.raises(DataError, match="two classes or more"):
        suspects(found.take(np.flatnonzero(labels == 2)))


def test_another_name_changes_nothing_else() -> None:
    given = table(50)
    named = given.named("other")
    assert named.about.model == "other"
    assert given.about.model == "model0"
    assert named.about.model_hash == sha256("model0")
    assert named.scores().accuracy == given.scores().accuracy

"""Merging data sets and topping up rare classes, against tables whose outcome is plain to see."""

from typing import Any

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.data.combine import merge, top_up
from fer_core.data.pictures import pack_grey
from fer_core.errors import DataError
from fer_core.labels import AFFECTNET8, FER7, FERPLUS8, ClassSet

FACE = pack_grey(np.zeros((8, 8), np.uint8))


def table(
    labels: list[str | None], classes: ClassSet = FER7, vote_classes: tuple[str, ...] = (), **columns: Any
) -> SampleTable:
    """One row per label, ids `0`, `1`, ...; all to train on, each of its own pixels, unless columns say otherwise."""
    n = len(labels)
    base: dict[str, Any] = {
        "sample_id": [str(i) for i in range(n)],
        "image": [FACE] * n,
        "label": labels,
        "split": ["train"] * n,
        "width": [8] * n,
        "height": [8] * n,
        "source": ["made"] * n,
        "sha256": [f"{id(labels)}-{i}" for i in range(n)],
    }
    return SampleTable.from_columns(base | columns, classes, vote_classes)


def column(samples: SampleTable, name: str) -> list[Any]:
    return list(samples.table[name].to_pylist())


def test_ids_get_the_data_sets_name_and_sources_stay() -> None:
    one = table(["happy", "sad"], subject_id=["7", None], parent_id=[None, "0"], source=["a.csv", "a.csv"])
    two = table(["fear"], subject_id=["7"], split=["test"], source=["b"])
    merged = merge({"fer": one, "kdef": two}).samples
    assert column(merged, "sample_id") == ["fer/0", "fer/1", "kdef/0"]
    assert column(merged, "parent_id") == [None, "fer/0", None]
    assert column(merged, "subject_id") == ["fer/7", None, "kdef/7"]
    assert column(merged, "source") == ["a.csv", "a.csv", "b"]
    assert column(merged, "split") == ["train", "train", "test"]
    assert merged.classes == FER7


def test_classes_of_two_orders_are_matched_by_name() -> None:
    one = table(["neutral", "contempt"], FERPLUS8)
    two = table(["neutral", "contempt"], AFFECTNET8)
    result = merge({"a": one, "b": two}, classes=FERPLUS8)
    assert column(result.samples, "label") == ["neutral", "contempt"] * 2
    assert result.samples.label_indices().tolist() == [0, 7, 0, 7]
    assert merge({"a": one, "b": two}).samples.classes == AFFECTNET8  # the known set with these names
    assert merge({"a": one, "b": table(["sad", "fear"])}).samples.classes == AFFECTNET8


def test_what_the_target_lacks_is_refused_with_its_numbers() -> None:
    one = table(["happy", "contempt", "contempt", None], AFFECTNET8)
    with pytest.raises(DataError, match=r"affect/contempt \(2 samples\) have no class among angry.*on_unmapped='drop'"):
        merge({"affect": one}, FER7)
    result = merge({"affect": one}, FER7, on_unmapped="drop")
    assert column(result.samples, "label") == ["happy", None]
    assert result.report.dropped == {"affect": {"contempt": 2}}
    assert result.report.rows == {"affect": {"happy": 1, "no label": 1}}


def test_mapping_to_a_class_to_nothing_and_for_one_set_alone() -> None:
    one = table(["contempt", "contempt", "happy"], AFFECTNET8)
    two = table(["contempt", "sad"], AFFECTNET8)
    result = merge({"a": one, "b": two}, FER7, {"Contempt": "Disgusted", "b/contempt": None})
    assert column(result.samples, "label") == ["disgust", "disgust", "happy", "sad"]
    assert result.report.dropped == {"a": {}, "b": {"contempt": 1}}
    assert result.report.rows == {"a": {"disgust": 2, "happy": 1}, "b": {"sad": 1}}
    assert merge({"a": one, "b": two}, mapping={"contempt": None}).samples.classes == FER7


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"contmpt": None}, "'contmpt', which is no class"),
        ({"b/happy": "sad"}, "'b/happy', which is no class; data sets are a"),
        ({"happy": "joyless"}, "happy to 'joyless'"),
    ],
)
def test_mappings_that_mean_nothing(mapping: dict[str, str | None], message: str) -> None:
    with pytest.raises(DataError, match=message):
        merge({"a": table(["happy", "sad"])}, FER7, mapping)


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\nb"])
def test_names_that_cannot_stand_before_an_id(name: str) -> None:
    with pytest.raises(DataError, match="cannot stand before sample ids"):
        merge({name: table(["happy"])})


def test_nothing_to_merge_and_nothing_left() -> None:
    with pytest.raises(DataError, match="nothing to merge"):
        merge({})
    with pytest.raises(DataError, match="No sample is left"):
        merge({"a": table(["happy"])}, FER7, {"happy": None})


def test_votes_are_brought_into_one_order() -> None:
    one = table(["happy", "sad"], FER7, ("happy", "sad"), votes=[[8, 2], None])
    two = table(["sad"], FER7, ("nf", "sadness", "joy"), votes=[[1, 5, 4]])
    three = table(["fear"], FER7)
    merged = merge({"a": one, "b": two, "c": three}).samples
    assert merged.vote_classes == ("happy", "sad", "nf")
    assert column(merged, "votes") == [[8, 2, 0], None, [4, 5, 1], None]


def test_votes_follow_a_mapping_onto_a_class() -> None:
    one = table(["happy"], AFFECTNET8, ("disgust", "contempt", "happy"), votes=[[1, 2, 7]])
    merged = merge({"a": one}, FER7, {"contempt": "disgust"}).samples
    assert merged.vote_classes == ("disgust", "happy")
    assert column(merged, "votes") == [[3, 7]]


def test_pixels_held_out_here_and_trained_on_there_are_counted() -> None:
    one = table(["happy", "sad", "fear"], sha256=["x", "y", "z"], split=["test", "validation", "train"])
    two = table(["happy", "sad", "fear"], sha256=["x", "q", "z"], split=["train", "train", "test"])
    assert merge({"a": one, "b": two}).report.shared == 2  # a's x and b's z


def test_top_up_to_a_target() -> None:
    own = table(["disgust", "happy", "disgust"], split=["train", "train", "test"])
    other = table(["disgust"] * 5 + ["fear", "happy"], AFFECTNET8)
    result = top_up(own, other, ["Disgust", "fear"], target=3, seed=1, name="more")
    assert (result.before, result.added, result.supply) == (
        {"disgust": 1, "fear": 0},
        {"disgust": 2, "fear": 1},
        {"disgust": 5, "fear": 1},
    )
    new = result.samples.table.slice(3)
    assert column(result.samples, "sample_id")[:3] == ["0", "1", "2"]
    assert new["label"].to_pylist() == ["disgust", "disgust", "fear"]
    assert set(new["split"].to_pylist()) == {"train"}
    assert all(name.startswith("more/") for name in new["sample_id"].to_pylist())
    assert result.samples.classes == FER7
    again = top_up(own, other, ["Disgust", "fear"], target=3, seed=1, name="more")
    assert again.samples.table.equals(result.samples.table)


def test_top_up_leaves_out_twins_held_out_persons_copies_and_other_splits() -> None:
    own = table(["happy", "sad"], sha256=["t", "h"], split=["train", "test"], subject_id=["p", "q"])
    other = table(
        ["disgust"] * 7,
        sha256=["t", "h", "n", "n", "o", "c", "v"],
        subject_id=[None, None, "p", "p", "q", None, None],
        parent_id=[None] * 5 + ["0", None],
        split=["train"] * 6 + ["validation"],
        sample_id=list("ABCDEFG"),
    )
    result = top_up(own, other, ["disgust"])
    assert column(result.samples, "sample_id") == ["0", "1", "C"]
    assert (result.twins, result.held_out_subjects, result.copies) == (3, 1, 1)


def test_a_person_is_known_before_and_after_a_merge() -> None:
    own = merge({"kdef": table(["happy", "sad"], subject_id=["1", "2"], split=["train", "test"])}).samples
    other = table(["disgust", "disgust"], subject_id=["1", "2"])
    result = top_up(own, other, ["disgust"], name="kdef-b")
    assert result.added == {"disgust": 2}  # another set's persons
    with pytest.raises(DataError, match="'kdef/0'"):
        top_up(own, other, ["disgust"], name="kdef")
    shifted = table(["disgust", "disgust"], subject_id=["1", "2"], sample_id=["8", "9"])
    result = top_up(own, shifted, ["disgust"], name="kdef")
    assert column(result.samples, "sample_id")[2:] == ["kdef/8"]
    assert result.held_out_subjects == 1


def test_top_up_brings_votes_into_one_order() -> None:
    own = table(["happy"], FER7, ("sad", "happy"), votes=[[1, 9]])
    other = table(["disgust"], FER7, ("happy", "nf"), votes=[[3, 7]], sample_id=["new"])
    samples = top_up(own, other, ["disgust"]).samples
    assert samples.vote_classes == ("sad", "happy", "nf")
    assert column(samples, "votes") == [[1, 9, 0], [0, 3, 7]]


def test_top_up_refusals() -> None:
    own, other = table(["happy"]), table(["disgust"])
    with pytest.raises(DataError, match="no class contempt to top up"):
        top_up(own, other, ["contempt"])
    with pytest.raises(DataError, match="No class to top up"):
        top_up(own, other, [])
    with pytest.raises(DataError, match="target of 0"):
        top_up(own, other, ["disgust"], target=0)
    with pytest.raises(DataError, match=r"1 sample id\(s\) stand in both tables, the first is '0'"):
        top_up(own, other, ["disgust"])

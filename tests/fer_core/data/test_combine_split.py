"""New splits: no leak, the classes in proportion, and clear refusals. Leaks are looked for with plain sets."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest

from fer_core.data import SampleTable
from fer_core.data.combine import split_samples
from fer_core.data.pictures import pack_grey
from fer_core.errors import DataError
from fer_core.labels import FER7

FACE = pack_grey(np.zeros((8, 8), np.uint8))


def table(labels: list[str | None], **columns: Any) -> SampleTable:
    n = len(labels)
    base: dict[str, Any] = {
        "sample_id": [str(i) for i in range(n)],
        "image": [FACE] * n,
        "label": labels,
        "split": ["train"] * n,
        "width": [8] * n,
        "height": [8] * n,
        "source": ["made"] * n,
        "sha256": [f"pixels-{i}" for i in range(n)],
    }
    return SampleTable.from_columns(base | columns, FER7)


def people(number: int, each: int = 2, **columns: Any) -> SampleTable:
    """`number` persons, each showing all of FER7 `each` times."""
    labels: list[str | None] = list(FER7.names * each * number)
    subjects = [f"p{i // (7 * each)}" for i in range(len(labels))]
    return table(labels, subject_id=subjects, **columns)


def splits_of(samples: SampleTable, name: str) -> dict[str, set[str]]:
    """The splits in which each value of a column stands."""
    found = defaultdict(set)
    for value, split in zip(samples.table[name].to_pylist(), samples.table["split"].to_pylist(), strict=True):
        if value is not None:
            found[value].add(split)
    return found


def test_no_person_stands_in_two_splits() -> None:
    result = split_samples(people(20), seed=5)
    assert all(len(splits) == 1 for splits in splits_of(result.samples, "subject_id").values())
    assert result.samples.splits() == {"train": 16 * 14, "validation": 2 * 14, "test": 2 * 14}
    assert (result.subjects, result.groups, result.subject_dependent, result.left_out) == (20, 20, False, 0)
    for split in ("train", "validation", "test"):
        counts = np.bincount(result.samples.split(split).label_indices())
        assert len(set(counts.tolist())) == 1


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    samples = people(20)
    first, second, other = (split_samples(samples, seed=s).samples.table["split"].to_pylist() for s in (3, 3, 4))
    assert first == second
    assert first != other


def test_by_sample_is_stamped_because_it_is_so() -> None:
    result = split_samples(people(5, each=4), by="sample")
    assert any(len(splits) > 1 for splits in splits_of(result.samples, "subject_id").values())
    assert result.subject_dependent is True
    alone = table(list(FER7.names) * 20, subject_id=[f"p{i}" for i in range(140)])
    assert split_samples(alone, by="sample").subject_dependent is False


def test_shares_and_class_shares_of_an_unbalanced_set() -> None:
    numbers = {"happy": 1500, "sad": 700, "neutral": 400, "disgust": 37}
    samples = table([label for label, n in numbers.items() for _ in range(n)])
    result = split_samples(samples, {"train": 0.7, "val": 0.15, "PrivateTest": 0.15})
    for split, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        part = result.samples.split(split)
        assert len(part) == pytest.approx(share * len(samples), rel=0.03)
        counts = Counter(part.table["label"].to_pylist())
        for label, n in numbers.items():
            assert counts[label] == pytest.approx(share * n, abs=max(3, 0.03 * n))
    assert result.subjects == 0


def test_twins_copies_and_what_is_bound_stay_together() -> None:
    n = 280
    shas = [f"pixels-{i % 200}" for i in range(n)]  # the last 80 are twins of the first 80
    parents = [None] * 100 + [str(i) for i in range(50)] + [None] * (n - 150)  # 100..149 are copies of 0..49
    samples = table(list(FER7.names) * 40, sha256=shas, parent_id=parents)
    bound = [[str(i), str(i + 1), str(i + 2)] for i in range(150, 200, 3) if i + 2 < 200]
    for by in ("subject", "sample"):
        result = split_samples(samples, seed=2, by=by, bound=bound)  # type: ignore[arg-type]
        where = dict(
            zip(result.samples.table["sample_id"].to_pylist(), result.samples.table["split"].to_pylist(), strict=True)
        )
        assert len(where) == n
        assert all(len(s) == 1 for s in splits_of(result.samples, "sha256").values())
        assert all(where[str(i)] == where[str(i + 100)] for i in range(50))
        assert all(len({where[i] for i in ids}) == 1 for ids in bound)
        assert len(set(where.values())) == 3


def test_the_official_test_split_stays_and_what_it_ties_is_left_out() -> None:
    labels = list(FER7.names) * 30
    splits = ["test"] * 35 + ["train"] * 140 + ["validation"] * 35
    shas = [f"pixels-{i}" for i in range(210)]
    shas[50], shas[180] = shas[0], shas[1]  # twins of test pictures
    result = split_samples(table(labels, split=splits, sha256=shas), {"train": 0.8, "val": 0.1, "test": 0.1})
    kept = result.samples.split("test").table["sample_id"].to_pylist()
    assert kept == [str(i) for i in range(35)]
    assert result.left_out == 2
    assert not {"50", "180"} & set(result.samples.table["sample_id"].to_pylist())
    parts = result.samples.splits()
    assert sum(parts.values()) == 208
    assert parts["validation"] == pytest.approx(173 / 9, abs=3)


def test_nothing_kept_draws_a_new_test_split() -> None:
    samples = table(list(FER7.names) * 30, split=["test"] * 35 + ["train"] * 175)
    result = split_samples(samples, {"train": 0.5, "test": 0.5}, keep=())
    assert result.samples.splits() == {"train": 105, "test": 105}
    assert set(result.samples.split("test").table["sample_id"].to_pylist()) != {str(i) for i in range(35)}


def test_a_rare_class_reaches_every_split() -> None:
    samples = table(["happy"] * 200 + ["disgust"] * 3)
    for seed in range(5):
        result = split_samples(samples, seed=seed)
        assert {
            s: Counter(result.samples.split(s).table["label"].to_pylist())["disgust"] for s in result.samples.splits()
        } == {
            "train": 1,
            "validation": 1,
            "test": 1,
        }


def test_samples_without_a_label_are_shared_out_too() -> None:
    result = split_samples(table(["happy"] * 50 + ["sad"] * 50 + [None] * 100))
    found = {s: Counter(result.samples.split(s).table["label"].to_pylist()) for s in ("train", "validation", "test")}
    assert [found[s][None] for s in found] == [80, 10, 10]


def test_too_few_persons_and_too_few_groups_of_a_class() -> None:
    with pytest.raises(DataError, match=r"3 splits \(train, validation, test\) need as many groups.*only 2"):
        split_samples(people(2))
    labels: list[str | None] = ["happy"] * 30 + ["disgust"] * 10
    subjects = [f"p{i}" for i in range(30)] + ["p0"] * 5 + ["p1"] * 5
    with pytest.raises(DataError, match="The class disgust has 10 samples in 2 groups, too few"):
        split_samples(table(labels, subject_id=subjects))
    result = split_samples(table(labels, subject_id=subjects), {"train": 0.7, "test": 0.3})
    assert all(len(s) == 1 for s in splits_of(result.samples, "subject_id").values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shares": {"train": 0.8, "test": 0.1}}, "sum to 0.9"),
        ({"shares": {"train": 1.2, "test": -0.2}}, "must be positive"),
        ({"shares": {"train": 0.5, "holdout": 0.5}}, "no split 'holdout'"),
        ({"shares": {"validation": 0.5, "val": 0.5}}, "name one split twice"),
        ({"keep": ("exam",)}, "no split 'exam' to keep"),
        ({"keep": ("train",)}, "no samples to split"),
        ({"by": "face"}, "cannot be split by 'face'"),
        ({"bound": [["0", "nobody"]]}, "'nobody' is to be bound"),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_samples(people(5), **changes)

"""FER+: joining votes to faces by position, and the majority rule worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from fer_core.data import Import, SampleTable, ferplus_majority, majority_counts, read_samples
from fer_core.data.ferplus import VOTE_CLASSES, majority_winners
from fer_core.data.pictures import pack_grey
from fer_core.errors import DataError
from fer_core.labels import FER7, FERPLUS8

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
VOTES = [
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
    "Training,,0,0,0,0,0,0,0,0,0,10",
    "PublicTest,fer0028638.png,0,9,0,1,0,0,0,0,0,0",
    "PrivateTest,fer0032220.png,1,2,3,4,0,0,0,0,0,0",
]
USAGES = ("Training", "Training", "PublicTest", "PrivateTest")


def write(path: Path, lines: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def faces(path: Path, usages: tuple[str, ...] = USAGES, broken: int | None = None) -> Path:
    """A fer2013.csv; face i is of the grey value i, all are angry; row `broken` (from 1) has no pixels."""
    lines = [
        f"0,{'' if i + 1 == broken else ' '.join([str(i % 256)] * 2304)},{usage}" for i, usage in enumerate(usages)
    ]
    return write(path, lines, "emotion,pixels,Usage")


def votes_of(result: Import) -> list[list[float] | None]:
    votes: list[list[float] | None] = result.samples.table["votes"].to_pylist()
    return votes


def test_join_over_the_whole_file(tmp_path: Path) -> None:
    result = read_samples(faces(tmp_path / "fer2013.csv"), labels=write(tmp_path / "fer2013new.csv", VOTES))
    assert votes_of(result)[0] == [4, 0, 0, 1, 3, 2, 0, 0, 0, 0]
    assert votes_of(result)[3] == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]
    assert result.samples.vote_classes == VOTE_CLASSES
    assert result.samples.classes == FER7
    assert result.samples.table["label"].to_pylist() == ["angry"] * 4
    # FER7's order: angry, disgust, fear, happy, sad, surprise, neutral
    assert result.samples.vote_matrix(FER7)[0].tolist() == [3, 2, 0, 0, 1, 0, 4]


def test_join_within_splits(tmp_path: Path) -> None:
    # Without PrivateTest, and with PublicTest first: the first Training face still gets the first Training votes.
    path = faces(tmp_path / "part.csv", ("PublicTest", "Training", "Training"))
    result = read_samples(path, labels=write(tmp_path / "fer2013new.csv", VOTES))
    assert [v[0] if v else None for v in votes_of(result)] == [0, 4, 0]
    assert [v[9] if v else None for v in votes_of(result)] == [0, 0, 10]


def test_counts_that_do_not_fit(tmp_path: Path) -> None:
    path = faces(tmp_path / "part.csv", ("Training", "PublicTest", "PublicTest"))
    with pytest.raises(DataError) as caught:
        read_samples(path, labels=write(tmp_path / "fer2013new.csv", VOTES))
    assert "train: 1 faces, 2 rows of votes; validation: 2 faces, 1 rows of votes" in str(caught.value)


def test_a_skipped_face_does_not_shift_the_votes(tmp_path: Path) -> None:
    labels = write(tmp_path / "fer2013new.csv", VOTES)
    result = read_samples(faces(tmp_path / "fer2013.csv", broken=2), labels=labels, on_error="skip")
    assert [v[:4] if v else None for v in votes_of(result)] == [[4, 0, 0, 1], [0, 9, 0, 1], [1, 2, 3, 4]]
    assert [p.row for p in result.problems] == [2]

    part = faces(tmp_path / "part.csv", USAGES[:3], broken=2)
    with pytest.raises(DataError, match=r"1 row\(s\) of FER2013 could not be read .* has 4 rows instead of 3"):
        read_samples(part, labels=labels, on_error="skip")
    swapped = faces(tmp_path / "swapped.csv", ("Training", "Training", "PrivateTest", "PublicTest"), broken=1)
    with pytest.raises(DataError, match="Row 3 is in another split"):
        read_samples(swapped, labels=labels, on_error="skip")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Training,,0,0,0,0,0,0,0,0,0,ten", "a vote is 'ten'"),
        ("Training,,0,0,0,0,0,0,0,0,0,-1", "a vote is '-1'"),
        ("Training,,0,0,0", "it has 5 of 12 fields"),
        ("Holdout,,0,0,0,0,0,0,0,0,0,10", "unknown Usage"),
    ],
)
def test_a_broken_row_of_votes(tmp_path: Path, line: str, said: str) -> None:
    labels = write(tmp_path / "fer2013new.csv", [VOTES[0], line, *VOTES[2:]])
    path = faces(tmp_path / "fer2013.csv")
    with pytest.raises(DataError) as caught:
        read_samples(path, labels=labels)
    assert "fer2013new.csv, row 2 (line 3)" in str(caught.value)
    assert said in str(caught.value)
    result = read_samples(path, labels=labels, on_error="skip")
    assert votes_of(result)[1] is None
    assert len(result.samples) == 4
    assert len(result.problems) == 1


def test_what_is_no_place_for_votes(tmp_path: Path) -> None:
    labels = write(tmp_path / "fer2013new.csv", VOTES)
    with pytest.raises(DataError, match=r"holds FER.'s votes but no pictures. Open fer2013.csv"):
        read_samples(labels)
    path = faces(tmp_path / "fer2013.csv")
    with pytest.raises(DataError, match=r"lacks the column\(s\) neutral, happy.* It has emotion, pixels, Usage"):
        read_samples(path, labels=path)
    with pytest.raises(DataError, match=r"There is no file .*nowhere.csv"):
        read_samples(path, labels=tmp_path / "nowhere.csv")


def test_votes_in_another_order_are_refused(tmp_path: Path) -> None:
    # All 300 faces are labelled angry; the votes say happy for two thirds of them, angry for one third.
    lines = [f"Training,,0,{7 if i % 3 else 0},0,0,{0 if i % 3 else 7},0,0,0,0,3" for i in range(300)]
    path = faces(tmp_path / "fer2013.csv", ("Training",) * 300)
    with pytest.raises(DataError, match="Only 33% of the labels are the most frequent vote"):
        read_samples(path, labels=write(tmp_path / "fer2013new.csv", lines))


# neutral happy surprise sad angry disgust fear contempt unknown nf -> winner's column
RULE = [
    ([0, 10, 0, 0, 0, 0, 0, 0, 0, 0], 1),  # unanimous
    ([6, 0, 1, 1, 0, 0, 0, 0, 2, 0], 0),  # single votes dropped: 6 of 8
    ([5, 0, 0, 3, 1, 0, 0, 0, 1, 0], 0),  # 5 of 8 that remain, though only half of the 10 cast
    ([5, 0, 0, 5, 0, 0, 0, 0, 0, 0], -1),  # a tie
    ([5, 0, 0, 3, 0, 2, 0, 0, 0, 0], -1),  # exactly half is no majority
    ([4, 0, 0, 1, 3, 2, 0, 0, 0, 0], -1),  # 4 of 9
    ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], -1),  # nothing but outliers
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], -1),  # nothing at all
    ([2, 1, 0, 0, 0, 0, 0, 0, 7, 0], 8),  # "unknown" wins
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], 9),  # not a face
    ([4, 0, 0, 0, 0, 0, 0, 0, 4, 2], -1),  # "unknown" and "not a face" count among the votes
    ([0, 0, 0, 0, 0, 0, 0, 2, 1, 1], 7),  # 2 of 2
]


def test_majority_rule_by_hand() -> None:
    winners = majority_winners(np.array([votes for votes, _ in RULE], dtype=np.float32))
    assert winners.tolist() == [winner for _, winner in RULE]
    assert majority_winners(np.zeros((0, 10))).tolist() == []


def ruled() -> SampleTable:
    """The rule's cases, all labelled fear by FER2013, and one sample without votes."""
    size = len(RULE) + 1
    return SampleTable.from_columns(
        {
            "sample_id": [f"s{i}" for i in range(size)],
            "image": [pack_grey(np.zeros((8, 8), np.uint8))] * size,
            "label": ["fear"] * size,
            "votes": [*(votes for votes, _ in RULE), None],
            "split": ["train"] * size,
            "width": [8] * size,
            "height": [8] * size,
            "source": ["made up"] * size,
            "sha256": ["0"] * size,
        },
        FER7,
        VOTE_CLASSES,
    )


def test_majority_table_and_its_counts() -> None:
    result = ferplus_majority(ruled())
    assert result.classes == FERPLUS8
    assert result.table["sample_id"].to_pylist() == ["s0", "s1", "s2", "s11"]
    assert result.table["label"].to_pylist() == ["happy", "neutral", "neutral", "contempt"]
    assert result.label_indices().tolist() == [1, 0, 0, 7]
    assert result.table["votes"].to_pylist()[0] == RULE[0][0]
    counts = majority_counts(ruled())
    assert (counts.kept, counts.not_an_expression, counts.no_majority, counts.no_votes) == (4, 2, 6, 1)


def test_majority_needs_votes() -> None:
    samples = SampleTable.from_columns({}, FER7)
    with pytest.raises(DataError, match=r"no FER. votes for neutral, happy.*fer2013new.csv"):
        ferplus_majority(samples)
    none = SampleTable.from_columns({}, FER7, VOTE_CLASSES)
    assert len(ferplus_majority(none)) == 0

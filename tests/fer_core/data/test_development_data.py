"""The real FER2013, where this machine has it: counts that are published, and a CSV made from it."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fer_core.data import Import, ferplus_majority, majority_counts, read_samples
from fer_core.data.readers.ferplus_csv import attach_votes
from fer_core.errors import DataError
from fer_core.labels import FER7

DATA = Path(__file__).parents[4] / "shared" / "data" / "fer2013.parquet"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not on this machine")


@pytest.fixture(scope="module")
def real() -> Import:
    return read_samples(DATA)


def test_counts(real: Import) -> None:
    samples = real.samples
    assert real.problems == ()
    assert samples.splits() == {"train": 28_709, "validation": 3_589}
    # Goodfellow et al. 2013; angry, disgust, fear, happy, sad, surprise, neutral.
    assert samples.classes == FER7
    train = np.bincount(samples.split("Training").label_indices(), minlength=7)
    assert train.tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    validation = np.bincount(samples.split("PublicTest").label_indices(), minlength=7)
    assert validation.tolist() == [467, 56, 496, 895, 653, 415, 607]


def test_majority_leaves_the_published_numbers(real: Import) -> None:
    # The authors' own reader in its majority mode: 25,060 for training, 3,199 for validation.
    assert ferplus_majority(real.samples).splits() == {"train": 25_060, "validation": 3_199}
    assert majority_counts(real.samples).kept == 25_060 + 3_199


def test_a_csv_made_from_it_is_the_same_data(real: Import, tmp_path: Path) -> None:
    raw = pq.read_table(DATA, columns=["emotion", "usage"])
    rows = [*range(250), *range(28_709, 28_959)]  # both splits
    part = type(real.samples)(real.samples.table.take(rows), real.samples.classes, real.samples.vote_classes)
    lines = [
        f"{raw['emotion'][row]},{' '.join(map(str, face.ravel().tolist()))},{raw['usage'][row]}"
        for row, face in zip(rows, part.pixels(), strict=True)
    ]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *lines]))
    samples = read_samples(path).samples
    assert samples.splits() == {"train": 250, "validation": 250}
    assert samples.data_hash() == part.data_hash()
    np.testing.assert_array_equal(samples.pixels(), part.pixels())


def test_votes_joined_from_ferplus_csv(real: Import, tmp_path: Path) -> None:
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    spelt = {"train": "Training", "validation": "PublicTest"}
    table = real.samples.table
    lines = [
        f"{spelt[split]},,{','.join(str(int(v)) for v in votes)}"
        for split, votes in zip(table["split"].to_pylist(), table["votes"].to_pylist(), strict=True)
    ]
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join([header, *lines, *["PrivateTest,,0,0,0,0,0,0,0,0,0,10"] * 3_589]))
    assert attach_votes(real, path).samples.table["votes"].equals(table["votes"])

    # Every face of the training split gets its neighbour's votes.
    path.write_text("\n".join([header, *lines[1:28_709], lines[0], *lines[28_709:]]))
    with pytest.raises(DataError, match=r"Only 2\d% of the labels are the most frequent vote"):
        attach_votes(real, path)

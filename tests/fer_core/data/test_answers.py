"""What a checkpoint says of a data set is what the predictor says, row by row; maps against a decomposition by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.data.answers import ANSWERS, answer, answers_file, features_file, load_features, map_file, project
from fer_core.data.query import Catalogue, Filters
from fer_core.data.store import DataSet, keep
from fer_core.errors import CheckpointError, DataError
from fer_core.features import features
from fer_core.labels import FER7, FERPLUS8
from fer_core.predict import Predictor, get_predictor

SHA = "0123456789abcdef" * 4


@pytest.fixture
def data_set(few: SampleTable) -> DataSet:
    return keep("few", few, "drawn for a test")


@pytest.fixture
def predictor(make_checkpoint: Callable[..., Checkpoint]) -> Predictor:
    return get_predictor(make_checkpoint(flip=True, temperature=1.7).folder)


def keep_features(data_set: DataSet, values: Any) -> np.ndarray:
    """Features as if a checkpoint had given them."""
    file = features_file(data_set, SHA)
    file.parent.mkdir(exist_ok=True)
    np.save(file, np.asarray(values, dtype=np.float16))
    return np.load(file).astype(np.float64)


def test_answers_are_the_predictors(data_set: DataSet, predictor: Predictor, few: SampleTable) -> None:
    seen: list[tuple[int, int]] = []
    file = answer(data_set, predictor, lambda done, total: seen.append((done, total)))
    assert file == answers_file(data_set, predictor.card.weights_sha256, predictor.card.temperature)
    expected = predictor.probabilities(few.faces())
    table = pq.read_table(file)
    assert table.schema.equals(ANSWERS)
    assert table["row"].to_pylist() == list(range(42))
    assert np.allclose(np.stack(table["probabilities"].to_pylist()), expected, atol=1e-6)
    assert table["predicted"].to_pylist() == [FER7.names[i] for i in expected.argmax(1)]
    assert table["confidence"].to_pylist() == pytest.approx(expected.max(1), abs=1e-6)
    assert table["classes"].to_pylist() == [list(FER7.names)] * 42
    assert seen == [(42, 42)]


def test_features_lie_by_row(data_set: DataSet, predictor: Predictor, few: SampleTable) -> None:
    answer(data_set, predictor)
    sha256 = predictor.card.weights_sha256
    expected = features(predictor, few.faces())
    assert load_features(data_set, sha256) == pytest.approx(expected.astype(np.float16).astype(np.float32))
    assert len(np.unique(expected.round(4), axis=0)) > 30, "a row that is mistaken for another would be seen"


def test_batches_are_put_together_in_order(
    data_set: DataSet, predictor: Predictor, few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_core.data.answers._BATCH", 10)
    seen: list[tuple[int, int]] = []
    file = answer(data_set, predictor, lambda done, total: seen.append((done, total)))
    assert seen == [(10, 42), (20, 42), (30, 42), (40, 42), (42, 42)]
    found = np.stack(pq.read_table(file)["probabilities"].to_pylist())
    assert np.allclose(found, predictor.probabilities(few.faces()), atol=1e-5)


def test_one_answer_serves_all_versions(data_set: DataSet, predictor: Predictor, few: SampleTable) -> None:
    data_set.add_version(data_set.samples().split("validation"), "validation alone")
    file = answer(data_set, predictor)
    expected = predictor.probabilities(few.faces())
    labels = few.label_indices()
    loss = -np.log(expected[np.arange(42), labels])
    for number, rows in ((1, range(42)), (2, range(28, 42))):
        page = Catalogue(data_set.table_file(number), file).page(Filters(), limit=100)
        assert page["row"].to_pylist() == list(rows)
        assert page["predicted"].to_pylist() == [FER7.names[i] for i in expected.argmax(1)[list(rows)]]
        assert page["loss"].to_pylist() == pytest.approx(loss[list(rows)], abs=1e-4)
        right = int((expected.argmax(1) == labels)[list(rows)].sum())
        assert Catalogue(data_set.table_file(number), file).count(Filters(outcome="right")) == right


def test_a_checkpoint_of_other_classes_answers_by_name(
    data_set: DataSet, few: SampleTable, make_checkpoint: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    predictor = get_predictor(make_checkpoint(tmp_path / "plus", classes=FERPLUS8.names).folder)
    page = Catalogue(data_set.table_file(1), answer(data_set, predictor)).page(Filters(), limit=100)
    expected = predictor.probabilities(few.faces())
    own = [FERPLUS8.index(name) for name in few.table["label"].to_pylist()]
    assert page["loss"].to_pylist() == pytest.approx(-np.log(expected[np.arange(42), own]), abs=1e-4)


def test_two_checkpoints_do_not_mix(
    data_set: DataSet, predictor: Predictor, make_checkpoint: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    other = get_predictor(make_checkpoint(tmp_path / "other", seed=1).folder)
    one, two = (np.stack(pq.read_table(answer(data_set, p))["probabilities"].to_pylist()) for p in (predictor, other))
    assert np.abs(one - two).max() > 0.01
    assert len(list((data_set.folder / "answers").glob("*.parquet"))) == 2


@pytest.mark.parametrize("sha256", ["", "../../../x", "ABC", "é" * 64])
def test_a_hash_that_is_none_is_refused_and_leads_nowhere(
    data_set: DataSet, predictor: Predictor, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "card", predictor.card.model_copy(update={"weights_sha256": sha256}))
    with pytest.raises(CheckpointError, match="for weights_sha256, by which answers are kept"):
        answer(data_set, predictor)
    assert answers_file(data_set, sha256).parent == data_set.folder / "answers"
    assert not answers_file(data_set, sha256).exists()


@pytest.mark.parametrize("at", [5, 42])
def test_what_was_broken_off_is_no_answer(
    data_set: DataSet, predictor: Predictor, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    def stop(done: int, _total: int) -> None:
        if done >= at:
            raise KeyboardInterrupt

    monkeypatch.setattr("fer_core.data.answers._BATCH", 5)
    with pytest.raises(KeyboardInterrupt):
        answer(data_set, predictor, stop)
    sha256 = predictor.card.weights_sha256
    assert not answers_file(data_set, sha256).exists()
    assert not features_file(data_set, sha256).exists()


def test_pca_as_by_singular_values(data_set: DataSet) -> None:
    chance = np.random.default_rng(0)
    held = keep_features(data_set, chance.normal(size=(42, 6)) @ chance.normal(size=(6, 6)) * [1, 9, 1, 30, 1, 2] + 5)
    file = project(data_set, SHA, "pca")
    assert file == map_file(data_set, SHA, "pca")
    found = np.load(file)
    assert (found.shape, found.dtype) == ((42, 2), np.float32)
    standard = (held - held.mean(0)) / held.std(0)
    left, singular, _ = np.linalg.svd(standard, full_matrices=False)
    for direction in range(2):
        expected = left[:, direction] * singular[direction]
        sign = np.sign(expected @ found[:, direction])
        assert found[:, direction] == pytest.approx(sign * expected, abs=1e-3)


def test_a_feature_that_never_changes_does_no_harm(data_set: DataSet) -> None:
    values = np.random.default_rng(1).normal(size=(42, 4))
    values[:, 2] = 0
    keep_features(data_set, values)
    assert np.isfinite(np.load(project(data_set, SHA, "pca"))).all()


def test_features_beyond_half_precision_stay_finite(
    data_set: DataSet, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fer_core.features.features", lambda _predictor, faces: np.array([[1e6, -1e6, 2.5]] * len(faces), np.float32)
    )
    answer(data_set, predictor)
    assert load_features(data_set, predictor.card.weights_sha256)[0].tolist() == [65504, -65504, 2.5]


def test_maps_that_cannot_be_made(data_set: DataSet, few: SampleTable) -> None:
    with pytest.raises(DataError, match="no features yet: let the checkpoint classify this data set first"):
        project(data_set, SHA, "pca")
    keep_features(data_set, np.zeros((42, 4)))
    file = features_file(data_set, SHA)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=r"is damaged .*; let the checkpoint classify this data set again"):
        project(data_set, SHA, "pca")
    two = keep("two", SampleTable(few.table.slice(0, 2), FER7), "")
    keep_features(two, np.zeros((2, 4)))
    with pytest.raises(DataError, match="A map needs at least three samples; two has 2"):
        project(two, SHA, "pca")


def test_umap_of_no_more_samples_than_neighbours_is_pca(few: SampleTable) -> None:
    small = keep("small", SampleTable(few.table.slice(0, 15), FER7), "")
    keep_features(small, np.random.default_rng(2).normal(size=(15, 5)))
    plain, wanted = np.load(project(small, SHA, "pca")), np.load(project(small, SHA, "umap"))
    assert np.abs(wanted) == pytest.approx(np.abs(plain), abs=1e-3)


def test_umap_is_given_the_first_directions(data_set: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    class Remembering:
        def __init__(self, **how: Any) -> None:
            given.append(how)

        def fit_transform(self, places: np.ndarray) -> np.ndarray:
            given.append(places)
            return places[:, [1, 0]]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Remembering))
    held = keep_features(data_set, np.random.default_rng(3).normal(size=(42, 60)))
    found = np.load(project(data_set, SHA, "umap", seed=5))
    how, places = given
    assert (how["n_neighbors"], how["random_state"]) == (15, 5)
    singular = np.linalg.svd((held - held.mean(0)) / held.std(0), compute_uv=False)
    assert np.linalg.norm(places, axis=0)[:20] == pytest.approx(singular[:20], rel=1e-3)
    assert places.shape == (42, 42), "as many as there are, fifty at most"
    assert found == pytest.approx(places[:, [1, 0]])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_umap_keeps_what_is_near_together(data_set: DataSet) -> None:
    chance = np.random.default_rng(0)
    group = np.arange(42) % 2
    keep_features(data_set, chance.normal(size=(42, 8)) + 20 * group[:, None])
    places = np.load(project(data_set, SHA, "umap"))
    centres = np.stack([places[group == g].mean(0) for g in (0, 1)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(1)
    assert nearest.tolist() == group.tolist()


def test_another_temperature_is_another_file(data_set: DataSet, make_checkpoint: Callable[..., Any]) -> None:
    plain = answer(data_set, Predictor(make_checkpoint()))
    sharper = answer(data_set, Predictor(make_checkpoint(temperature=0.5)))
    assert plain != sharper
    assert sharper.stem == f"{plain.stem}-at-0.5000"
    confidences = [np.array(pq.read_table(file)["confidence"].to_pylist()) for file in (plain, sharper)]
    assert (confidences[1] > confidences[0]).all()

"""Support-vector machines as networks: what they answer is what scikit-learn's own objects answer."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.svm import SVC, LinearSVC

from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import CheckpointError, DataError, ModelError, RecipeError
from fer_core.features import features
from fer_core.models import create_model
from fer_core.models.svm import GaussianMachine
from fer_core.predict import Predictor
from tests.training.runs import same, weights
from training.data import chosen_samples
from training.fit import Run, fit
from training.recipe import Recipe, SvmSpec, parse_recipe
from training.svm import fill, fit_machine


def points(classes: int, n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(classes)
    labels = np.arange(n) % classes
    return (chance.normal(0, 1, (n, 6)) + 0.8 * chance.normal(0, 1, (classes, 6))[labels]).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_a_gaussian_machine_answers_as_scikit_learn_s(classes: int) -> None:
    x, y = points(classes)
    fitted: SVC = fit_machine(x, y, SvmSpec(features="x", penalty=2.0, gamma=0.3), seed=0)
    machine = GaussianMachine(6, classes, len(fitted.support_vectors_))
    fill(machine, fitted)
    new = np.random.default_rng(0).normal(0, 2, (200, 6)).astype(np.float32)
    with torch.no_grad():
        found = machine(torch.from_numpy(new)).numpy()
    theirs = fitted.decision_function(new)
    if classes == 2:
        np.testing.assert_array_equal(found.argmax(1), fitted.predict(new))
        return
    np.testing.assert_allclose(found, theirs, atol=1e-4)
    assert (found.argmax(1) == fitted.predict(new)).mean() > 0.97  # equal votes are settled otherwise


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_a_linear_machine_answers_as_scikit_learn_s(classes: int) -> None:
    x, y = points(classes)
    fitted: LinearSVC = fit_machine(x, y, SvmSpec(features="x", kernel="linear"), seed=0)
    machine = torch.nn.Linear(6, classes)
    fill(machine, fitted)
    with torch.no_grad():
        found = machine(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(found.argmax(1), fitted.predict(x))
    theirs = fitted.decision_function(x)
    np.testing.assert_allclose(found[:, 1] - found[:, 0] if classes == 2 else found, theirs, atol=1e-4)


def test_what_the_recipe_says_reaches_the_machine() -> None:
    x, y = points(3)
    gaussian = fit_machine(x, y, SvmSpec(features="x", penalty=3.0, class_weights="balanced"), seed=0)
    assert (gaussian.C, gaussian.class_weight, gaussian.gamma) == (3.0, "balanced", 1 / 6)
    linear = fit_machine(x, y, SvmSpec(features="x", kernel="linear", penalty=0.5), seed=4)
    assert (linear.C, linear.class_weight, linear.random_state) == (0.5, None, 4)


def test_samples_are_chosen_evenly() -> None:
    labels = np.array([0] * 50 + [1] * 30 + [2] * 4)
    chosen = chosen_samples(labels, 24, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [10, 10, 4]
    assert (np.diff(chosen) > 0).all()
    assert not np.array_equal(chosen, chosen_samples(labels, 24, seed=1))
    for all_of_them in (0, 84, 100):
        np.testing.assert_array_equal(chosen_samples(labels, all_of_them, seed=0), np.arange(84))


def svm_recipe(features: str, **changes: Any) -> Recipe:
    values = {
        "name": "machine",
        "model": {"architecture": "svm-on-features"},
        "svm": {"features": features},
        "flip_at_test": False,
    }
    return parse_recipe(values | changes)


@pytest.fixture
def source(make_checkpoint: Callable[..., Checkpoint], home: Path) -> Checkpoint:
    return make_checkpoint(home / "checkpoints" / "source")


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_a_machine_is_a_checkpoint_like_any_other(
    kernel: str, source: Checkpoint, drawn: SampleTable, prepare: Callable[..., Run]
) -> None:
    run = prepare(svm_recipe("source", svm={"features": "source", "kernel": kernel}), drawn)
    card = fit(run).card
    assert card.preprocess == source.card.preprocess
    assert card.trained is not None
    assert card.trained.started_from == f"features of the checkpoint source ({source.card.weights_sha256[:12]})"
    assert card.trained.selected_on == "nothing: one fit on 112 faces"
    assert card.metrics["validation"]["n"] == 56
    assert card.metrics["validation"]["accuracy"] > 0.6  # of seven patterns under a network of chance

    # By scikit-learn alone, from the features of the source.
    train, validation = (drawn.split(name) for name in ("train", "validation"))
    seen = features(source, train.faces())
    mean, std = seen.mean(0), seen.std(0)
    std[std == 0] = 1
    machine = LinearSVC(dual=False) if kernel == "linear" else SVC(gamma=1 / seen.shape[1])
    machine.fit((seen - mean) / std, train.label_indices())
    expected = machine.decision_function((features(source, validation.faces()) - mean) / std)
    found = Predictor(open_checkpoint(run.checkpoint_folder)).logits(validation.faces())[0]
    np.testing.assert_allclose(found, expected, atol=2e-2 if kernel == "linear" else 5e-3)

    held = weights(run.checkpoint_folder)
    theirs = weights(source.folder)
    assert all(torch.equal(held[f"network.{name}"], theirs[name]) for name in theirs if not name.startswith("head"))
    fit(run)  # the same again
    assert same(weights(run.checkpoint_folder), held)


@pytest.mark.usefixtures("source")
def test_what_no_machine_can_be_fitted_on(
    few: SampleTable,
    prepare: Callable[..., Run],
    make_checkpoint: Callable[..., Checkpoint],
    home: Path,
) -> None:
    make_checkpoint(home / "checkpoints" / "squeeze", architecture="torchvision/squeezenet1_1", arguments={})
    for number, (recipe, error, said) in enumerate(
        (
            (svm_recipe("nobody"), CheckpointError, "There is no checkpoint 'nobody'"),
            (svm_recipe("squeeze"), ModelError, "SqueezeNet does not end in a linear layer"),
            (
                svm_recipe("source", model={"architecture": "compact"}),
                RecipeError,
                "svm needs model.architecture svm-on-features, not compact",
            ),
            (
                svm_recipe("source", model={"architecture": "svm-on-features", "checkpoint": "source"}),
                RecipeError,
                r"model.checkpoint and .* cannot be set with svm, .*svm.features names",
            ),
            (svm_recipe("source", preprocess={"size_px": 64}), RecipeError, "preprocess cannot be set with svm"),
            (
                svm_recipe("source", classes=["angry", "happy"]),
                DataError,
                "but the recipe's classes are angry, happy",
            ),
        )
    ):
        run = prepare(recipe, few, f"run{number}")
        with pytest.raises(error, match=said):
            fit(run)
        assert not run.checkpoint_folder.exists()


def test_other_features_in_the_same_folder(
    source: Checkpoint, few: SampleTable, prepare: Callable[..., Run], make_checkpoint: Callable[..., Checkpoint]
) -> None:
    run = prepare(svm_recipe("source"), few)
    fit(run)
    other = make_checkpoint(source.folder, seed=1)
    assert other.card.weights_sha256 != source.card.weights_sha256
    with pytest.raises(DataError, match="holds a run on other data"):
        fit(run)
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        fit(dataclasses.replace(run, recipe=svm_recipe("source", seed=1)))


def test_a_machine_on_a_machine() -> None:
    with pytest.raises(ModelError, match="not of another support-vector machine"):
        create_model("svm-on-features", num_classes=7, in_channels=1, network="svm-on-features")

"""A support-vector machine on the features of a checkpoint, shipped as a checkpoint like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.card import Card
from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import RecipeError
from fer_core.models.svm import GaussianMachine, MachineOnFeatures
from training.counting import Count, counting
from training.data import check_trainable, chosen_samples, load_tensors
from training.recipe import PreprocessSpec, Recipe, SvmSpec
from training.run import Run, claim
from training.shipping import card_of, ship

_BATCH = 256
Vectors = NDArray[np.float32]


def features_of(recipe: Recipe) -> tuple[SvmSpec, Checkpoint]:
    """What a recipe says of the machine, and the checkpoint whose features it classifies.

    Raises:
        CheckpointError: the checkpoint of the features is missing or broken.
        RecipeError: the recipe does not fit.
    """
    spec = recipe.svm
    if spec is None or recipe.model.architecture != "svm-on-features":
        raise RecipeError(f"svm needs model.architecture svm-on-features, not {recipe.model.architecture}.")
    if recipe.model.checkpoint or recipe.model.pretrained != "none":
        raise RecipeError(
            "model.checkpoint and model.pretrained cannot be set with svm, which trains no network; svm.features names "
            "the checkpoint whose features it learns from."
        )
    if recipe.preprocess != PreprocessSpec():
        raise RecipeError("preprocess cannot be set with svm: it is that of the features' checkpoint.")
    return spec, open_checkpoint(spec.features)


def fit_svm(run: Run, training: SampleTable, validation: SampleTable) -> Checkpoint:
    """Fits the recipe's machine on the training split and writes it as a checkpoint.

    The checkpoint holds the features' network too, so that it answers by itself; the preprocessing is that network's.
    It is a few linear maps in safetensors, whatever scikit-learn's own objects look like.

    Raises:
        CheckpointError: the checkpoint of the features is missing or broken.
        DataError: as `fit`.
        ModelError: its network does not end in a linear layer.
        RecipeError: the recipe does not fit, or the folder holds a run of another one.
    """
    spec, source = features_of(run.recipe)
    how = source.card.preprocess
    recipe = run.recipe.model_copy(update={"preprocess": how})
    data = load_tensors(training, recipe)
    check_trainable(data, recipe.classes)
    load_tensors(validation, recipe)  # what is wrong with it is said before the fit
    claim(run, training, validation)
    arguments: dict[str, Any] = {
        "network": source.card.architecture,
        "network_arguments": source.card.build_arguments,
        "network_classes": len(source.card.classes),
    }
    chosen = chosen_samples(data.labels.numpy(), spec.samples_at_most, recipe.seed)
    with counting(run.folder, "computing features", len(chosen)) as count:
        seen = _features(_machine(source, recipe, arguments), data.pixels[chosen], how.normalise, count)
    mean, std = seen.mean(0), seen.std(0)
    std[std == 0] = 1.0
    with counting(run.folder, f"fitting the machine to {len(chosen):,} faces"):
        fitted = fit_machine((seen - mean) / std, data.labels.numpy()[chosen], spec, recipe.seed)
    if spec.kernel == "rbf":
        arguments["vectors"] = len(fitted.support_vectors_)
    model = _machine(source, recipe, arguments)
    model.mean.copy_(torch.from_numpy(mean))
    model.std.copy_(torch.from_numpy(std))
    fill(model.head, fitted)
    card = card_of(
        run,
        training,
        preprocess=how,
        selected_on=f"nothing: one fit on {len(chosen):,} faces",
        started_from=f"features of the checkpoint {source.card.name} ({source.card.weights_sha256[:12]})",
        arguments=arguments,
    )
    return ship(run, model, card, training, validation)


def _machine(source: Checkpoint, recipe: Recipe, arguments: dict[str, Any]) -> MachineOnFeatures:
    """The whole network with the weights of the features' network in it."""
    card = Card(
        name="machine",
        architecture="svm-on-features",
        arguments=arguments,
        classes=recipe.classes,
        preprocess=source.card.preprocess,
    )
    model = card.build()
    if not isinstance(model, MachineOnFeatures):
        raise RecipeError("svm-on-features does not build what it should; was it registered anew?")
    weights = source.load().state_dict()
    own = model.network.state_dict()
    model.network.load_state_dict({name: weights[name] for name in own})
    return model.eval().requires_grad_(False)


def _features(model: MachineOnFeatures, pixels: torch.Tensor, normalise: Any, count: Count) -> Vectors:
    """(N, D) float32 of pixels (N, C, S, S)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = model.network.to(device)
    rows = []
    with torch.inference_mode():
        for batch in torch.split(pixels, _BATCH):
            rows.append(network(normalise(batch.to(device))).float().cpu())
            count(sum(map(len, rows)), len(pixels))
    return torch.cat(rows).numpy()


def fit_machine(features: Vectors, labels: NDArray[np.int64], spec: SvmSpec, seed: int) -> Any:
    """scikit-learn's machine, fitted on standardised features (N, D) and labels 0..K-1, each of which occurs."""
    from sklearn.svm import SVC, LinearSVC

    weights = None if spec.class_weights == "none" else "balanced"
    if spec.kernel == "linear":
        machine = LinearSVC(C=spec.penalty, class_weight=weights, random_state=seed, dual=False)
    else:
        gamma = spec.gamma or 1 / features.shape[1]
        machine = SVC(C=spec.penalty, gamma=gamma, class_weight=weights, cache_size=500)
    return machine.fit(features, labels)


def fill(head: nn.Module, fitted: Any) -> None:
    """Gives our module what scikit-learn's has learnt.

    Args:
        head: a `GaussianMachine`, or a linear layer.
        fitted: an `SVC` or a `LinearSVC` of as many classes.
    """
    state = head.state_dict()
    if isinstance(head, GaussianMachine):
        found = {
            "vectors": fitted.support_vectors_,
            "weight": _pair_weights(fitted, head.classes),
            "bias": _signed(fitted.intercept_, head.classes),
            "gamma": np.asarray(fitted.gamma),
        }
    else:
        two = len(fitted.intercept_) == 1  # of two classes there is one plane; the first has its other side
        rows, biases = fitted.coef_, fitted.intercept_
        found = {
            "weight": np.concatenate([-rows, rows]) / 2 if two else rows,
            "bias": np.concatenate([-biases, biases]) / 2 if two else biases,
        }
    head.load_state_dict({name: torch.from_numpy(np.array(found[name], np.float32)) for name in state})


def _signed(values: NDArray[np.floating], classes: int) -> NDArray[np.floating]:
    """With two classes scikit-learn counts a decision above zero for the second; with more, for the pair's first."""
    return -values if classes == 2 else values


def _pair_weights(fitted: Any, classes: int) -> NDArray[np.floating]:
    """(pairs, M): weight of each support vector in the decision between classes i and j.

    scikit-learn keeps for each vector one coefficient against each other class; row j - 1 of a vector of class i < j,
    and row i of one of class j, belong to the pair (i, j).
    """
    of_class = np.repeat(np.arange(classes), fitted.n_support_)
    rows = []
    for i in range(classes):
        for j in range(i + 1, classes):
            row = np.zeros(len(of_class))
            row[of_class == i] = fitted.dual_coef_[j - 1, of_class == i]
            row[of_class == j] = fitted.dual_coef_[i, of_class == j]
            rows.append(row)
    return _signed(np.stack(rows), classes)

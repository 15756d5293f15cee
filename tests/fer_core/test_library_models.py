"""Networks of torchvision and timm, and what is said where a network cannot be made."""

import copy
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fer_core.errors import ModelError, UnavailableError
from fer_core.models import create_model, register_model
from fer_core.models.surgery import set_input_channels, set_num_classes
from tests.fer_core.counting import conv, count, linear, on_meta

RESNET18 = 11_689_512 - linear(512, 1000)


def small() -> nn.Sequential:
    """Two convolutions and a linear layer for 8x8 colour."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(8, 1000)
    )


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_a_grey_picture_gives_what_it_gave_in_colour(channels: int) -> None:
    colour = small()
    before = copy.deepcopy(colour)
    grey = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    changed = set_input_channels(colour, channels)
    assert changed[0].in_channels == channels
    answer = changed(grey.repeat(1, channels, 1, 1))
    torch.testing.assert_close(answer, before(grey.repeat(1, 3, 1, 1)), rtol=1e-5, atol=1e-6)
    assert answer.std() > 0.01


def test_the_same_number_of_channels_changes_nothing() -> None:
    model = small()
    first = model[0]
    assert set_input_channels(model, 3)[0] is first
    with pytest.raises(ModelError, match="Sequential has no convolution"):
        set_input_channels(nn.Sequential(nn.Linear(3, 3)), 1)


def test_only_the_last_layer_is_made_anew() -> None:
    model = small()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    changed = set_num_classes(model, 7)
    assert changed[4].weight.shape == (7, 8)
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        assert torch.equal(changed.state_dict()[name], before[name])
    with_convolution = set_num_classes(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1000, 1)), 7)
    assert with_convolution(torch.zeros(1, 3, 8, 8)).shape == (1, 7, 6, 6)
    with pytest.raises(ModelError, match="no layer that classifies"):
        set_num_classes(nn.Sequential(nn.ReLU()), 7)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_resnet18_of_both_families_by_arithmetic(family: str, channels: int) -> None:
    model = create_model(f"{family}/resnet18", num_classes=7, in_channels=channels)
    assert count(model) == RESNET18 - (3 - channels) * 64 * 49 + linear(512, 7)
    assert model.eval()(torch.zeros(1, channels, 64, 64)).shape == (1, 7)


@pytest.mark.parametrize(
    ("name", "published", "features"),
    [
        ("mobilenet_v3_small", 2_542_856, 1024),
        ("efficientnet_b0", 5_288_548, 1280),
        ("densenet121", 7_978_856, 1024),
        ("vit_b_16", 86_567_656, 768),
        ("swin_t", 28_288_354, 768),
        ("convnext_tiny", 28_589_128, 768),
        ("googlenet", 6_624_904, 1024),  # published without its two auxiliary heads
    ],
)
def test_torchvision_models_by_arithmetic(name: str, published: int, features: int) -> None:
    model = on_meta(f"torchvision/{name}", num_classes=7, in_channels=3)
    assert count(model) == published - linear(features, 1000) + linear(features, 7)


def test_squeezenet_classifies_with_a_convolution() -> None:
    model = on_meta("torchvision/squeezenet1_1", num_classes=7, in_channels=3)
    assert count(model) == 1_235_496 - conv(512, 1000, 1) + conv(512, 7, 1)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_training_gives_logits_also_where_torchvision_adds_auxiliary_heads(name: str) -> None:
    model = on_meta(f"torchvision/{name}", num_classes=7, in_channels=1).train()
    logits = model(torch.empty(2, 1, 96, 96, device="meta"))
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet50_fc", "Unknown architecture 'resnet50_fc'; did you mean resnet50-fc"),
        ("Compact", "did you mean compact"),
        ("zzz", r"there are compact, .*vggnet-670k, torchvision/NAME and timm/NAME"),
        ("torchvision", "Unknown architecture 'torchvision'; there are"),
        ("torchvision/resnet181", "torchvision has no classifier 'resnet181'; did you mean .*resnet18"),
        ("torchvision/fasterrcnn_resnet50_fpn", "torchvision has no classifier"),
        ("timm/resnet18x", "timm has no model 'resnet18x'; did you mean .*resnet18"),
        ("timm/hf-hub:someone/something", "timm has no model 'hf-hub:someone/something'"),
        ("timm/local-dir:/tmp", "timm has no model 'local-dir:/tmp'"),
        ("keras/resnet18", "Unknown architecture 'keras/resnet18'"),
    ],
)
def test_unknown_names_name_near_ones(name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        create_model(name, num_classes=7)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("compact", {"width": 32}, "'compact' does not take these arguments: .*'width'"),
        ("compact", {"pretrained": True}, "does not take these arguments: .*'pretrained'"),
        ("compact", {"widths": [8, 16], "depths": [1]}, "2 widths and 1 depths"),
        ("compact", {"widths": [], "depths": []}, "0 widths"),
        ("compact", {"widths": ["a"], "depths": [1]}, "does not take these arguments"),
        ("compact", {"widths": [-4], "depths": [1]}, "does not take these arguments"),
        ("compact", {"dropout": 1.5}, r"does not take these arguments: .*between 0 and 1, but got 1.5"),
        ("compact", {"name": "other"}, "'name'"),
        ("resnet50-fc", {"hidden": 5}, "does not take these arguments"),
        ("torchvision/resnet18", {"depth": 3}, "does not take these arguments: .*'depth'"),
        ("torchvision/resnet18", {"weights": "DEFAULT"}, "does not take these arguments: .*'weights'"),
        ("timm/resnet18", {"depth": 3}, "does not take these arguments: .*'depth'"),
    ],
)
def test_arguments_that_do_not_fit(name: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        create_model(name, num_classes=7, in_channels=3, **arguments)


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'compact' is registered twice"):
        register_model("compact", input_px=48, in_channels=1)(lambda **_: nn.Identity())


@pytest.mark.parametrize("error", [urllib.error.URLError("no network"), OSError("no network")])
@pytest.mark.parametrize("name", ["torchvision/resnet18", "vgg19-fc"])
def test_torchvision_weights_without_a_network(
    name: str, error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # nothing was fetched before
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with torch.device("meta"), pytest.raises(UnavailableError, match=r"weights of \w+ are not on this machine"):
        create_model(name, num_classes=7, pretrained=True)


def test_timm_weights_without_a_network_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm  # noqa: F401
    from huggingface_hub import constants

    def fail(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    asked: list[str] = []
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, **_: asked.append(request.full_url) or fail())
    started = time.perf_counter()
    with pytest.raises(UnavailableError, match="weights of resnet18 are not on this machine"):
        create_model("timm/resnet18", num_classes=7, pretrained=True)
    assert time.perf_counter() - started < 10  # timm by itself asks again for 47 seconds
    assert asked == [constants.ENDPOINT]
    assert constants.HF_HUB_OFFLINE is False  # the next call may find a network
    create_model("timm/resnet18", num_classes=7)
    assert len(asked) == 1  # without `pretrained` nobody is asked


def test_timm_weights_with_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hub answers, even with a refusal, timm is left to fetch by itself."""
    import timm
    from huggingface_hub import constants

    def refuse(request: urllib.request.Request, **_: Any) -> None:
        raise urllib.error.HTTPError(request.full_url, 401, "Unauthorized", {}, None)  # type: ignore[arg-type]

    seen: list[bool] = []
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: seen.append(constants.HF_HUB_OFFLINE) or nn.Identity())
    create_model("timm/resnet18", num_classes=7, pretrained=True)
    assert seen == [False]

"""Our own networks: parameters by arithmetic, layer by layer."""

import itertools

import pytest
import torch
from torch import nn

from fer_core.models import architectures, create_model
from tests.fer_core.counting import conv, count, linear, on_meta

# Without their classifiers, colour input: the published 25,557,032, 143,667,240 and 138,357,544 less their heads.
RESNET50 = 25_557_032 - linear(2048, 1000)
VGG_HEAD = linear(512 * 49, 4096) + linear(4096, 4096) + linear(4096, 1000)
VGG19 = 143_667_240 - VGG_HEAD
VGG16 = 138_357_544 - VGG_HEAD


def test_vggnet_670k_has_the_published_number_of_parameters() -> None:
    model = create_model("vggnet-670k", num_classes=7, in_channels=3)
    by_hand = conv(3, 64) + conv(64, 64) + conv(64, 96) + 2 * conv(96, 96) + conv(96, 128) + 2 * conv(128, 128)
    by_hand += 2 * (2 * 64 + 3 * 96 + 3 * 128) + linear(128, 7)
    assert by_hand == 668_583
    assert count(model) == 668_583
    running = sum(b.numel() for n, b in model.named_buffers() if n.endswith(("running_mean", "running_var")))
    assert count(model) + running == 670_183


def test_vggnet_670k_layer_by_layer() -> None:
    model = create_model("vggnet-670k", num_classes=7, in_channels=3)
    block = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert isinstance(model, nn.Sequential)
    assert [type(layer) for layer in model] == [
        *(block * 2),
        nn.MaxPool2d,
        *(block * 3),
        nn.MaxPool2d,
        *(block * 3),
        nn.AdaptiveAvgPool2d,
        nn.Flatten,
        nn.Linear,
    ]
    convolutions = [layer for layer in model if isinstance(layer, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 64, 96, 96, 96, 128, 128, 128]
    assert all(c.kernel_size == (3, 3) and c.padding == (1, 1) and c.bias is not None for c in convolutions)
    pools = [layer for layer in model if isinstance(layer, nn.MaxPool2d)]
    assert [(p.kernel_size, p.stride, p.padding) for p in pools] == [(3, 3, 0)] * 2
    # 100 -> 33 -> 11: what the last block sees.
    assert model[:-3](torch.zeros(1, 3, 100, 100)).shape == (1, 128, 11, 11)


@pytest.mark.parametrize("classes", [7, 8])
def test_compact_is_under_a_million(classes: int) -> None:
    model = create_model("compact", num_classes=classes, in_channels=1)
    widths = [1, 32, 48, 48, 112, 112, 112, 208, 208]
    by_hand = sum(conv(a, b, bias=False) + 2 * b for a, b in itertools.pairwise(widths))
    assert count(model) == by_hand + linear(208, classes) < 1_000_000
    # Three halvings: 48 -> 24 -> 12 -> 6.
    assert model.features(torch.zeros(1, 1, 48, 48)).shape == (1, 208, 6, 6)


HEADS = {
    ("resnet50-fc", 3): RESNET50 + linear(2048, 1024) + linear(1024, 4096) + linear(4096, 7),
    ("resnet50-fc", 1): RESNET50 - 2 * 64 * 49 + linear(2048, 1024) + linear(1024, 4096) + linear(4096, 7),
    ("resnet50-partial", 3): RESNET50 + linear(2048, 7),
    ("vgg19-fc", 3): VGG19 + linear(512, 1024) + linear(1024, 4096) + linear(4096, 7),
    ("kdef-vgg16", 1): VGG16 - 2 * 64 * 9 + linear(512 * 49, 512) + linear(512, 128) + linear(128, 7),
}


@pytest.mark.parametrize(("name", "channels"), HEADS)
def test_published_systems_by_arithmetic(name: str, channels: int) -> None:
    assert count(on_meta(name, num_classes=7, in_channels=channels)) == HEADS[name, channels]


def test_the_baseline_has_one_linear_layer_and_no_dropout() -> None:
    model = on_meta("resnet50-fc", num_classes=7, in_channels=3, hidden=[])
    assert count(model) == RESNET50 + linear(2048, 7)
    assert [d.p for d in model.modules() if isinstance(d, nn.Dropout)] == [0.0]


@pytest.mark.parametrize(
    ("name", "attribute", "widths", "dropout"),
    [
        ("resnet50-fc", "fc", [2048, 1024, 4096, 7], 0.5),
        ("resnet50-partial", "fc", [2048, 7], 0.2),
        ("vgg19-fc", "classifier", [512, 1024, 4096, 7], 0.5),
        ("kdef-vgg16", "classifier", [25088, 512, 128, 7], 0.3),
    ],
)
def test_heads_layer_by_layer(name: str, attribute: str, widths: list[int], dropout: float) -> None:
    head = getattr(on_meta(name, num_classes=7, in_channels=3), attribute)
    linears = [layer for layer in head if isinstance(layer, nn.Linear)]
    assert [linears[0].in_features, *(layer.out_features for layer in linears)] == widths
    # Dropout before each linear layer, ReLU between them, nothing after the last.
    assert [type(layer) for layer in head] == [nn.Dropout, nn.Linear, nn.ReLU] * (len(widths) - 2) + [
        nn.Dropout,
        nn.Linear,
    ]
    assert {d.p for d in head if isinstance(d, nn.Dropout)} == {dropout}


def test_every_architecture_answers_at_its_own_size() -> None:
    for architecture in architectures():
        with torch.device("meta"):
            model = architecture.build(num_classes=5, in_channels=architecture.in_channels).eval()
            side = architecture.input_px
            assert model(torch.zeros(2, architecture.in_channels, side, side)).shape == (2, 5), architecture.name
        assert architecture.summary
        assert "\n" not in architecture.summary


def test_architectures_are_listed_by_name() -> None:
    names = [a.name for a in architectures()]
    assert names == sorted(names)
    assert {"compact", "vggnet-670k", "resnet50-fc", "resnet50-partial", "vgg19-fc", "kdef-vgg16"} <= set(names)

import numpy as np
import pytest
import torch
from torch import nn

from fer_core.errors import ModelError
from fer_core.explain import (
    LayerInfo,
    coarse_note,
    default_layer,
    explain_batch,
    finer_than,
    methods,
    saliency_layers,
)
from fer_core.models import create_model


def layers_of(name: str, channels: int, size: int, **arguments: object) -> tuple[LayerInfo, ...]:
    return saliency_layers(create_model(name, num_classes=7, in_channels=channels, **arguments), channels, size)


def test_compact_gives_each_convolution_and_what_comes_after_its_relu() -> None:
    found = layers_of("compact", 1, 48, widths=(4, 6, 8, 10), depths=(1, 1, 2, 1))
    blocks = [("stage1.0", 4, 48), ("stage2.0", 6, 24), ("stage3.0", 8, 12), ("stage3.1", 8, 12), ("stage4.0", 10, 6)]
    assert found == tuple(
        LayerInfo(f"features.{block}.{leaf}", kind, width, (side, side))
        for block, width, side in blocks
        for leaf, kind in (("conv", "convolution"), ("relu", "activation"))
    )
    assert default_layer(found).name == "features.stage4.0.relu"
    assert coarse_note(found, "features.stage4.0.relu") == ""


def test_resnet_gives_blocks_in_place_of_relus_that_run_twice() -> None:
    found = layers_of("torchvision/resnet18", 3, 48)
    names = [layer.name for layer in found]
    assert [name for name in names if "relu" in name] == ["relu"]
    assert {"layer1.0", "layer1.1", "layer4.0", "layer4.1"} <= set(names)
    assert not {"", "layer4", "maxpool", "avgpool", "bn1", "layer2.0.downsample"} & set(names)
    assert found[0] == LayerInfo("conv1", "convolution", 64, (24, 24))
    assert default_layer(found) == LayerInfo("layer4.1", "block", 512, (2, 2))


def test_a_coarse_map_is_flagged_and_a_finer_layer_named() -> None:
    found = layers_of("torchvision/resnet50", 3, 48)
    assert default_layer(found).coarse
    assert finer_than(found, "layer4.2") == LayerInfo("layer2.3", "block", 512, (6, 6))
    assert coarse_note(found, "layer4.2") == (
        "layer4.2 divides the face into 2 x 2 cells, too few to tell its parts apart; layer2.3 has 6 x 6."
    )
    assert finer_than(found, "conv1") is None


@pytest.mark.parametrize(("hw", "coarse"), [((4, 4), False), ((3, 9), True), ((9, 3), True), ((1, 2), True)])
def test_coarse_is_fewer_than_four_either_way(hw: tuple[int, int], coarse: bool) -> None:
    layer = LayerInfo("a", "convolution", 1, hw)
    assert layer.coarse is coarse
    assert coarse_note([layer], "a").endswith("no earlier layer is finer.") is coarse


@pytest.mark.parametrize(
    ("name", "size", "default"),
    [
        ("torchvision/vgg11", 64, ("features.19", (4, 4))),  # 20 is the max pooling
        ("torchvision/squeezenet1_1", 64, ("classifier.2", (3, 3))),
        ("torchvision/mobilenet_v2", 64, ("features.18.2", (2, 2))),
        ("torchvision/densenet121", 64, ("features.denseblock4", (2, 2))),
        ("torchvision/convnext_tiny", 64, ("features.7.2", (2, 2))),
    ],
)
def test_default_is_the_last_map_before_pooling(name: str, size: int, default: tuple[str, tuple[int, int]]) -> None:
    found = layers_of(name, 3, size)
    assert (default_layer(found).name, default_layer(found).map_hw) == default


def test_layers_with_channels_last_are_no_maps() -> None:
    # Within a ConvNeXt block, GELU works on (N, H, W, C); its four dimensions are not what they seem.
    found = layers_of("torchvision/convnext_tiny", 3, 64)
    assert {layer.kind for layer in found} == {"convolution", "block"}
    assert [layer.name for layer in layers_of("torchvision/swin_t", 3, 64)] == ["features.0.0"]


@pytest.mark.parametrize("name", ["compact", "vggnet-670k", "torchvision/resnet18", "timm/resnet18"])
def test_every_layer_offered_can_be_explained(name: str) -> None:
    channels = 1 if name == "compact" else 3
    model = create_model(name, num_classes=7, in_channels=channels)
    for layer in saliency_layers(model, channels, 48):
        raw = explain_batch(model, torch.zeros(1, channels, 48, 48), [0], layer=layer.name)
        assert raw.shape[1:] == layer.map_hw


def test_costs_count_the_passes() -> None:
    assert {method.name: method.passes(192) for method in methods()} == {
        **dict.fromkeys(("gradcam", "hirescam", "gradcam++", "xgradcam", "layercam"), (1, 1)),
        "eigencam": (1, 0),
        "scorecam": (193, 0),
        "ablationcam": (194, 0),
        "integrated": (66, 64),
        "occlusion": (145, 0),
        "rollout": (2, 0),
    }


def test_network_without_maps_has_no_layers() -> None:
    dense = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU(), nn.Linear(3, 2))
    assert saliency_layers(dense, 1, 8) == ()
    with pytest.raises(ModelError, match="no layer with a map"):
        explain_batch(dense, torch.zeros(1, 1, 8, 8), [0])


def test_a_name_that_is_not_among_the_layers_is_refused() -> None:
    found = layers_of("compact", 1, 48)
    with pytest.raises(ModelError, match=r"'head' is not among the layers with a map: features\.stage1"):
        finer_than(found, "head")


def test_picture_that_is_too_small_is_refused_with_its_size() -> None:
    with pytest.raises(ModelError, match="does not take a picture of 4 x 4 pixels"):
        layers_of("compact", 1, 4)


def test_a_block_that_adds_in_place_is_explained_with_what_it_hands_on() -> None:
    model = create_model("torchvision/convnext_tiny", num_classes=7, in_channels=3).eval()
    kept = []
    handle = model.features[7][2].register_forward_hook(lambda _m, _a, output: kept.append(output.detach().clone()))
    inputs = torch.randn(1, 3, 64, 64)
    raw = explain_batch(model, inputs, method="eigencam", layer="features.7.2")[0]
    handle.remove()
    cells = kept[0][0].reshape(768, 4).T.numpy()
    direction = np.linalg.svd(cells - cells.mean(0), full_matrices=False)[2][0]
    np.testing.assert_allclose(np.abs(raw.ravel()), np.abs((cells - cells.mean(0)) @ direction), rtol=1e-4, atol=1e-5)

"""Which layers stand still, and which learn at which rate."""

from typing import Any

import pytest
import torch

from fer_core.errors import RecipeError
from fer_core.models import create_model
from training.layers import check_patterns, frozen, indexed_layers, make_optimiser, matches, set_phase
from training.recipe import GroupSpec, OptimiserSpec, PhaseSpec, Recipe, load_recipe, parse_recipe

# Keras's ResNet50 without its top has 175 layers: input, padding, convolution, normalisation, activation, padding and
# pooling; then stages of 3, 4, 6 and 3 blocks, 12 layers in a stage's first block, whose shortcut is convolved, and 10
# in the others.
KERAS_BLOCKS = (3, 4, 6, 3)


def resnet50() -> torch.nn.Module:
    with torch.device("meta"):
        return create_model("resnet50-partial", num_classes=7, in_channels=3)


def test_patterns_by_hand() -> None:
    assert matches("layer4.1.conv1.weight", ["layer4"])
    assert matches("layer4.1.conv1.weight", ["layer4.1"])
    assert matches("layer4.1.conv1.weight", ["layer?.*.conv1"])
    assert not matches("layer4.1.conv1.weight", ["layer4.10", "conv1", "layer"])
    assert not matches("layer4.1.conv1.weight", [])
    assert not matches("fc.1.weight", ["*", "!fc"])
    assert matches("layer4.1.conv1.weight", ["*", "!fc"])
    assert matches("fc.1.weight", ["*", "!fc", "fc.1"])  # the last that fits decides


def test_our_number_94_is_keras_s_155() -> None:
    first_of_stage = [7 + sum(12 + 10 * (n - 1) for n in KERAS_BLOCKS[:stage]) for stage in range(5)]
    assert first_of_stage == [7, 39, 81, 143, 175]
    assert first_of_stage[3] + 12 == 155  # the last stage's second block
    names = indexed_layers(resnet50())
    assert names[:3] == ["conv1", "bn1", "layer1.0.conv1"]
    assert names[94] == "layer4.1.conv1"
    assert len(names) == 107  # 53 convolutions, 53 normalisations, one linear layer


def test_what_the_published_recipe_freezes() -> None:
    recipe = load_recipe("fer2013-resnet50-partial")
    network = resnet50()
    head, partly = recipe.phases
    every = {name for name, _ in network.named_parameters()}
    learns = [every - frozen(network, phase) for phase in (head, partly)]
    assert learns[0] == {"fc.1.weight", "fc.1.bias"}
    assert {name.rpartition(".")[0].rpartition(".")[0] for name in learns[1]} == {"layer4.1", "layer4.2", "fc"}
    # Two bottleneck blocks: 2048 to 512 by 1x1, 512 to 512 by 3x3, 512 to 2048 by 1x1, two numbers a channel for each
    # normalisation; and the head.
    block = 2048 * 512 + 512 * 512 * 9 + 512 * 2048 + 2 * (512 + 512 + 2048)
    assert sum(network.get_parameter(name).numel() for name in learns[1]) == 2 * block + 2048 * 7 + 7


def test_frozen_normalisation_works_as_in_evaluation() -> None:
    torch.manual_seed(0)
    network = create_model("compact", num_classes=7, in_channels=1, widths=[4, 4], depths=[1, 1])
    still = set_phase(network, PhaseSpec(name="x", epochs=1, freeze=("features.stage1",)))
    assert still == [network.get_submodule("features.stage1.0.norm")]
    learns = {name for name, p in network.named_parameters() if p.requires_grad}
    assert learns == {f"features.stage2.0.{n}" for n in ("conv.weight", "norm.weight", "norm.bias")} | {
        "head.weight",
        "head.bias",
    }
    assert set_phase(network, PhaseSpec(name="y", epochs=1)) == []
    assert all(p.requires_grad for p in network.parameters())


def groups(*patterns: tuple[str, ...]) -> list[GroupSpec]:
    return [GroupSpec(name=f"g{i}", layers=p) for i, p in enumerate(patterns)]


def test_groups_by_hand() -> None:
    network = create_model("compact", num_classes=7, in_channels=1, widths=[4, 4], depths=[1, 1])
    optimiser = make_optimiser(
        network, OptimiserSpec(weight_decay=0.01), groups(("features.stage1",), ("features", "!features.stage1.0.norm"))
    )
    names = {id(p): name for name, p in network.named_parameters()}
    found = [(g["name"], g["weight_decay"], sorted(names[id(p)] for p in g["params"])) for g in optimiser.param_groups]
    assert found == [
        ("g0", 0.01, ["features.stage1.0.conv.weight"]),
        ("g0", 0.0, ["features.stage1.0.norm.bias", "features.stage1.0.norm.weight"]),
        ("g1", 0.01, ["features.stage2.0.conv.weight"]),  # the first group that fits has stage1
        ("g1", 0.0, ["features.stage2.0.norm.bias", "features.stage2.0.norm.weight"]),
        ("rest", 0.01, ["head.weight"]),
        ("rest", 0.0, ["head.bias"]),
    ]


def recipe(**values: Any) -> Recipe:
    return parse_recipe({"name": "x", "model": {"architecture": "compact"}} | values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"groups": [{"name": "early", "layers": ["featurs"]}]},
            "groups: early: no layer of compact is called 'featurs'; at the top it has features, head",
        ),
        (
            {"phases": [{"name": "a", "epochs": 1, "freeze": ["*", "!hed"]}]},
            "phases: a: no layer of compact is called '!hed'",
        ),
        ({"phases": [{"name": "a", "epochs": 1, "freeze": ["*"]}]}, "phases: a trains nothing, .* all 17 layers"),
        ({"phases": [{"name": "a", "epochs": 1, "freeze_before": 155}]}, "phases: a trains nothing"),
    ],
)
def test_layers_that_there_are_not(values: dict[str, Any], said: str) -> None:
    network = create_model("compact", num_classes=7, in_channels=1)  # eight convolutions, each normalised, and a head
    with pytest.raises(RecipeError, match=said):
        check_patterns(network, recipe(**values))


def test_patterns_that_mean_something_pass() -> None:
    network = create_model("compact", num_classes=7, in_channels=1)
    check_patterns(network, recipe(phases=[{"name": "a", "epochs": 1, "freeze": ["*", "!head"], "freeze_before": 16}]))

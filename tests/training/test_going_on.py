"""A run that goes on from a checkpoint: the same answers at first, whatever was grown."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.errors import CheckpointError, FERScopeError, ModelError, RecipeError
from fer_core.labels import FERPLUS8
from fer_core.models import create_model
from fer_core.models.surgery import grow_into
from fer_core.preprocess import Preprocess
from tests.conftest import TINY
from training.checks import check_recipe
from training.fit import Run, fit
from training.recipe import Recipe
from training.start import first_network

Make = Callable[..., Recipe]
MakeCheckpoint = Callable[..., Checkpoint]
WIDER = TINY | {"widths": [2 * width + 1 for width in TINY["widths"]]}


def going_on(make: Make, checkpoint: Checkpoint, arguments: dict[str, Any] = TINY, **changes: Any) -> Recipe:
    model = {"architecture": "compact", "arguments": arguments, "checkpoint": str(checkpoint.folder)}
    return make(model=model, **changes)


@pytest.mark.parametrize("arguments", [TINY, WIDER], ids=["as large", "wider"])
def test_it_begins_with_the_checkpoints_answers(
    arguments: dict[str, Any], tiny_recipe: Make, make_checkpoint: MakeCheckpoint
) -> None:
    checkpoint = make_checkpoint()
    network, words = first_network(going_on(tiny_recipe, checkpoint, arguments))
    assert words == f"weights of the checkpoint random (sha256 {checkpoint.card.weights_sha256[:12]})"
    pictures = torch.randn(5, 1, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(pictures), checkpoint.load()(pictures), rtol=1e-5, atol=1e-5)


def test_what_was_grown_learns(tiny_recipe: Make, make_checkpoint: MakeCheckpoint) -> None:
    network, _ = first_network(going_on(tiny_recipe, make_checkpoint(), WIDER))
    old = TINY["widths"][-1]
    assert network.head.weight[:, old:].eq(0).all()
    torch.nn.functional.cross_entropy(network(torch.randn(8, 1, 48, 48)), torch.arange(8) % 7).backward()
    assert network.head.weight.grad[:, old:].ne(0).any(1).all()
    assert network.features.stage1[0].conv.weight[TINY["widths"][0] :].ne(0).all()


def test_by_hand() -> None:
    # 2 x + 1 of one number, grown to two numbers in and three out: what reads the second number begins at zero.
    small = {"weight": torch.tensor([[2.0]]), "bias": torch.tensor([1.0])}
    layer = torch.nn.Linear(2, 3)
    before = layer.weight.clone()
    grow_into(layer, small)
    assert layer.weight[0].tolist() == [2.0, 0.0]
    assert layer.bias[0] == 1.0
    assert torch.equal(layer.weight[1:], before[1:])


def test_other_classes_get_a_new_last_layer(tiny_recipe: Make, make_checkpoint: MakeCheckpoint) -> None:
    checkpoint = make_checkpoint(classes=FERPLUS8.names)
    network, _ = first_network(going_on(tiny_recipe, checkpoint))
    theirs = checkpoint.load().state_dict()
    own = network.state_dict()
    assert own["head.weight"].shape == (7, theirs["head.weight"].shape[1])
    assert all(torch.equal(own[name], theirs[name]) for name in own if not name.startswith("head"))


def test_a_run_goes_on_and_its_card_says_from_where(
    tiny_recipe: Make, make_checkpoint: MakeCheckpoint, drawn: SampleTable, tmp_path: Any
) -> None:
    first = make_checkpoint()
    run = Run(going_on(tiny_recipe, first, epochs=1), drawn, "drawn", tmp_path / "run", tmp_path / "out")
    trained = fit(run).card.trained
    assert trained is not None
    assert trained.started_from == f"weights of the checkpoint random (sha256 {first.card.weights_sha256[:12]})"
    # Another checkpoint under the same name is another run.
    make_checkpoint(seed=1)
    with pytest.raises(FERScopeError, match="Choose another --run"):
        fit(run)


def test_what_does_not_fit_is_refused_before_it_is_queued(tiny_recipe: Make, make_checkpoint: MakeCheckpoint) -> None:
    checkpoint = make_checkpoint()

    def refused(error: type[FERScopeError], said: str, recipe: Recipe) -> None:
        for act in (check_recipe, first_network):
            with pytest.raises(error, match=said):
                act(recipe)

    narrow = TINY | {"widths": [1 for _ in TINY["widths"]]}
    refused(RecipeError, r"model\.checkpoint: random does not fit .*stage1", going_on(tiny_recipe, checkpoint, narrow))
    deeper = TINY | {"depths": [depth + 1 for depth in TINY["depths"]]}
    refused(RecipeError, "the checkpoint has none", going_on(tiny_recipe, checkpoint, deeper))
    colour = make_checkpoint(preprocess=Preprocess(channels=3, mean=(0.5,) * 3, std=(0.25,) * 3))
    refused(RecipeError, "takes 3 channels, not 1; set preprocess.channels", going_on(tiny_recipe, colour))
    other = {"architecture": "fec-cnn", "checkpoint": str(make_checkpoint().folder)}
    refused(RecipeError, "random is a compact, not a fec-cnn; set model.architecture", tiny_recipe(model=other))
    tampered = make_checkpoint(checkpoint.folder.parent / "tampered")
    tampered.folder.joinpath("model.safetensors").write_bytes(
        make_checkpoint(checkpoint.folder.parent / "another", seed=1).folder.joinpath("model.safetensors").read_bytes()
    )
    refused(CheckpointError, "is not the file that its card describes", going_on(tiny_recipe, tampered))
    missing = {"architecture": "compact", "arguments": TINY, "checkpoint": "nobody"}
    refused(CheckpointError, "nobody", tiny_recipe(model=missing))
    with pytest.raises(RecipeError, match="begins either with the weights of the checkpoint 'compact' or with"):
        tiny_recipe(model=missing | {"checkpoint": "compact", "pretrained": "imagenet"})


def test_only_networks_of_one_chain_grow(tiny_recipe: Make, make_checkpoint: MakeCheckpoint) -> None:
    small = make_checkpoint(architecture="fec-cnn", arguments={"filters": [2], "hidden": [4]})
    model = {"architecture": "fec-cnn", "arguments": {"filters": [3], "hidden": [4]}, "checkpoint": str(small.folder)}
    with pytest.raises(RecipeError, match=r"cannot be grown; set model\.arguments to \{'filters': \[2\]"):
        first_network(tiny_recipe(model=model))
    with pytest.raises(ModelError, match=r"The checkpoint has 1\.bias, and the network has no such layer"):
        grow_into(create_linear(1), dict(create_linear(2).state_dict()))


def create_linear(layers: int) -> torch.nn.Module:
    return torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(layers)))


def test_the_shipped_compact_can_be_gone_on_from(tiny_recipe: Make) -> None:
    model = {"architecture": "compact", "checkpoint": "compact"}
    arguments = {"widths": [24, 32, 80, 192], "depths": [1, 2, 3, 3]}
    network, words = first_network(tiny_recipe(model=model | {"arguments": arguments}))
    assert words.startswith("weights of the checkpoint compact")
    fresh = create_model("compact", num_classes=7, in_channels=1, **arguments)
    assert network.state_dict().keys() == fresh.state_dict().keys()

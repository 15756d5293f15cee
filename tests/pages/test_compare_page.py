"""The Compare page's script through Streamlit's AppTest: its numbers are counted anew from the networks' answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from fer_core.checkpoint import list_checkpoints
from fer_core.data import SampleTable
from fer_core.data.store import DataSet, keep
from fer_core.evaluate.cached import evaluate_split
from fer_core.evaluate.shelf import list_predictions
from fer_core.labels import FERPLUS8
from fer_core.predict import get_predictor
from tests.pages.reading import texts
from training.recipe import load_recipe
from training.tracking.reading import RecordedRun

MODELS = ("compact", "compact-teacher")
Open = Callable[..., AppTest]


@pytest.fixture
def open_view(open_page: Open) -> Open:
    """Runs the page with a view picked, as a link does."""
    return lambda view="Leaderboard", **query: open_page("3_Compare", **{"compare": view, **query})


@pytest.fixture
def answers(data_set: DataSet, drawn: SampleTable) -> dict[str, np.ndarray]:
    """(56,) by checkpoint the class that it says of each validation face; the pages' tables are written, too."""
    said = {}
    for name in MODELS:
        evaluate_split(get_predictor(name), data_set.samples(), "validation", "drawn")
        said[name] = get_predictor(name).probabilities(drawn.split("validation").faces()).argmax(1)
    return said


def test_an_empty_workspace_leads_to_the_data_sets(open_view: Open) -> None:
    assert "none is here yet" in texts(open_view())


@pytest.mark.usefixtures("data_set")
def test_without_predictions_they_are_offered(open_view: Open) -> None:
    app = open_view()
    assert "No checkpoint has predicted the validation split of drawn yet" in texts(app)
    assert {b.key for b in app.button} >= {f"evaluate {name}" for name in MODELS}


def test_the_leaderboard_has_every_figure(open_view: Open, answers: dict[str, np.ndarray], drawn: SampleTable) -> None:
    labels = drawn.split("validation").label_indices()
    app = open_view()
    table = app.dataframe[0].value.set_index("model")
    for name in MODELS:
        assert table.loc[name, "n"] == 56
        assert table.loc[name, "top-1"].startswith(f"{100 * (answers[name] == labels).mean():.1f}")
    costs = next(d.value for d in app.dataframe if "size (MB)" in d.value).set_index("model")
    assert costs.loc["compact", "parameters (M)"] == 0.96
    assert costs.loc["compact", "latency (ms)"] == "n/a"
    app.button(key="measure latency").click().run()
    assert not app.exception
    costs = next(d.value for d in app.dataframe if "size (MB)" in d.value).set_index("model")
    median, _, interval = costs.loc["compact", "latency (ms)"].partition(" [")
    low, high = interval.rstrip("]").split(", ")
    assert 0 < float(low) <= float(median) <= float(high)


@pytest.mark.usefixtures("answers")
def test_runs_are_named_beside_their_models(
    open_view: Open, data_set: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(name: str, weights: str) -> RecordedRun:
        tags = {"checkpoint.weights_sha256": weights}
        return RecordedRun(name, name, "FINISHED", 1.0, 2.0, f"file:///{name}", tags=tags)

    compact, teacher = (get_predictor(name).card.weights_sha256 for name in MODELS)
    found = [recorded("night-7", compact), recorded("lost", "9" * 64)]
    monkeypatch.setattr("training.tracking.trained.runs", lambda: found)
    app = open_view()
    assert app.dataframe[0].value.set_index("model")["run"].to_dict() == {"compact": "night-7", "compact-teacher": ""}
    assert "**lost**: it has not predicted this split, and cannot any more" in texts(app)
    assert "file:///lost/checkpoint" in texts(app)
    assert open_view("Pairs").multiselect(key="models").options == ["compact (run night-7)", "compact-teacher"]
    for name, why in (("compact", "the paper"), ("compact", "its revision"), ("compact-teacher", "the paper")):
        evaluate_split(get_predictor(name), data_set.samples(), "test", "drawn", why)
    started: list[int] = []
    monkeypatch.setattr("ui.compare.runs.start_recording", lambda models: started.append(models[0].looks))
    app = open_view(split="test")
    assert started == [2]  # the log is ahead of the run's record
    app.text_input[0].set_value("to compare")
    app.button[0].click().run()
    looks = app.dataframe[0].value.set_index("model")["looks at test"].to_dict()
    assert looks == {"compact": 3, "compact-teacher": 2}
    assert {compact, teacher} == {about.model_hash for about in list_predictions()}


def test_a_pair_is_tested(open_view: Open, answers: dict[str, np.ndarray], drawn: SampleTable) -> None:
    labels = drawn.split("validation").label_indices()
    first, second = (answers[name] == labels for name in MODELS)
    alone, other = int((first & ~second).sum()), int((second & ~first).sum())
    p = binomtest(alone, alone + other, 0.5).pvalue if alone + other else 1.0
    app = open_view("Pairs")
    said = texts(app)
    assert f"compact alone is right on {alone:,}, compact-teacher alone on {other:,} of 56 samples" in said
    assert f"exact McNemar p = {p:.2g}" in said
    assert ("may be chance" in said) == (p >= 0.05)
    table = next(d.value for d in app.dataframe if "recall, points" in d.value)
    fear = labels == 2
    assert table["recall, points"][2].startswith(f"{100 * (first[fear].mean() - second[fear].mean()):+.2f} [")


@pytest.mark.usefixtures("answers")
def test_several_as_one_and_a_single_one(open_view: Open) -> None:
    app = open_view("Together")
    table = next(d.value for d in app.dataframe if "top-1" in d.value)
    assert set(table["model"]) == {*MODELS, "mean", "mean, weighted on validation"}
    assert "fitted on these very samples" in texts(app)
    app.multiselect(key="models").set_value(["compact"]).run()
    assert not app.exception
    assert "Two models or more are needed" in texts(app)


@pytest.mark.usefixtures("answers")
def test_the_mean_is_kept_as_a_checkpoint(open_view: Open, drawn: SampleTable) -> None:
    app = open_view("Together")
    app.text_input(key="ensemble name").set_value("compact")
    app.button(key="make ensemble").click().run()
    assert "There is a checkpoint compact already" in texts(app)
    app.text_input(key="ensemble name").set_value("both")
    app.button(key="make ensemble").click().run()
    assert not app.exception
    assert "both is made: mean of what compact and compact-teacher say" in texts(app)
    faces = drawn.split("validation").faces()
    expected = np.mean([get_predictor(name).probabilities(faces) for name in MODELS], axis=0)
    np.testing.assert_allclose(get_predictor("both").probabilities(faces), expected, atol=1e-5)


@pytest.mark.usefixtures("answers")
def test_across_data_tells_what_is_missing(open_view: Open, drawn: SampleTable) -> None:
    keep("other", drawn, "the same under another name")
    app = open_view("Across data")
    row = app.dataframe[0].value.set_index("model").loc["compact"]
    assert row["drawn"] == row["other"]  # the same pictures under the same labels: the same table
    assert row["n of drawn"] == str(len(drawn.split("validation")))
    happy = drawn.table.filter([name in {"happy", "sad"} for name in drawn.table["label"].to_pylist()])
    keep("two", SampleTable(happy, drawn.classes), "two classes")
    app = open_view("Across data")
    assert app.dataframe[0].value.set_index("model").loc["compact", "two"] == "n/a"
    others = len(list_checkpoints()) - len(MODELS)  # of which no table of the three data sets is kept
    assert f"{2 + 3 * others} cells are not measured yet" in texts(app)
    assert "locked" in texts(open_view("Across data", split="test"))


def test_a_run_of_a_recipe_stands_beside_the_claim(
    open_view: Open, home: Path, make_checkpoint: Callable[..., Any]
) -> None:
    values = load_recipe("fer2013-resnet50-fc", ["epochs=3"]).model_dump(mode="json")
    about = {"data": "drawn", "data_hash": "0", "n": 9, "recipe": values, "seed": 0, "selected_on": "nothing"}
    for name, accuracy in (("worse", 0.25), ("better", 0.375)):
        scores = {"accuracy": accuracy, "accuracy_interval": [0.2, 0.5], "n": 64}
        make_checkpoint(home / "checkpoints" / name, trained=about, metrics={"validation": scores})
    app = open_view("Claims")
    assert not app.exception
    rows = app.dataframe[0].value.set_index("source")
    assert rows.loc["ResNet-50, fully connected", ["ours", "by"]].tolist() == ["37.5\xa0%\xa0[20.0,\xa050.0]", "better"]
    told = texts(app)
    assert "Ours is `better`: 37.5 % [20.0, 50.0] of 64 faces of drawn. By the recipe with epochs 3 instead" in told
    assert "Nothing was trained by `fer2013-vgg19` on this machine yet" in told
    ferplus = rows.loc["VGG-like, 670 k, FER+"]
    assert ferplus["by"].tolist() == ["run by FERScope's authors, weights not shipped", ""], "validation, test"
    assert ferplus["ours"].tolist() == ["60.9\xa0%\xa0[59.2,\xa062.5]", "n/a"]
    assert "Ours is `ferplus-vggnet-670k`, run by FERScope's authors, weights not shipped: 60.9 % [59.2, 62.5]" in told
    commands = [code.value for code in app.code]
    assert (
        "python -m training fit ferplus-vggnet-670k --data fer2013 --run ferplus-vggnet-670k --set epochs=2" in commands
    )


def test_claims_are_judged_and_a_users_own(open_view: Open) -> None:
    app = open_view("Claims")
    table = app.dataframe[0].value.set_index("source")
    assert table.loc["ResNet50, partly frozen", "verdict"] == "cannot stand"
    app.number_input[0].set_value(86.3)
    app.number_input[3].set_value(8.5)
    app.number_input[4].set_value(67.0)
    app.button[0].click().run()
    assert not app.exception
    assert ":red-badge[cannot stand] **a paper**, 86.3%" in texts(app)
    assert "1 - (1 - 0.085 + 0.085 (1 / 0.670 - 1)) / 7 = 0.863" in texts(app)


def test_a_deleted_checkpoint_keeps_its_answers(
    open_view: Open, data_set: DataSet, answers: dict[str, np.ndarray], home: Path, make_checkpoint: Callable[..., Any]
) -> None:
    gone = home / "checkpoints" / "gone"
    make_checkpoint(gone)
    evaluate_split(get_predictor(gone), data_set.samples(), "validation", "drawn")
    shutil.rmtree(gone)
    app = open_view()
    assert set(app.dataframe[0].value["model"]) == {*answers, "gone"}
    costs = next(d.value for d in app.dataframe if "size (MB)" in d.value).set_index("model")
    assert costs.loc["gone", "parameters (M)"] == "n/a"
    assert "exact McNemar" in texts(open_view("Pairs"))


@pytest.mark.parametrize("damage", ["cut", "not a number", "an id twice"])
@pytest.mark.usefixtures("answers")
def test_a_damaged_table_is_left_out_and_can_be_made_again(open_view: Open, open_page: Open, damage: str) -> None:
    file = next(about.file for about in list_predictions() if about.model == "compact-teacher")
    table = pq.read_table(file)
    name = "sample_id" if damage == "an id twice" else "logit_0_angry"
    values = table[name].to_pylist()
    values[1] = values[0] if damage == "an id twice" else float("nan")
    column = pa.array(values, table.schema.field(name).type)
    pq.write_table(table.set_column(table.schema.get_field_index(name), table.schema.field(name), column), file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-900] + file.read_bytes()[-800:])
    app = open_view()
    assert app.dataframe[0].value["model"].tolist() == ["compact"]
    if damage != "cut":  # without its head nobody knows whose it was
        assert "compact-teacher is left out: " in texts(app)
    assert "evaluate compact-teacher" in {b.key for b in app.button}
    other = open_page("4_Errors", checkpoint="compact")  # has nothing to do with it
    assert not other.error
    other.selectbox(key="less").set_value("compact-teacher").run()
    assert len(other.error) == 1
    assert "Rows are annotated classes" in texts(other)


@pytest.mark.usefixtures("answers")
def test_models_of_other_classes_are_left_out_and_named(
    open_view: Open, data_set: DataSet, home: Path, make_checkpoint: Callable[..., Any]
) -> None:
    make_checkpoint(home / "checkpoints" / "eight", classes=FERPLUS8.names)
    evaluate_split(get_predictor("eight"), data_set.samples(), "validation", "drawn")
    app = open_view()
    assert "Left out, since they have other classes: eight" in texts(app)
    assert set(app.dataframe[0].value["model"]) == set(MODELS)


@pytest.mark.usefixtures("answers")
def test_the_view_of_one_page_is_none_of_another(open_view: Open) -> None:
    app = open_view("Pairs")
    assert app.segmented_control(key="compare").value == "Pairs"
    app.switch_page("pages/4_Errors.py").run()
    assert not app.exception
    assert app.segmented_control(key="errors").value == "Confusion"

"""The Errors page's script through Streamlit's AppTest: its numbers are counted anew from the network's answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from streamlit.testing.v1 import AppTest

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.data.labelling import under_labels
from fer_core.data.store import DataSet, keep
from fer_core.evaluate.cached import evaluate_split
from fer_core.evaluate.locked import looks
from fer_core.evaluate.probing import ROBUSTNESS
from fer_core.evaluate.results import keep_result
from fer_core.predict import get_predictor
from tests.fer_core.evaluate.voted import learnt_majority, voted
from tests.pages.reading import texts

Open = Callable[..., AppTest]


@pytest.fixture
def open_view(open_page: Open) -> Open:
    """Runs the page with a view picked, as a link does."""
    return lambda view="Confusion", **query: open_page("4_Errors", **{"errors": view, **query})


@pytest.fixture
def predictions(data_set: DataSet) -> Any:
    """What `compact` says of the 56 validation faces."""
    return evaluate_split(get_predictor("compact"), data_set.samples(), "validation", "drawn")


def test_an_empty_workspace_leads_to_the_data_sets(open_view: Open) -> None:
    assert "none is here yet" in texts(open_view())


@pytest.mark.usefixtures("data_set")
def test_without_predictions_they_are_offered(open_view: Open) -> None:
    app = open_view()
    assert "has not predicted the validation split of drawn yet" in texts(app)
    assert [b.label for b in app.button if b.key == "evaluate compact"] == ["Evaluate compact on drawn, validation"]


@pytest.mark.usefixtures("predictions")
def test_the_matrix_counts_what_the_network_says(open_view: Open, drawn: SampleTable) -> None:
    labels = drawn.split("validation").label_indices()
    said = get_predictor("compact").probabilities(drawn.split("validation").faces()).argmax(1)
    right = int((labels == said).sum())
    app = open_view(true="fear", said="happy")
    assert f"| 56 | {100 * right / 56:.1f} % [" in texts(app)
    assert f"**{int(((labels == 2) & (said == 3)).sum())}** of 8 samples of fear" in texts(app)
    table = app.dataframe[0].value
    assert table["n"].tolist() == [8] * 7
    assert table["predicted"].tolist() == np.bincount(said, minlength=7).tolist()
    hits = int(((labels == 2) & (said == 2)).sum())
    assert table["recall"][2].startswith(f"{100 * hits / 8:.1f}")
    app.selectbox(key="true").set_value("sad").run()
    assert f"**{int(((labels == 4) & (said == 3)).sum())}** of 8 samples of sad" in texts(app)


@pytest.mark.usefixtures("predictions")
def test_without_a_choice_the_most_frequent_confusion_is_shown(open_view: Open, drawn: SampleTable) -> None:
    labels = drawn.split("validation").label_indices()
    said = get_predictor("compact").probabilities(drawn.split("validation").faces()).argmax(1)
    counts = np.zeros((7, 7), dtype=int)
    np.add.at(counts, (labels, said), 1)
    np.fill_diagonal(counts, 0)
    app = open_view()
    chosen = (app.selectbox(key="true").value, app.selectbox(key="said").value)
    names = drawn.classes.names
    assert counts[names.index(chosen[0]), names.index(chosen[1])] == counts.max()


@pytest.mark.usefixtures("predictions")
@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("One class", "Where 8 samples of disgust go"),
        ("Slices", "None was searched: a slice needs 30 samples or more, and so does its rest; of these 56 samples"),
        ("Calibration", "its answers are hardly better than chance"),
        ("Votes", "No annotator's votes are known here"),
        ("Label errors", "of 56 are probably wrong"),
        ("Robustness", "It has not been measured yet"),
    ],
)
def test_every_view_opens(open_view: Open, view: str, said: str) -> None:
    app = open_view(view)
    assert not app.error
    assert said in texts(app)


def test_a_class_that_is_never_said_has_no_precision(open_view: Open, predictions: Any) -> None:
    logits = predictions.logits.copy()
    logits[..., 1] = -9  # disgust
    dataclasses.replace(predictions, logits=logits).save()
    app = open_view("One class", **{"class": "disgust"})
    said = texts(app)
    assert "No sample is taken for disgust" in said
    assert "The model never says disgust; there are 8." in said
    assert "nan" not in said
    table = app.dataframe[0].value.set_index("decided by")
    assert table.loc["as it is", "precision of disgust"] == "n/a"
    assert table.loc["as it is", "recall of disgust"].startswith("0.0\u00a0%\u00a0[0.0,")
    assert table["mean recall"].str.contains("[", regex=False).all()


def test_a_checkpoint_that_learnt_votes_is_measured_by_them(
    open_view: Open, drawn: SampleTable, home: Path, make_checkpoint: Callable[..., Any]
) -> None:
    make_checkpoint(home / "checkpoints" / "agreed", trained=learnt_majority())
    samples = keep("voted", voted(drawn), "drawn for a test").samples()
    app = open_view(checkpoint="agreed")
    assert "Labels: FER+'s majority; 4 samples are left out (contempt 1" in texts(app)
    assert "has not predicted the validation split of voted yet" in texts(app)
    evaluate_split(
        get_predictor("agreed"), under_labels(samples, "ferplus-majority", drawn.classes.names), "validation"
    )
    app = open_view(checkpoint="agreed")
    assert "| validation | 52 |" in texts(app)
    app.segmented_control(key="truth").set_value("given").run()
    assert "has not predicted the validation split of voted yet" in texts(app)
    keep("drawn", drawn, "without votes")
    assert "This data set has no votes" in texts(open_view(checkpoint="agreed", data="drawn"))


def test_kept_robustness_is_drawn(open_view: Open, predictions: Any) -> None:
    curve = {"corruption": "noise", "unit": "grey levels", "severities": [0, 8], "n": 8, "accuracy": [0.5, 0.25]}
    keep_result(predictions.about, ROBUSTNESS, [{**curve, "recall": {"fear": [0.5, 0.25]}}])  # without intervals
    assert "It has not been measured yet" in texts(open_view("Robustness"))
    bounds = [[0.2, 0.8], [0.1, 0.6]]
    curve |= {"accuracy_interval": bounds, "recall_interval": {"fear": bounds}, "n_of_class": {"fear": 8}}
    keep_result(predictions.about, ROBUSTNESS, [{**curve, "recall": {"fear": [0.5, 0.25]}}])
    app = open_view("Robustness")
    assert "n = 8 faces, drawn at random (fear 8)" in texts(app)
    assert "**Noise**" in texts(app)
    assert app.selectbox(key="faces of each").options[0].startswith("8: 56 faces, about")


def test_a_flat_learning_curve_promises_nothing(open_view: Open, predictions: Any) -> None:
    flat = {"samples": [2, 4, 8, 12, 16], "recalls": [[0.5, 0.5, 0.5]] * 5, "n": 8}
    keep_result(predictions.about, "learning-1", flat)
    app = open_view("One class", **{"class": "disgust"})
    assert [m.value for m in app.metric] == ["over 1,600"]  # a hundred times the 16 that there are
    assert "there are 16" in texts(app)


def test_the_test_split_asks_why_and_counts(open_view: Open, data_set: DataSet) -> None:
    evaluate_split(get_predictor("compact"), data_set.samples(), "test", "drawn", "measured before")
    app = open_view(split="test")
    assert "The test split is locked" in texts(app)
    assert "compact: 1 look so far" in texts(app)
    app.button[0].click().run()
    assert "give a reason" in texts(app)
    app.text_input[0].set_value("final figure")
    app.button[0].click().run()
    assert not app.exception
    assert "| test | 28 |" in texts(app)
    assert [look.why for look in looks(open_checkpoint("compact").card.weights_sha256)] == [
        "measured before",
        "final figure",
    ]


def test_the_gap_to_train_has_bounds(open_view: Open, data_set: DataSet, predictions: Any) -> None:
    train = evaluate_split(get_predictor("compact"), data_set.samples(), "train", "drawn")
    said = texts(open_view())
    row = next(line for line in said.splitlines() if line.startswith("| train | 112 |"))
    assert row.count("[") == 5  # every figure has its interval
    gap = 100 * (train.right.mean() - predictions.right.mean())
    assert f"Gap to train: **{gap:+.1f}** [" in said


def test_a_split_without_samples_is_not_opened(open_view: Open, open_page: Open, drawn: SampleTable) -> None:
    keep("drawn", SampleTable(drawn.table.filter(pc.not_equal(drawn.table["split"], "test")), drawn.classes), "no test")
    for app in (open_view(split="test"), open_page("3_Compare", split="test")):
        said = texts(app)
        assert "drawn has no test samples. It has train (112 samples) and validation (56 samples)" in said
        assert "locked" not in said
        assert not [b for b in app.button if "valuate" in b.label]


@pytest.mark.usefixtures("predictions")
def test_a_filter_leaves_only_what_passes(open_view: Open) -> None:
    app = open_view()
    app.text_input(key="filter text").set_value("validation-16").run()
    assert "| validation, 8 of 56 | 8 |" in texts(app)  # 160 to 167
    app.text_input(key="filter text").set_value("no such id").run()
    assert "No sample passes all filters" in texts(app)


def test_a_damaged_table_is_told_and_can_be_made_again(open_view: Open, predictions: Any) -> None:
    predictions.about.file.write_bytes(b"cut")
    app = open_view()
    assert "delete it and evaluate again" in texts(app)
    assert [b.label for b in app.button if b.key == "evaluate compact"]

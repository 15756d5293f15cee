"""The Datasets page's script through Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.data.answers import answer, project
from fer_core.data.auditing import audit_data_set
from fer_core.data.store import DataSet, keep
from fer_core.predict import get_predictor
from tests.pages.reading import texts


@pytest.fixture
def open_view(open_page: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Runs the page with a view picked, as a link does."""
    return lambda view="Browse", **query: open_page("1_Datasets", **{"view": view, **query})


def test_an_empty_workspace_says_what_to_do_next(open_view: Callable[..., AppTest]) -> None:
    app = open_view()
    assert "No data set is here yet" in texts(app)
    assert [b.label for b in app.button if b.label == "Draw schematic faces"]
    assert [tab.label for tab in app.tabs] == ["From a path", "Upload", "Download", "Draw", "Merge"]


@pytest.mark.usefixtures("data_set")
def test_browse_counts_and_filters(open_view: Callable[..., AppTest]) -> None:
    app = open_view()
    assert "**196** of 196 samples" in texts(app)
    app.multiselect(key="filter label").select("fear").run()
    assert "**28** of 196 samples" in texts(app)
    app.multiselect(key="filter split").select("test").run()
    assert "**4** of 196 samples" in texts(app)
    app.text_input(key="filter text").set_value("no such id").run()
    assert "No sample passes all filters" in texts(app)
    assert not app.exception


def test_a_tag_is_kept_and_filters(open_view: Callable[..., AppTest], data_set: DataSet) -> None:
    app = open_view()
    app.multiselect(key="filter label").select("sad").run()
    next(b for b in app.button if b.label == "Tag").click().run()
    assert "Give the tag a name first" in texts(app)
    app.text_input(key="new tag").set_value("gloomy").run()
    next(b for b in app.button if b.label == "Tag").click().run()
    assert len(data_set.tags()["gloomy"]) == 28
    again = open_view()
    again.multiselect(key="filter tag").select("gloomy").run()
    assert "**28** of 196 samples" in texts(again)


def test_right_and_wrong_are_told_apart(
    open_view: Callable[..., AppTest], data_set: DataSet, drawn: SampleTable
) -> None:
    predictor = get_predictor("compact")
    answer(data_set, predictor)
    predicted = predictor.probabilities(drawn.faces()).argmax(1)
    right = int((predicted == drawn.label_indices()).sum())
    app = open_view()
    app.segmented_control(key="filter outcome").set_value("right").run()
    assert f"**{right}** of 196 samples" in texts(app)
    app.segmented_control(key="filter outcome").set_value("wrong").run()
    assert f"**{196 - right}** of 196 samples" in texts(app)


@pytest.mark.usefixtures("data_set")
def test_balance_shows_every_class(open_view: Callable[..., AppTest]) -> None:
    app = open_view("Balance")
    table = app.dataframe[0].value
    assert table["train"].tolist() == [16] * 7
    assert table["validation"].tolist() == [8] * 7
    assert table["test"].tolist() == [4] * 7


def test_the_map_asks_for_features_and_then_draws(open_view: Callable[..., AppTest], data_set: DataSet) -> None:
    app = open_view("Map")
    assert any(b.label == "Classify it" for b in app.button)
    answer(data_set, get_predictor("compact"))
    app = open_view("Map")
    assert any(b.label == "Make it with PCA" for b in app.button)
    project(data_set, open_checkpoint("compact").card.weights_sha256, "pca")
    app = open_view("Map")
    assert "Draw a lasso" in texts(app)


def test_a_remedy_is_applied_and_undone(open_view: Callable[..., AppTest], drawn: SampleTable) -> None:
    ids = drawn.table["sample_id"].to_pylist()
    train = ids.index("train-0")
    test = next(i for i, sample in enumerate(ids) if sample.startswith("test"))
    rows = list(range(len(ids)))
    rows[train] = test  # the first training face becomes the first test face
    table = drawn.table.take(rows)
    for name in ("sample_id", "split"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), drawn.table[name])
    data_set = keep("twins", SampleTable(table, drawn.classes), "one planted twin")
    audit_data_set(data_set, "compact", ("exact-twins-across-splits",))
    app = open_view("Audit")
    assert any("The same picture in two splits" in e.label for e in app.expander)
    app.button(key="exclude exact-twins-across-splits").click().run()
    assert data_set.head.number == 2
    assert "train-0" not in data_set.samples().table["sample_id"].to_pylist()
    assert "196 samples before, 195 now" in texts(app)
    app.button(key="undo").click().run()
    assert data_set.head.number == 1
    app.button(key="keep exact-twins-across-splits").click().run()
    assert "kept as it is" in texts(app)
    assert not [e for e in app.expander if "The same picture in two splits" in e.label]
    app.button(key="again exact-twins-across-splits").click().run()
    assert any("The same picture in two splits" in e.label for e in app.expander)
    assert not app.exception


def test_versions_can_be_stepped_to(open_view: Callable[..., AppTest], data_set: DataSet) -> None:
    data_set.add_version(data_set.samples().split("train"), "only what is trained on")
    app = open_view("Versions")
    assert "only what is trained on" in texts(app)
    app.button(key="show version 1").click().run()
    assert data_set.head.number == 1


@pytest.mark.usefixtures("data_set")
def test_an_unknown_data_set_in_the_address_is_told(open_view: Callable[..., AppTest]) -> None:
    app = open_view(data="nowhere")
    assert "There is no data set “nowhere”" in texts(app)


def test_a_damaged_data_set_is_a_sentence(open_view: Callable[..., AppTest], data_set: DataSet) -> None:
    (data_set.folder / "samples.arrow").write_bytes(b"cut")
    app = open_view()
    assert "delete the data set drawn and import it again" in texts(app)
    app.button(key="delete").click().run()
    assert "No data set is here yet" in texts(app)
    assert not data_set.folder.exists()


def test_another_data_set_with_other_classes_forgets_what_does_not_fit(
    open_view: Callable[..., AppTest], data_set: DataSet, drawn: SampleTable
) -> None:
    happy = drawn.table.filter([name in {"happy", "sad"} for name in drawn.table["label"].to_pylist()])
    keep("two", SampleTable(happy, drawn.classes), "two classes")
    app = open_view(data=data_set.name)
    app.multiselect(key="filter label").select("fear").run()
    app.slider(key="filter brightness drawn").set_value(tuple(app.slider(key="filter brightness drawn").value)).run()
    app.selectbox(key="data").select("two").run()
    assert not app.exception
    assert "**56** of 56 samples" in texts(app)

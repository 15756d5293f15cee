"""The Saliency page's data-set view and trust panel through Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.data.store import keep
from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain import get_explainer
from fer_core.explain.trust import Examined, kept, trust
from fer_core.regions import MeanFace
from fer_core.regions.intervention import intervene
from fer_core.regions.kept import keep as keep_report
from fer_core.regions.measure import Asked, attribute
from fer_core.regions.report import report
from tests.pages.reading import texts

FEW = Resampling(50)


@pytest.fixture
def open_view(open_page: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Runs the page with its data-set view picked, as a link does."""
    return lambda **query: open_page("5_Saliency", **{"of": "Data set", **query})


def test_without_a_data_set_the_page_says_where_to_get_one(open_view: Callable[..., AppTest]) -> None:
    app = open_view()
    assert "No data set is here yet. Import one, or draw schematic faces." in texts(app)
    assert "The maps of this model have not been examined yet." in texts(app)
    assert "Examine on schematic faces" in [button.label for button in app.button]


def test_a_data_set_that_was_not_measured(open_view: Callable[..., AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    app = open_view()
    assert "Nothing has been measured on this data set yet." in texts(app)
    assert [box.value for box in app.selectbox if box.label == "Split"] == ["validation"]


def test_measure_starts_the_command(
    open_view: Callable[..., AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("few", few, "drawn for a test")
    started: list[list[str]] = []
    monkeypatch.setattr("ui.regions.start_task", lambda arguments, _about, _subject: started.append(arguments))
    app = open_view()
    next(box for box in app.selectbox if box.label == "Layer").set_value("fine")
    next(button for button in app.button if button.label == "Measure").click().run()
    assert not app.exception
    (arguments,) = started
    assert arguments[:2] == ["regions", "--checkpoint"]
    assert arguments[2].endswith("compact")
    assert arguments[3:] == [
        "--data", "few", "--keep", "--split", "validation", "--method", "gradcam", "--layer", "fine", "--intervene",
        "blur",
    ]  # fmt: skip


def test_a_report_is_shown(open_view: Callable[..., AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    explainer, samples, sources = get_explainer("compact"), few.split("validation"), (MeanFace(),)
    found = attribute(explainer, samples, sources=sources)
    taken = intervene(explainer, samples, Asked(), fills=("mean",), sources=sources)
    keep_report(report(found, explainer.layers(), taken, FEW), "few", "validation", "compact")
    app = open_view()
    said = texts(app)
    assert "14 faces, maps of 6 x 6 cells, regions from mean face 100.0 %; 0 maps without evidence." in said
    assert "A cell of the 6 x 6 map covers 8 x 8 pixels, and eyes" in said
    assert "The layer features.stage3.2.relu would be fine enough." in said
    assert "What drives disgust" in said
    assert "Faces behind disgust and mouth" in said
    table = app.dataframe[0].value
    assert table["class"].tolist()[:3] == ["angry", "disgust", "fear"]
    assert table["action units"].tolist()[3] == "6 + 12 + 25"
    assert table["seen in"].tolist()[3] == "eyes, mouth, cheeks"


def test_what_was_examined_is_shown_and_marks_the_maps(open_view: Callable[..., AppTest], few: SampleTable) -> None:
    explainer = get_explainer("compact")
    asked = Examined(("gradcam",), repeated=2, resampling=FEW)
    told = trust(explainer, few.split("validation").faces()[:3], asked)
    sha = open_checkpoint("compact").card.weights_sha256
    kept.keep({"data": "few", "split": "validation", **told.as_json()}, sha)
    said = texts(open_view(of="One face"))
    assert "3 faces of few, the predicted class of each" in said
    assert said.count(":gray-badge[too few faces to tell]") == 2  # beside the map, and in the panel
    assert kept.verdict_on(sha, "gradcam", "features.stage2.0") is None
    assert kept.verdict_on("0" * 64, "gradcam", "features.stage4.2.relu") is None

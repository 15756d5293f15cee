"""The Saliency page's data-set view and trust panel through Streamlit's AppTest."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
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
from fer_core.regions.kept import kept_reports
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


def test_trust_is_examined_on_the_data_set_or_where_the_truth_is_known(
    open_view: Callable[..., AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("few", few, "drawn for a test")
    started: list[list[str]] = []
    monkeypatch.setattr("ui.trust.start_task", lambda arguments, _about, _subject: started.append(arguments))
    app = open_view()
    for faces in ("few", "schematic faces"):
        [choice] = [group for group in app.segmented_control if group.label == "Faces to examine on"]
        choice.set_value(faces).run()
        next(button for button in app.button if button.label == f"Examine on {faces}").click().run()
        assert not app.exception
    assert started[0][3:7] == ["--data", "few", "--split", "validation"]
    assert started[1][3] == "--drawn"


def test_measure_starts_the_command(
    open_view: Callable[..., AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("few", few, "drawn for a test")
    started: list[list[str]] = []
    monkeypatch.setattr("ui.regions.start_task", lambda arguments, _about, _subject: started.append(arguments))
    app = open_view()
    boxes = {box.label: box for box in app.selectbox}
    boxes["Layer"].set_value("fine")
    boxes["Points"].set_value("mean")
    next(button for button in app.button if button.label == "Measure").click().run()
    assert not app.exception
    (arguments,) = started
    assert arguments[:2] == ["regions", "--checkpoint"]
    assert arguments[2].endswith("compact")
    assert arguments[3:] == [
        "--data", "few", "--keep", "--split", "validation", "--method", "gradcam", "--points", "mean", "--layer",
        "fine", "--intervene", "blur",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ready", "choices"),
    [(True, ["landmark network", "YuNet", "mean face alone"]), (False, ["landmark network", "mean face alone"])],
)
def test_points_to_choose_from_need_no_download(
    open_view: Callable[..., AppTest], few: SampleTable, monkeypatch: pytest.MonkeyPatch, ready: bool,
    choices: list[str],
) -> None:  # fmt: skip
    keep("few", few, "drawn for a test")
    monkeypatch.setattr("ui.regions.yunet_is_ready", lambda: ready)
    points = next(box for box in open_view().selectbox if box.label == "Points")
    assert points.options == choices
    assert points.value == "network"


def test_a_report_is_shown(open_view: Callable[..., AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    explainer, samples, sources = get_explainer("compact"), few.split("validation"), (MeanFace(),)
    found = attribute(explainer, samples, sources=sources)
    taken = intervene(explainer, samples, Asked(), fills=("mean",), sources=sources)
    keep_report(report(found, explainer.layers(), taken, FEW), "few", "validation", "compact")
    app = open_view()
    said = texts(app)
    assert "14 faces, maps of 6 x 6 cells for the predicted class, regions from mean face 100.0 %" in said
    assert "; 0 maps without evidence." in said
    assert said.count("A cell of the 6 x 6 map covers 8 x 8 pixels, and ") == 1
    assert "; eyes 10 x 5 (width x height, 32 pixels in all). The layer" in said
    assert "The layer features.stage3.2.relu would be fine enough." in said
    assert "What drives disgust" in said
    assert "Faces behind disgust and mouth" in said
    assert "2 faces of disgust. Filled where" in said
    brows = next(row for row in kept_reports("few")[0].told["regions"] if row["group"] == "disgust")
    assert f"{brows['density']:.2f} [" in app.dataframe[0].value["times an even map"][0]
    assert app.dataframe[0].value["times an even map"][1].startswith("(")  # too coarse for eyes
    assert "Disgust, 2 faces with a map; in square brackets" in said
    outcomes = app.dataframe[1].value
    said_of_disgust = [found.classes[k] for k in found.predicted[found.labels == 1]]
    counted = {"all": 2, "right": said_of_disgust.count("disgust"), "wrong": 2 - said_of_disgust.count("disgust")}
    counted |= {f"taken for {name}": said_of_disgust.count(name) for name in said_of_disgust if name != "disgust"}
    assert dict(zip(outcomes["disgust, mouth"], outcomes["n"], strict=True)) == {k: n for k, n in counted.items() if n}
    table = app.dataframe[2].value
    assert table["class"].tolist()[:3] == ["angry", "disgust", "fear"]
    assert table["action units"].tolist()[3] == "6 + 12 + 25"
    assert table["seen in"].tolist()[3] == "eyes, mouth, cheeks"
    assert app.toggle(key="maps over faces").value
    app.toggle(key="maps over faces").set_value(False).run()
    assert not app.exception
    assert not app.error


def test_a_report_of_the_labels_says_so(open_view: Callable[..., AppTest], few: SampleTable) -> None:
    keep("few", few, "drawn for a test")
    explainer = get_explainer("compact")
    found = attribute(explainer, few.split("validation"), Asked(explained="label"), sources=(MeanFace(),))
    keep_report(report(found, explainer.layers(), None, FEW), "few", "validation", "compact", "mean")
    app = open_view()
    assert "maps of 6 x 6 cells for the label, regions from mean face 100.0 %" in texts(app)
    shown = next(box for box in app.selectbox if box.label == "Report").options
    assert shown == [f"validation, compact, gradcam at {found.layer}, explaining the label, points from mean"]


def test_what_was_examined_is_shown_and_marks_the_maps(open_view: Callable[..., AppTest], few: SampleTable) -> None:
    explainer = get_explainer("compact")
    asked = Examined(("gradcam",), repeated=2, resampling=FEW)
    told = trust(explainer, few.split("validation").faces()[:3], asked)
    sha = open_checkpoint("compact").card.weights_sha256
    kept.keep({"data": "few", "split": "validation", **told.as_json()}, sha)
    said = texts(open_view(of="One face"))
    assert "3 faces of few, the predicted class of each" in said
    assert said.count(":gray-badge[too few faces to tell]") == 2  # beside the map, and in the panel
    assert "Do maps go when the weights go?" in said
    assert "Do methods agree with one another?" not in said  # there is one
    assert kept.verdict_on(sha, "gradcam", "features.stage2.0") is None
    assert kept.verdict_on("0" * 64, "gradcam", "features.stage4.2.relu") is None


def test_maps_of_a_report_are_those_of_the_model(few: SampleTable) -> None:
    from ui.datasets.shown import open_shown
    from ui.region_maps import cheap, map_pictures

    keep("few", few, "drawn for a test")
    explainer, samples = get_explainer("compact"), few.split("validation")
    found = attribute(explainer, samples, sources=(MeanFace(),))
    keep_report(report(found, explainer.layers(), None, FEW), "few", "validation", "compact")
    (kept_one,) = kept_reports("few")
    assert cheap(kept_one)
    faces = kept_one.faces()
    (src,) = map_pictures(kept_one, faces, [3], open_shown("few", None))
    row = samples.table["sample_id"].to_pylist().index(str(faces["sample_ids"][3]))
    crop = samples.decode(row)
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(src.split(",")[1]))).convert("RGB"), int)
    raw = explainer.explain(crop).raw
    strongest = np.unravel_index(raw.argmax(), raw.shape)
    weakest = np.unravel_index(raw.argmin(), raw.shape)
    cell = 144 // raw.shape[0]

    def colourful(at: tuple[Any, ...]) -> float:
        part = drawn[at[0] * cell : (at[0] + 1) * cell, at[1] * cell : (at[1] + 1) * cell]
        return float((part.max(2) - part.min(2)).mean())

    assert colourful(strongest) > 60
    assert raw.min() < 0
    assert colourful(weakest) < 20  # where nothing speaks for the class the face stays grey

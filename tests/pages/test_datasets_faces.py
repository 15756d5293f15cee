"""The Datasets page: faces are cut out at import, and what came of it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core import faces as detectors
from fer_core.data.importing import import_samples
from fer_core.faces import Face
from tests.fer_core.data.readers.trees import kdef
from tests.pages.reading import texts

FORM = {
    "auto": "Cut out of whole photographs (KDEF, CK+, JAFFE)",
    "crop": "Cut out of every picture",
    "keep": "Leave pictures as they are",
}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Arguments of what the page would have started."""
    found: list[list[str]] = []
    monkeypatch.setattr("ui.datasets.adding.start_task", lambda arguments, _about, _subject: found.append(arguments))
    return found


@pytest.mark.usefixtures("data_set")
@pytest.mark.parametrize("how", [None, "crop", "keep"])
def test_the_form_says_what_becomes_of_faces(
    open_page: Callable[..., AppTest], started: list[list[str]], how: str | None
) -> None:
    app = open_page("1_Datasets", view="Add")
    choice = app.selectbox(key="faces of path")
    assert choice.options == list(FORM.values())
    assert choice.value == "auto"
    if how is not None:
        choice.set_value(how)
    next(t for t in app.text_input if t.label == "File, folder or archive on this machine").set_value("/data/KDEF")
    next(b for b in app.button if b.label == "Import").click().run()
    assert not app.exception
    assert started == [["data", "import", "/data/KDEF", "--on-error", "skip", "--faces", how or "auto"]]


class OfSomeOnly:
    """Finds a face in every picture but the dark ones."""

    name = "some"

    def detect(self, image: object) -> list[Face]:
        return [Face((1, 1, 9, 9), 0.9)] if image.mean() > 10 else []  # type: ignore[attr-defined]


def test_the_report_is_shown_and_undone(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "get_detector", OfSomeOnly)
    kept = import_samples(kdef(tmp_path / "KDEF"))  # four pictures, the first of them dark
    assert kept.report.faces is not None
    assert kept.report.faces.without == {"angry": 1}
    app = open_page("1_Datasets", view="Versions", data="KDEF")
    assert "Faces: found in 3 of 4 pictures by some" in texts(app)
    assert "import of KDEF, faces cut out by some; 1 without a face left out (version 2 of 2)" in texts(app)
    assert [e.label for e in app.expander if "no face" in e.label] == ["Left out, no face found: angry 1"]
    assert [code.value for code in app.code if "AF01" in code.value] == ["AF01/AF01ANS.JPG"]
    assert "Not square: 1 picture, which a network sees squeezed" in texts(app)
    app.button(key="show version 1").click().run()
    assert kept.data_set.head.n == 4
    assert json.loads((kept.data_set.folder / "head.json").read_text()) == {"version": 1}
    assert not app.exception

"""Regions over a data set, and of one face, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fer_core.data import SampleTable
from fer_core.data.store import keep
from tests.browser.drawing import insist

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_measured_shown_and_clicked(
    app_url: str, app_home: Path, page: Page, few: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERSCOPE_HOME", str(app_home))
    keep("regional", few, "drawn for a test")
    page.goto(f"{app_url}/Saliency?of=Data+set&data=regional")
    expect(page.get_by_text("Nothing has been measured on this data set yet.")).to_be_visible()

    page.get_by_role("button", name="Measure").click()

    expect(page.get_by_text("14 faces, maps of 6 x 6 cells for the predicted class, regions from")).to_be_visible(
        timeout=240_000
    )
    expect(page.get_by_role("heading", name="What drives disgust")).to_be_visible()
    expect(page.get_by_role("heading", name="Faces behind disgust and mouth")).to_be_visible()
    cells = page.locator(".js-plotly-plot .heatmaplayer").first
    expect(cells).to_be_visible()
    expect(page.get_by_role("button", name="Mean map of fear")).to_be_visible()

    # The second row is fear, the third column the nose.
    def click() -> None:
        box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 1.5 / 7)

    insist(page, click, page.get_by_role("heading", name="Faces behind fear and nose"))
    expect(page.get_by_role("heading", name="What drives fear")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_regions_of_one_face(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Saliency?source=Sample")
    expect(page.get_by_role("heading", name="Regions of this face")).to_be_visible()
    expect(page.get_by_text("How dense a map's evidence is in a region")).to_be_visible()
    page.get_by_text("May these maps be believed?").click()
    expect(page.get_by_text("The maps of this model have not been examined yet.")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_another_model_on_the_same_face(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Saliency?source=Sample&beside=compact-teacher")
    expect(page.get_by_text("compact says happy, compact-teacher happy.")).to_be_visible()
    for whose in ("map of compact for happy", "map of compact-teacher for happy"):
        expect(page.get_by_role("img", name=f"Grad-CAM {whose}")).to_be_visible()
    expect(page.get_by_role("img", name="Grad-CAM: compact less compact-teacher")).to_be_visible()
    expect(page.get_by_text("in that of the other, where chance gives 20 %.")).to_be_visible()

    page.goto(f"{app_url}/Saliency?source=Sample")

    expect(page.get_by_role("img", name="Grad-CAM map for happy over the face")).to_be_visible()
    expect(page.get_by_role("combobox", name="Beside")).to_be_visible()
    expect(page.get_by_role("img", name="Grad-CAM: compact less compact-teacher")).to_have_count(0)
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)

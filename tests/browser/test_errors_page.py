"""The Errors page in a real browser: draw faces, evaluate, click cells of the matrix, see exactly their faces."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from fer_core.data.schematic import SchematicSpec, schematic_samples
from fer_core.predict import get_predictor
from tests.browser.drawing import draw_faces, insist

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PEOPLE, SEED = 9, 5


@pytest.fixture(scope="module")
def counted() -> tuple[tuple[str, ...], np.ndarray]:
    """Classes, and (7, 7) what `compact` says of the drawn training faces; row = label."""
    samples = schematic_samples(SchematicSpec(subjects=PEOPLE, seed=SEED)).samples.split("train")
    said = get_predictor("compact").probabilities(samples.faces()).argmax(1)
    counts = np.zeros((7, 7), dtype=int)
    np.add.at(counts, (samples.label_indices(), said), 1)
    return samples.classes.names, counts


def click_cell(page: Page, row: int, column: int, said: Locator) -> None:
    insist(page, lambda: _click(page, row, column), said)


def _click(page: Page, row: int, column: int) -> None:
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + (column + 0.5) / 7 * box["width"], box["y"] + (row + 0.5) / 7 * box["height"])


def faces(page: Page, alt: str) -> Locator:
    return page.get_by_role("button", name=re.compile(alt))


def test_a_click_on_a_cell_shows_exactly_its_faces(
    app_url: str, page: Page, counted: tuple[tuple[str, ...], np.ndarray]
) -> None:
    names, counts = counted
    data = draw_faces(page, app_url, PEOPLE, SEED)
    page.goto(f"{app_url}/Errors?data={data}&split=train")
    page.get_by_role("button", name=f"Evaluate compact on {data}, train").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=180_000)

    wrong = counts - np.diag(counts.diagonal())
    for cell in np.argsort(-wrong, axis=None)[:3]:
        row, column = divmod(int(cell), 7)
        true, said, n = names[row], names[column], int(wrong[row, column])
        click_cell(page, row, column, page.get_by_text(f"{n} of {counts[row].sum()} samples of {true}"))
        expect(faces(page, rf"^Sample \d+, {true}\. → {said} \d+%$")).to_have_count(min(n, 24))
        expect(faces(page, r"^Sample \d+, ")).to_have_count(min(n, 24))

    expect(page).to_have_url(re.compile(f"true={true}&said={said}"))

    # The address shows the same cell to somebody else.
    page.goto(page.url)
    expect(page.get_by_text(f"{n} of {counts[row].sum()} samples of {true}")).to_be_visible()
    faces(page, r"^Sample \d+, ").first.click()
    expect(page.get_by_role("dialog").get_by_text("What the checkpoints say")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_every_view_is_drawn_without_an_error(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Errors?data=schematic-{PEOPLE}-{SEED}&split=train")
    for view in ("One class", "Slices", "Calibration", "Votes", "Label errors", "Robustness"):
        page.get_by_role("radio", name=view, exact=True).click()
        expect(page).to_have_url(re.compile(view.replace(" ", r"(\+|%20)")))
        expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.locator('[data-testid="stException"]')).to_have_count(0)

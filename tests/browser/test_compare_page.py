"""The Compare page in a real browser: two checkpoints answer and are tested, and their table is copied."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from fer_core.data.schematic import SchematicSpec, schematic_samples
from fer_core.predict import get_predictor
from tests.browser.drawing import draw_faces

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PEOPLE, SEED = 10, 7
MODELS = ("compact", "compact-teacher")


@pytest.fixture(scope="module")
def right() -> dict[str, np.ndarray]:
    """By checkpoint whether it is right on each drawn training face."""
    samples = schematic_samples(SchematicSpec(subjects=PEOPLE, seed=SEED)).samples.split("train")
    faces, labels = samples.faces(), samples.label_indices()
    return {name: get_predictor(name).probabilities(faces).argmax(1) == labels for name in MODELS}


def test_two_checkpoints_are_compared(app_url: str, page: Page, right: dict[str, np.ndarray]) -> None:
    data = draw_faces(page, app_url, PEOPLE, SEED)
    page.goto(f"{app_url}/Compare?data={data}&split=train")
    page.get_by_role("button", name=f"Evaluate compact on {data}, train").click()
    expect(page.get_by_role("heading", name="Accuracy against cost")).to_be_visible(timeout=180_000)
    page.get_by_role("button", name="Evaluate compact-teacher").click()
    expect(page.get_by_text("Evaluation of compact-teacher")).to_be_visible()
    page.get_by_role("radio", name="Pairs", exact=True).click()
    first, second = (right[name] for name in MODELS)
    alone, other = int((first & ~second).sum()), int((second & ~first).sum())
    counted = f"compact alone is right on {alone}, compact-teacher alone on {other} of {len(first)} samples"
    expect(page.get_by_text(counted)).to_be_visible(timeout=90_000)

    # The faces of each kind of disagreement are as many as were counted.
    expect(page.get_by_role("radio", name=f"only compact right ({alone})")).to_be_visible()
    page.get_by_role("radio", name=f"only compact-teacher right ({other})").click()
    expect(page.get_by_role("button", name=re.compile(r"^Sample \d+, .* \| ✓ \d+%$"))).to_have_count(min(other, 24))

    page.get_by_role("radio", name="Leaderboard", exact=True).click()
    expect(page.get_by_role("heading", name="Accuracy against cost")).to_be_visible()
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_role("radio", name="LaTeX").click()
    expect(page.get_by_text(r"\begin{tabular}")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_every_view_is_drawn_without_an_error(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Compare?split=train")
    for view in ("Together", "Across data", "Claims", "Leaderboard"):
        page.get_by_role("radio", name=view, exact=True).click()
        expect(page.get_by_role("radio", name=view, exact=True)).to_be_checked()
        expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.locator('[data-testid="stException"]')).to_have_count(0)

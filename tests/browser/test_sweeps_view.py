"""Sweeps on the Train page in a real browser: start one, see its trials end by themselves, and what they found."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.drawing import settled
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


def enter(page: Page, field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Enter")
    settled(page)


def dots(page: Page) -> int:
    """How many complete trials the history shows."""
    return int(
        page.evaluate(
            "Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data || [])"
            ".filter(line => (line.name || '').startsWith('complete')).map(line => line.x.length))"
        )
    )


@pytest.mark.parametrize("page", ["dark"], indirect=True)
@pytest.mark.usefixtures("worker")
def test_a_sweep_from_its_form_to_its_best_trial(app_url: str, page: Page, faces: str) -> None:
    page.goto(f"{app_url}/Train?data={faces}&show=Sweeps")
    expect(page.get_by_text("No sweep is here yet")).to_be_visible()
    change = page.get_by_role("textbox", name="Changes that hold for every trial")
    enter(page, change, "epoch=2")
    expect(page.get_by_role("alert").get_by_text("did you mean epochs?")).to_be_visible()
    enter(page, change, "epochs=2")
    chosen = page.get_by_test_id("stMultiSelect").filter(has_text="What is varied")
    for _ in range(3):  # what the published sweep varies beside the filters
        chosen.get_by_role("button", name=re.compile("^Remove")).last.click()
        settled(page)
    keys = chosen.get_by_role("combobox")
    keys.click()
    expect(page.get_by_role("option", name="batch_size", exact=True)).to_be_visible()
    expect(page.get_by_role("option", name="Select all")).to_have_count(0)  # an early Enter would take every key
    keys.fill("batch_size")
    page.get_by_role("option", name="batch_size", exact=True).click()
    settled(page)
    enter(page, page.get_by_label("Lowest batch_size"), "4")
    enter(page, page.get_by_label("Highest batch_size"), "8")
    enter(page, page.get_by_label("Trials in all", exact=True).first, "2")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("2 trials of fec-cnn-sweep are in the queue")).to_be_visible()

    # Nothing is clicked: the view follows the trials to their end.
    page.goto(f"{app_url}/Train?data={faces}&show=Sweeps")
    until(lambda: dots(page) == 2)
    expect(page.get_by_test_id("stMetric").filter(has_text="best")).to_have_text(re.compile(r"best.*[01]\.\d{4}"))
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_text("Which keys matter is told when eight trials are complete.")).to_be_visible()

    # A trial is a job like others, and a run of its own can be made of it.
    page.goto(f"{app_url}/Train?data={faces}&show=Queue")
    row = page.locator('[class*="st-key-job-"]').filter(has_text="fec-cnn-sweep-1")
    expect(row.get_by_text("done", exact=True)).to_be_visible()
    row.get_by_role("button", name="Clone").click()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()

    # A job that is over can be deleted, which is asked once more.
    for trial in ("fec-cnn-sweep-0", "fec-cnn-sweep-1"):
        page.goto(f"{app_url}/Train?data={faces}&show=Queue")
        row = page.locator('[class*="st-key-job-"]').filter(has_text=trial)
        row.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete job").click()
        expect(row).to_have_count(0)

    # And so can the sweep.
    page.goto(f"{app_url}/Train?data={faces}&show=Sweeps")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete fec-cnn-sweep").click()
    expect(page.get_by_text("No sweep is here yet")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)

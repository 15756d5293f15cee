"""The first page in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_says_what_is_here_and_where_to_go(app_url: str, page: Page) -> None:
    page.goto(app_url)
    expect(page.get_by_role("heading", name="FERScope")).to_be_visible()
    expect(page.get_by_role("heading", name="Loaded: compact")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    expect(page.get_by_text("n = 3,589").first).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)

    page.get_by_role("link", name="Open the sample").click()

    expect(page.get_by_role("heading", name="Saliency", exact=True)).to_be_visible()


def test_unknown_checkpoint_in_the_link_is_named_and_the_page_goes_on(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/?checkpoint=nonsense")
    expect(page.get_by_text("There is no checkpoint “nonsense”")).to_be_visible()
    expect(page.get_by_role("heading", name="Loaded: compact")).to_be_visible()


@pytest.mark.parametrize(("page", "background"), [("light", 255), ("dark", 20)], indirect=["page"])
def test_both_themes(app_url: str, page: Page, background: int) -> None:
    page.goto(app_url)
    expect(page.get_by_role("heading", name="FERScope")).to_be_visible()
    colour = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert colour.removeprefix("rgb(").split(",")[0] == str(background)

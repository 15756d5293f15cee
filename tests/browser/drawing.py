"""What several browser tests do: wait for the page, click its charts, draw a data set of schematic faces."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect


def settled(page: Page) -> None:
    """Waits until the page has been drawn to its end; before, buttons of the last run stand beside the new ones."""
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")


def insist(page: Page, act: Callable[[], None], said: Locator) -> None:
    """Acts until the page says what it should; what is done to a figure that is being drawn anew is lost."""
    for _ in range(4):
        settled(page)
        act()
        with contextlib.suppress(AssertionError):
            expect(said).to_be_visible(timeout=15_000)
            return
    expect(said).to_be_visible()


def draw_faces(page: Page, app_url: str, people: int, seed: int) -> str:
    """Name of the data set; its faces are those of `SchematicSpec(subjects=people, seed=seed)`."""
    page.goto(f"{app_url}/Datasets")
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    expect(page.get_by_text("Add", exact=True).or_(page.get_by_text("No data set is here yet")).first).to_be_visible()
    if page.get_by_role("radio", name="Add", exact=True).count():
        page.get_by_role("radio", name="Add", exact=True).click()
    page.get_by_role("tab", name="Draw").click()
    for label, value in (("Persons", people), ("Seed", seed)):
        page.get_by_label(label, exact=True).fill(str(value))
        page.keyboard.press("Enter")
    page.get_by_text("Plant flaws").click()
    expect(page.get_by_role("checkbox", name="Plant flaws")).not_to_be_checked()
    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_text("Drawing faces:").wait_for()
    expect(page.get_by_text(re.compile("Drawing faces: "))).to_have_count(0, timeout=120_000)
    return f"schematic-{people}-{seed}"

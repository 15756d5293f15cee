"""The Datasets page in a real browser: import, filter, look, audit, remedy, undo."""

from __future__ import annotations

import io
import re
import zipfile

import cv2
import pytest
from playwright.sync_api import Page, expect

from fer_core.data.schematic import SchematicSpec, draw_face
from tests.browser.drawing import insist

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SPEC = SchematicSpec(subjects=6, per_subject_and_class=1, size_px=48, occlusion=0.0)
LAST = {1, 3}  # subjects whose pictures make the test split
TWINS = ("happy", "sad", "fear")  # of each, one training picture lies in the test split too


@pytest.fixture(scope="module")
def archive() -> bytes:
    """A ZIP of class folders: 42 drawn faces, 28 in train, 14 in test, and three copies of training faces in test."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for index in range(len(SPEC)):
            subject, label = SPEC.subject_of(index), SPEC.label_of(index)
            png = cv2.imencode(".png", draw_face(SPEC, index).image[..., ::-1])[1].tobytes()
            split = "test" if subject in LAST else "train"
            made.writestr(f"faces/{split}/{label}/{subject}.png", png)
            if subject == 0 and label in TWINS:
                made.writestr(f"faces/test/{label}/copy.png", png)
    return out.getvalue()


def view(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def import_archive(page: Page, app_url: str, archive: bytes, name: str) -> None:
    page.goto(f"{app_url}/Datasets")
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    expect(page.get_by_text("Add", exact=True).or_(page.get_by_text("No data set is here yet")).first).to_be_visible()
    if page.get_by_role("radio", name="Add", exact=True).count():
        view(page, "Add")
    page.get_by_role("tab", name="Upload").click()
    file = {"name": "drawn.zip", "mimeType": "application/zip", "buffer": archive}
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').first.set_input_files(file)
    box = page.get_by_role("textbox", name="Name", exact=True).last
    expect(box).to_have_value("drawn")
    box.fill(name)
    box.press("Enter")
    page.get_by_role("button", name="Import").last.click()


def wait_for_data_set(page: Page, app_url: str, name: str) -> None:
    """Until the import is done and the data set can be opened."""
    expect(page.get_by_text("Import of drawn.zip:")).to_be_visible()  # its progress
    expect(page.get_by_text(re.compile("Import of drawn.zip: (starting|read|unpacked)"))).to_have_count(
        0, timeout=120_000
    )
    page.goto(f"{app_url}/Datasets?data={name}")
    expect(page.get_by_text("45 of 45 samples")).to_be_visible()


def faces(page: Page) -> object:
    return page.get_by_role("button", name=re.compile(r"^Sample \d+, "))


def test_import_filter_open_audit_mend_and_undo(app_url: str, page: Page, archive: bytes) -> None:
    import_archive(page, app_url, archive, "drawn-faces")
    wait_for_data_set(page, app_url, "drawn-faces")
    expect(faces(page)).to_have_count(45)

    # A filter is in the address, so that a link reproduces it.
    page.get_by_role("combobox", name="Class").fill("disgust")
    expect(page.get_by_role("option")).to_have_text(["disgust"])  # the list was narrowed to it
    page.keyboard.press("Enter")
    expect(page.get_by_text("6 of 45 samples")).to_be_visible()
    expect(page).to_have_url(re.compile("disgust"))
    page.keyboard.press("Escape")  # the open list hides the page from screen readers
    expect(faces(page)).to_have_count(6)

    # A sample's sheet.
    faces(page).first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("img", name="Sample test/disgust")).to_be_visible()
    expect(sheet.get_by_text("No other sample has the same pixels")).to_be_visible()
    sheet.get_by_role("button", name="Close").click()

    # The audit finds the three twins across splits; the remedy takes the training copies out; undo brings them back.
    page.goto(f"{app_url}/Datasets?data=drawn-faces&view=Audit")
    page.get_by_role("button", name="Audit", exact=True).click()
    page.get_by_text(re.compile(r"^The same picture in two splits: 6 samples")).click(timeout=180_000)
    page.get_by_role("button", name="Exclude (3 samples)").first.click()
    expect(page.get_by_text("45 samples before, 42 now", exact=False)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(re.compile(r"45 samples, import of drawn.zip \(version 1 of 2\)"))).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_a_lasso_on_the_map_picks_faces(app_url: str, page: Page, archive: bytes) -> None:
    import_archive(page, app_url, archive, "lassoed")
    wait_for_data_set(page, app_url, "lassoed")
    page.goto(f"{app_url}/Datasets?data=lassoed&view=Map")
    page.get_by_role("button", name="Classify it").click()
    plot = page.locator(".js-plotly-plot .nsewdrag")
    expect(plot).to_be_visible(timeout=180_000)

    def lasso_everything() -> None:  # the lasso is the chart's default tool
        box = plot.bounding_box()
        assert box is not None
        corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.03)]
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=12)
        page.mouse.up()

    insist(page, lasso_everything, page.get_by_text(re.compile(r"^4\d samples chosen")))
    expect(faces(page).first).to_be_visible()
    view(page, "Browse")
    expect(page.get_by_text(re.compile(r"^Only the 4\d samples chosen on the map"))).to_be_visible()


def test_a_hostile_archive_is_a_sentence(app_url: str, page: Page) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("../../escape/angry/1.png", b"x")
    import_archive(page, app_url, out.getvalue(), "hostile")
    alert = page.get_by_role("alert").get_by_text("escape", exact=False)
    expect(alert).to_be_visible(timeout=120_000)
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)

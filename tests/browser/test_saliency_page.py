"""The Saliency page in a real browser: a photograph in; face, probabilities and map out."""

from __future__ import annotations

import contextlib
import io
import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooSlow
from skimage import data

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def photograph() -> bytes:
    """The astronaut, enlarged, as a JPEG file."""
    out = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((800, 800)).save(out, "JPEG", quality=92)
    return out.getvalue()


def upload(page: Page, *files: tuple[str, bytes]) -> None:
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(payload)


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in its header and nothing in its body."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_upload_box_bars_map_and_downloads(app_url: str, page: Page, photograph: bytes, tmp_path: Path) -> None:
    page.goto(f"{app_url}/Saliency?source=Upload")
    upload(page, ("holiday.jpg", photograph))

    expect(page.get_by_text("holiday.jpg: 800 x 800 pixels, 1 face")).to_be_visible()
    expect(page.get_by_role("img", name="holiday.jpg with 1 face boxed and numbered")).to_be_visible()
    expect(page.get_by_text("1 · happy", exact=False).first).to_be_visible()
    bars = page.locator(".js-plotly-plot .bartext, .js-plotly-plot .barlayer text")
    expect(bars).to_have_count(7)
    shares = [float(text.replace("%", "")) for text in bars.all_text_contents()]
    assert sum(shares) == pytest.approx(100, abs=0.4)
    assert max(shares) == shares[3], "happy is the fourth class of FER7"
    expect(page.get_by_role("img", name="Grad-CAM map for happy over the face")).to_be_visible()

    saved = {}
    for label in ("Overlay (PNG)", "Raw map (NPY)", "Figures (JSON)"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label).first.click()
        saved[label] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved[label])
    figures = json.loads(saved["Figures (JSON)"].read_text())
    raw = np.load(saved["Raw map (NPY)"], allow_pickle=False)
    assert (figures["target"], figures["method"], figures["checkpoint"]) == ("happy", "gradcam", "compact")
    np.testing.assert_allclose(figures["raw"], raw, rtol=1e-6)
    assert list(raw.shape) == figures["map_hw"]
    overlay = np.asarray(Image.open(saved["Overlay (PNG)"]))
    assert overlay.shape == (384, 384, 3)
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_methods_side_by_side_and_one_class_against_another(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Saliency?source=Sample&versus=sad")
    expect(page.get_by_text("Evidence for happy rather than sad.")).to_be_visible()
    expect(page.get_by_role("img", name="Grad-CAM map for happy rather than sad over the face")).to_be_visible()

    page.get_by_role("combobox", name="Methods").fill("HiResCAM")
    expect(page.get_by_role("option")).to_have_text(["HiResCAM"])  # the list was narrowed to it
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # closes the list, which hides the rest of the page from screen readers

    expect(page.get_by_role("img", name="HiResCAM map for happy rather than sad over the face")).to_be_visible()
    expect(page.get_by_role("img", name="Grad-CAM map for happy rather than sad over the face")).to_be_visible()
    page.wait_for_function("location.search.includes('hirescam') || location.search.includes('HiResCAM')")

    page.reload()

    expect(page.get_by_role("img", name="HiResCAM map for happy rather than sad over the face")).to_be_visible()


def test_the_map_on_the_photograph(app_url: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{app_url}/Saliency?source=Sample")
    expect(page.get_by_role("img", name="Grad-CAM map for happy over the face")).to_be_visible()

    page.get_by_role("radio", name="photograph").click()

    expect(page.get_by_role("img", name="Grad-CAM map for happy over the photograph")).to_be_visible()
    expect(page.get_by_text("The network was not shown what lies outside the white square.")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Overlay (PNG)").click()
    assert waiting.value.suggested_filename == "gradcam-happy-photograph.png"
    waiting.value.save_as(tmp_path / "overlay.png")
    changed = (np.asarray(Image.open(tmp_path / "overlay.png")) != data.astronaut()).any(2)
    rows, columns = np.nonzero(changed)
    # Her face, from above the eyes to the chin, stands within these pixels.
    assert (rows.min() > 40, rows.max() < 200, columns.min() > 150, columns.max() < 300) == (True,) * 4
    assert changed[60:180, 180:270].mean() > 0.1
    page.wait_for_function("location.search.includes('ground=photograph')")

    page.reload()

    expect(page.get_by_role("img", name="Grad-CAM map for happy over the photograph")).to_be_visible()


def test_hostile_uploads_are_told_apart_and_the_good_one_is_shown(app_url: str, page: Page, photograph: bytes) -> None:
    page.goto(f"{app_url}/Saliency?source=Upload")
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    upload(
        page,
        ("empty.png", b""),
        ("page.jpg", b"<!DOCTYPE html><html><body>hello</body></html>"),
        ("half.jpg", photograph[: len(photograph) // 2]),
        ("drawing.svg", svg),
        ("bomb.png", bomb()),
        ("good.jpg", photograph),
    )
    expect(page.get_by_text("good.jpg: 800 x 800 pixels, 1 face")).to_be_visible()
    sentences = page.get_by_role("alert")
    for said in (
        "empty.png is empty",
        "page.jpg seems to be a web page",
        "half.jpg begins like a JPEG",
        "an SVG drawing",
    ):
        expect(sentences.filter(has_text=said)).to_be_visible()
    expect(sentences.filter(has_text="bomb.png states a size of 30000 x 30000 pixels")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_fifty_faces_are_boxed_and_any_can_be_picked(app_url: str, page: Page) -> None:
    head = Image.fromarray(data.astronaut()[20:200, 130:310]).resize((110, 110))
    crowd = Image.new("RGB", (1100, 550))
    for column in range(10):
        for row in range(5):
            crowd.paste(head, (110 * column, 110 * row))
    out = io.BytesIO()
    crowd.save(out, "PNG")
    page.goto(f"{app_url}/Saliency?source=Upload")
    upload(page, ("crowd.png", out.getvalue()))
    expect(page.get_by_text("crowd.png: 1100 x 550 pixels, 50 faces")).to_be_visible()
    page.get_by_role("combobox", name="Face", exact=True).click()
    page.get_by_role("option", name=re.compile("^2 · ")).click()
    expect(page.get_by_role("img", name="face 2, the crop that was classified")).to_be_visible()


def test_one_bad_upload_is_a_sentence(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Saliency?source=Upload")
    upload(page, ("bomb.png", bomb()))
    expect(page.get_by_role("alert").get_by_text("bomb.png", exact=False)).to_be_visible()
    expect(page.get_by_role("alert").get_by_text("30000 x 30000", exact=False)).to_be_visible()


def test_no_face_is_said(app_url: str, page: Page) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(blank, "PNG")
    page.goto(f"{app_url}/Saliency?source=Upload")
    upload(page, ("wall.png", blank.getvalue()))
    expect(page.get_by_text("No face was found")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(0)


def test_two_hundred_files_are_cut_to_a_hundred(app_url: str, page: Page, photograph: bytes) -> None:
    tiny = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(tiny, "PNG")
    page.goto(f"{app_url}/Saliency?source=Upload")
    upload(page, ("first.jpg", photograph), *((f"{i:03}.png", tiny.getvalue() + bytes([i])) for i in range(199)))
    expect(page.get_by_text("200 pictures were given; the first 100 are shown.", exact=False)).to_be_visible()
    expect(page.get_by_text("first.jpg: 800 x 800 pixels, 1 face")).to_be_visible(timeout=120_000)


def take_photo(page: Page) -> None:
    """Takes a picture. A click is lost before the first frame, and while Streamlit asks the camera for another size."""
    taken = page.get_by_role("button", name="Clear photo")
    for _ in range(5):
        page.wait_for_function(
            "() => { const v = document.querySelector('video'); return v && v.videoWidth > 0 && v.readyState >= 2 }"
        )
        page.get_by_role("button", name="Take Photo").click()
        with contextlib.suppress(TooSlow):
            taken.wait_for(timeout=10_000)
            return
    expect(taken).to_be_visible()


def test_the_cameras_still_picture(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Saliency?source=Camera")
    take_photo(page)
    # Chromium's fake camera shows a green field with a moving disc: no face.
    expect(page.get_by_text("No face was found")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_dark_theme_draws_light_labels(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/Saliency?source=Sample")
    label = page.locator(".js-plotly-plot .ytick text").first
    expect(label).to_be_visible()
    red = int(label.evaluate("e => getComputedStyle(e).fill").removeprefix("rgb(").split(",")[0])
    assert red > 180
